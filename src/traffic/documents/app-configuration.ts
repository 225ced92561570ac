import { bearerTokenAuthenticationPolicy } from '@azure/core-rest-pipeline'
import type { Cloud } from '../../workspace/azureml/cloud.ts'
import { apiClient } from '../http/api-client.ts'
import type { StableEndpoint } from '../stable-endpoint.ts'
import { formatDocument } from './config-document.ts'
import { documentEndpoint, readDocument } from './document-endpoint.ts'

export interface AppConfigurationOptions {
  /** `https://NAME.azconfig.io`. */
  readonly store: string
  readonly key: string
  readonly label: string | undefined
  readonly cloud: () => Promise<Cloud>
}

const apiVersion = '1.0'
const mediaType = 'application/vnd.microsoft.appconfig.kv+json'

/** Leads by a key-value of Azure App Configuration: a JSON value, conditional on its ETag (I1). */
export function appConfigurationEndpoint(options: AppConfigurationOptions): StableEndpoint {
  const { store, key, label } = options
  const origin = store.replace(/\/+$/, '')
  const name = `${key}${label === undefined ? '' : ` (${label})`} in ${new URL(origin).host}`
  const query = new URLSearchParams({
    'api-version': apiVersion,
    ...(label === undefined ? {} : { label }),
  })
  const url = `${origin}/kv/${encodeURIComponent(key)}?${query}`
  const send = apiClient(async () => {
    const { ca, credential } = await options.cloud()
    return {
      ca,
      authorize: bearerTokenAuthenticationPolicy({
        credential: await credential(),
        scopes: `${audienceOf(origin)}/.default`,
      }),
      rightsHint: 'Give the identity of the controller the role App Configuration Data Owner.',
    }
  })
  return documentEndpoint<{ etag: string; rest: object }>({
    name,
    async read({ signal }) {
      const headers = { accept: `${mediaType}, application/json` }
      const { status, body, header } = await send({
        method: 'GET',
        url,
        headers,
        place: name,
        signal,
      })
      if (status === 404) return undefined
      const document = readDocument(String(body?.value ?? ''), name)
      const rest = body?.tags === undefined ? {} : { tags: body.tags }
      return { document, version: { etag: header('etag') ?? '', rest } }
    },
    async write(document, seen, { signal }) {
      const condition =
        seen === undefined ? { 'if-none-match': '*' } : { 'if-match': seen.version.etag }
      const body = {
        ...seen?.version.rest,
        value: formatDocument(document),
        content_type: 'application/json',
      }
      const headers = { ...condition, 'content-type': mediaType }
      await send({ method: 'PUT', url, headers, body, place: name, signal })
    },
  })
}

/** The token is for the service in that cloud: `https://azconfig.io`, `https://azconfig.azure.us`. */
function audienceOf(origin: string): string {
  const { hostname } = new URL(origin)
  return `https://${hostname.slice(hostname.indexOf('.') + 1)}`
}
