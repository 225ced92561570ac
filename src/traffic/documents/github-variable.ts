import { HoldfastError } from '../../model/errors.ts'
import { apiClient, headerPolicy } from '../http/api-client.ts'
import type { StableEndpoint } from '../stable-endpoint.ts'
import { documentEndpoint, readDocument } from './document-endpoint.ts'

export interface GithubVariableOptions {
  /** `owner/name`. */
  readonly repository: string
  readonly variable: string
  /** Deployment environment that the variable belongs to; absent: the repository itself. */
  readonly environment: string | undefined
  readonly token: () => string
  /** `https://api.github.com`, or that of a server of one's own. */
  readonly api: string
  readonly ca?: string | undefined
}

/**
 * Leads by a GitHub Actions variable; workflows read `fromJSON(vars.NAME).workspace_name`. One
 * variable, so that it changes whole. GitHub has no conditional write: the epoch register keeps
 * other controllers away (I1).
 */
export function githubVariableEndpoint(options: GithubVariableOptions): StableEndpoint {
  const { repository, variable, environment, token, ca } = options
  const api = options.api.replace(/\/+$/, '')
  const name = `${variable} of ${repository}${environment === undefined ? '' : ` (${environment})`}`
  const owner =
    environment === undefined
      ? `${api}/repos/${repository}/actions/variables`
      : `${api}/repos/${repository}/environments/${encodeURIComponent(environment)}/variables`
  const url = `${owner}/${variable}`
  const headers = { accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' }
  const send = apiClient(async () => ({
    ca,
    authorize: headerPolicy('authorization', () => `Bearer ${token()}`),
    rightsHint: 'The token needs the permission "Variables: read and write" of this repository.',
  }))
  return documentEndpoint<undefined>({
    name,
    async read({ signal }) {
      const { status, body } = await send({ method: 'GET', url, headers, place: name, signal })
      if (status === 404) return undefined
      return { document: readDocument(String(body?.value ?? ''), name), version: undefined }
    },
    async write(document, seen, { signal }) {
      const body = { name: variable, value: JSON.stringify(document) }
      const call = seen === undefined ? { method: 'POST', url: owner } : { method: 'PATCH', url }
      const { status } = await send({
        method: call.method as 'POST',
        url: call.url,
        headers,
        body,
        place: name,
        signal,
      })
      // GitHub says so, too, for a repository that the token may not see.
      if (status === 404) throw noRepository(name)
    },
  })
}

function noRepository(place: string): HoldfastError {
  return new HoldfastError(
    'traffic.not-found',
    'There is no such repository, or not for this token.',
    {
      kind: 'operator',
      place,
      hint: 'Check `github:` and what the token may see.',
    },
  )
}
