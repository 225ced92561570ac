import { bearerTokenAuthenticationPolicy } from '@azure/core-rest-pipeline'
import { HoldfastError } from '../../model/errors.ts'
import type { Cloud } from '../../workspace/azureml/cloud.ts'
import { sleep } from '../../workspace/cancellation.ts'
import { type ApiAnswer, type ApiDocument, apiClient, documentAt } from '../http/api-client.ts'

interface Options {
  readonly signal?: AbortSignal | undefined
}

export interface ArmResource {
  readonly id: string
  readonly document: ApiDocument
  /** Absent where the service has none; a write is conditional on it where it has. */
  readonly etag: string | undefined
}

/** Resources of Azure Resource Manager, as raw JSON: fields that Holdfast does not know stay. */
export interface ArmResources {
  /** Throws `traffic.not-found` (operator). */
  get(id: string, options: Options): Promise<ArmResource>
  /** Replaces or merges, and waits until it is done. Throws `traffic.changed` when the ETag moved. */
  put(seen: ArmResource, body: ApiDocument, options: Options): Promise<void>
  patch(seen: ArmResource, body: ApiDocument, options: Options): Promise<void>
}

export function armResources(
  openCloud: () => Promise<Cloud>,
  apiVersion: string,
  rights: string,
): ArmResources {
  const send = apiClient(async () => {
    const cloud = await openCloud()
    const credential = await cloud.credential()
    const scopes = `${cloud.resourceManager}/.default`
    return {
      ca: cloud.ca,
      authorize: bearerTokenAuthenticationPolicy({ credential, scopes }),
      rightsHint: `Give the identity of the controller the role ${rights} on it.`,
    }
  })
  const urlOf = async (id: string) =>
    `${(await openCloud()).resourceManager}${id}?api-version=${apiVersion}`

  async function write(
    method: 'PUT' | 'PATCH',
    { id, etag }: ArmResource,
    body: ApiDocument,
    { signal }: Options,
  ): Promise<void> {
    const headers = etag === undefined ? {} : { 'if-match': etag }
    const answer = await send({ method, url: await urlOf(id), body, headers, place: id, signal })
    if (answer.status === 404) throw notFound(id)
    await settled(answer, id, signal)
  }

  async function settled(
    started: ApiAnswer,
    place: string,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const url = started.header('azure-asyncoperation') ?? started.header('location')
    if (url === undefined) return
    for (let answer = started; ; ) {
      await sleep(waitMs(answer), signal)
      answer = await send({ method: 'GET', url, place, signal })
      const status = String(answer.body?.status ?? '')
      if (status === 'Failed' || status === 'Canceled') throw failed(place, answer.body)
      const isRunning = answer.status === 202 || /^(InProgress|Running|Accepted)$/i.test(status)
      if (!isRunning) return
    }
  }

  return {
    async get(id, { signal }) {
      const answer = await send({ method: 'GET', url: await urlOf(id), place: id, signal })
      if (answer.status === 404 || answer.body === undefined) throw notFound(id)
      const inBody = typeof answer.body.etag === 'string' ? answer.body.etag : undefined
      return { id, document: answer.body, etag: answer.header('etag') ?? inBody }
    },
    put: (seen, body, options) => write('PUT', seen, body, options),
    patch: (seen, body, options) => write('PATCH', seen, body, options),
  }
}

const waitMs = (answer: ApiAnswer): number => {
  const seconds = Number(answer.header('retry-after') ?? 1)
  return Number.isFinite(seconds) ? seconds * 1000 : 1000
}

function notFound(id: string): HoldfastError {
  return new HoldfastError('traffic.not-found', 'There is no such resource.', {
    kind: 'operator',
    place: id,
    hint: 'Check the id and the names of this entry in continuity.yaml.',
  })
}

function failed(place: string, body: ApiDocument | undefined): HoldfastError {
  const { code, message } = documentAt(body?.error)
  const text = [code, message].filter((each) => typeof each === 'string').join(' ')
  return new HoldfastError(
    'traffic.refused',
    `The operation failed: ${text || 'no reason given'}`,
    {
      place,
    },
  )
}
