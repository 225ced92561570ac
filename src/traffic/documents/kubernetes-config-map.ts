import { readFile } from 'node:fs/promises'
import { HoldfastError } from '../../model/errors.ts'
import { type ApiDocument, apiClient, documentAt, headerPolicy } from '../http/api-client.ts'
import type { StableEndpoint } from '../stable-endpoint.ts'
import { formatDocument } from './config-document.ts'
import { documentEndpoint, readDocument } from './document-endpoint.ts'

export interface KubernetesConfigMapOptions {
  /** `https://kubernetes.default.svc`. */
  readonly server: string
  readonly namespace: string
  readonly configMap: string
  /** Absent: the service account of the pod. */
  readonly token: (() => string) | undefined
  /** PEM of the cluster's CA; absent: that of the pod. */
  readonly caPath: string | undefined
}

const account = '/var/run/secrets/kubernetes.io/serviceaccount'
const key = 'config.json'

/**
 * Leads by `config.json` in a Kubernetes ConfigMap, which pods mount or read. Every write carries
 * the `resourceVersion` that was read, so the API server refuses one based on an old look (I1).
 */
export function kubernetesConfigMapEndpoint(options: KubernetesConfigMapOptions): StableEndpoint {
  const { namespace, configMap } = options
  const name = `config map ${namespace}/${configMap}`
  const maps = `${options.server.replace(/\/+$/, '')}/api/v1/namespaces/${namespace}/configmaps`
  const url = `${maps}/${configMap}`
  const send = apiClient(async () => {
    const ca = await readAccount(options.caPath ?? `${account}/ca.crt`, name)
    const ownToken = options.token ? '' : await readAccount(`${account}/token`, name)
    const token = options.token ?? (() => ownToken.trim())
    return {
      ca,
      authorize: headerPolicy('authorization', () => `Bearer ${token()}`),
      rightsHint: `The account needs the verbs get, create and update on configmaps of ${namespace}.`,
    }
  })
  return documentEndpoint<ApiDocument>({
    name,
    async read({ signal }) {
      const { status, body } = await send({ method: 'GET', url, place: name, signal })
      if (status === 404 || body === undefined) return undefined
      const text = documentAt(body.data)[key]
      return {
        document: text === undefined ? {} : readDocument(String(text), name),
        version: body,
      }
    },
    async write(document, seen, { signal }) {
      const text = formatDocument(document)
      if (seen === undefined) {
        const metadata = { name: configMap, namespace }
        const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { [key]: text } }
        const { status } = await send({ method: 'POST', url: maps, body, place: name, signal })
        if (status === 404) throw noNamespace(name)
        return
      }
      const body = { ...seen.version, data: { ...documentAt(seen.version.data), [key]: text } }
      await send({ method: 'PUT', url, body, place: name, signal })
    },
  })
}

async function readAccount(path: string, place: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new HoldfastError('traffic.no-secret', `${path} cannot be read.`, {
      kind: 'operator',
      place,
      hint: 'Outside a pod, name `token:` and `ca:` in the entry of continuity.yaml.',
      cause,
    })
  }
}

function noNamespace(place: string): HoldfastError {
  return new HoldfastError('traffic.not-found', 'There is no such namespace.', {
    kind: 'operator',
    place,
    hint: 'Make it, or correct `kubernetes:` in continuity.yaml.',
  })
}
