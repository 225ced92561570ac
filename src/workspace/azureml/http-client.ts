import {
  bearerTokenAuthenticationPolicy,
  createDefaultHttpClient,
  createEmptyPipeline,
  createHttpHeaders,
  createPipelineRequest,
  decompressResponsePolicy,
  type HttpMethods,
  type Pipeline,
  type PipelineResponse,
  tlsPolicy,
  userAgentPolicy,
} from '@azure/core-rest-pipeline'
import type { Json } from '../../model/json.ts'
import { throwIfCancelled } from '../cancellation.ts'
import { deadlineOf } from '../deadline.ts'
import type { Cloud } from './cloud.ts'
import { type CallFacts, translateFailure, translateStatus } from './http-errors.ts'

export interface HttpRequest {
  readonly method: HttpMethods
  /** Absolute address. */
  readonly url: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
  /** For messages: `model/fraud/3`, `runs`. */
  readonly place: string
  /** Answers that are no errors besides 2xx; the caller looks at `status`. */
  readonly accept?: readonly number[]
}

export interface HttpAnswer {
  readonly status: number
  header(name: string): string | undefined
  /** Parsed JSON; undefined for an empty body. */
  readonly body: Json | undefined
}

/** Milliseconds a request may take before its outcome counts as unknown. */
const timeoutMs = 60_000

/**
 * Raw JSON over the official pipeline (design D1). It never repeats a request: that belongs to the
 * `retrying` decorator, which knows what may be repeated.
 */
export class HttpClient {
  readonly #pipeline: Promise<Pipeline>
  readonly #http = createDefaultHttpClient()
  readonly #member: string
  readonly #closing = new AbortController()

  /** `audience`: of the service that is asked. */
  constructor(member: string, cloud: Cloud, audience = cloud.resourceManager) {
    this.#member = member
    this.#pipeline = authenticated(cloud, audience)
    // Awaited by the first request, which reports it; not an unhandled rejection before.
    this.#pipeline.catch(() => undefined)
  }

  async send(request: HttpRequest): Promise<HttpAnswer> {
    const { method, signal, place } = request
    const facts: CallFacts = { member: this.#member, place, writes: isWrite(request), signal }
    throwIfCancelled(signal, place)
    let response: PipelineResponse
    const deadline = deadlineOf(timeoutMs, signal, this.#closing.signal)
    try {
      const pipeline = await this.#pipeline
      response = await pipeline.sendRequest(
        this.#http,
        createPipelineRequest({
          url: request.url,
          method,
          // Not the pipeline's own: after a request that failed it would keep the process alive.
          timeout: 0,
          abortSignal: deadline.signal,
          headers: createHttpHeaders({
            accept: 'application/json',
            ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
            ...request.headers,
          }),
          ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
        }),
      )
    } catch (cause) {
      throw translateFailure(cause, facts)
    } finally {
      deadline.lift()
    }
    const body = parse(response.bodyAsText)
    const answer: HttpAnswer = {
      status: response.status,
      header: (name) => response.headers.get(name),
      body,
    }
    if (response.status >= 400 && !request.accept?.includes(response.status))
      throw translateStatus(answer, facts)
    return answer
  }

  close(): void {
    this.#closing.abort()
  }
}

async function authenticated(cloud: Cloud, audience: string): Promise<Pipeline> {
  const pipeline = createEmptyPipeline()
  pipeline.addPolicy(userAgentPolicy({ userAgentPrefix: 'holdfast' }))
  pipeline.addPolicy(decompressResponsePolicy())
  if (cloud.ca !== undefined) pipeline.addPolicy(tlsPolicy({ ca: cloud.ca }))
  pipeline.addPolicy(
    bearerTokenAuthenticationPolicy({
      credential: await cloud.credential(),
      scopes: `${audience}/.default`,
    }),
  )
  return pipeline
}

/** Queries and secret look-ups are POSTs that change nothing. */
function isWrite({ method, url }: HttpRequest): boolean {
  if (method === 'GET' || method === 'HEAD') return false
  return !(
    method === 'POST' &&
    /(:query|\/full|\/list|\/batchrundata|listsecrets|listkeys|\/score)$/i.test(
      new URL(url).pathname,
    )
  )
}

function parse(text: string | null | undefined): Json | undefined {
  if (!text) return undefined
  try {
    return JSON.parse(text) as Json
  } catch {
    // A proxy's HTML page: the status says enough, the text would only confuse.
    return undefined
  }
}
