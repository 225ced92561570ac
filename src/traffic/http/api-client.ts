import {
  createDefaultHttpClient,
  createEmptyPipeline,
  createHttpHeaders,
  createPipelineRequest,
  decompressResponsePolicy,
  type HttpMethods,
  type Pipeline,
  type PipelinePolicy,
  throttlingRetryPolicy,
  tlsPolicy,
  userAgentPolicy,
} from '@azure/core-rest-pipeline'
import { HoldfastError } from '../../model/errors.ts'
import { changedMeanwhile } from '../traffic-errors.ts'

export interface ApiRequest {
  readonly method: HttpMethods
  /** Absolute. */
  readonly url: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** For messages. */
  readonly place: string
  readonly signal?: AbortSignal | undefined
}

export interface ApiAnswer {
  readonly status: number
  header(name: string): string | undefined
  /** Undefined when it is no JSON object. */
  readonly body: ApiDocument | undefined
}

export type ApiDocument = Readonly<Record<string, unknown>>

/** Sends JSON to a service. 404 is an answer, for callers to judge; other refusals are errors. */
export type ApiClient = (request: ApiRequest) => Promise<ApiAnswer>

export interface ApiClientOptions {
  /** PEM to trust besides the public ones. */
  readonly ca?: string | undefined
  /** Signs requests. */
  readonly authorize: PipelinePolicy
  /** What helps when the service says 401 or 403. */
  readonly rightsHint: string
}

const timeoutMs = 30_000

/** `open` is called at the first request, and again after it failed. */
export function apiClient(open: () => Promise<ApiClientOptions>): ApiClient {
  const http = createDefaultHttpClient()
  let opened: Promise<{ pipeline: Pipeline; options: ApiClientOptions }> | undefined
  return async (request) => {
    const { method, url, body, signal, place } = request
    opened ??= open().then((options) => ({ pipeline: pipelineOf(options), options }))
    const { pipeline, options } = await opened.catch((error: unknown) => {
      opened = undefined
      throw error
    })
    const sent = createPipelineRequest({
      url,
      method,
      timeout: timeoutMs,
      headers: createHttpHeaders({
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...request.headers,
      }),
      allowInsecureConnection: url.startsWith('http:'),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal && { abortSignal: signal }),
    })
    const response = await pipeline.sendRequest(http, sent).catch((cause: unknown) => {
      signal?.throwIfAborted()
      throw unreachable(place, cause)
    })
    const answer: ApiAnswer = {
      status: response.status,
      header: (name) => response.headers.get(name),
      body: parse(response.bodyAsText),
    }
    if (answer.status < 400 || answer.status === 404) return answer
    throw refusal(answer, place, options.rightsHint)
  }
}

function pipelineOf({ ca, authorize }: ApiClientOptions): Pipeline {
  const pipeline = createEmptyPipeline()
  pipeline.addPolicy(userAgentPolicy({ userAgentPrefix: 'holdfast' }))
  pipeline.addPolicy(decompressResponsePolicy())
  if (ca !== undefined) pipeline.addPolicy(tlsPolicy({ ca }))
  // Only where the service asks to wait: it did not do then what it was asked.
  pipeline.addPolicy(throttlingRetryPolicy({ maxRetries: 3 }))
  pipeline.addPolicy(authorize)
  return pipeline
}

/** A header made anew for each request, from a secret that may have been renewed. */
export function headerPolicy(name: string, value: () => string): PipelinePolicy {
  return {
    name: 'holdfastHeader',
    sendRequest(request, next) {
      request.headers.set(name, value())
      return next(request)
    },
  }
}

function unreachable(place: string, cause: unknown): HoldfastError {
  if (cause instanceof HoldfastError) return cause
  return new HoldfastError('traffic.unreachable', 'The service does not answer.', {
    kind: 'transient',
    place,
    hint: 'Check the network between here and there, and that this machine can sign in.',
    cause,
  })
}

function refusal(answer: ApiAnswer, place: string, rightsHint: string): HoldfastError {
  const { status } = answer
  const text = `The service answered ${status}${said(answer.body)}.`
  if (status === 401 || status === 403) {
    return new HoldfastError('traffic.forbidden', text, {
      kind: 'operator',
      place,
      hint: rightsHint,
    })
  }
  if (status === 409 || status === 412) return changedMeanwhile(place)
  const isPassing = status === 408 || status === 429 || status >= 500
  return new HoldfastError(isPassing ? 'traffic.unreachable' : 'traffic.refused', text, {
    kind: isPassing ? 'transient' : 'permanent',
    place,
  })
}

function said(body: ApiDocument | undefined): string {
  const error = isDocument(body?.error) ? body.error : body
  const words = [error?.code, error?.message].filter((each) => typeof each === 'string')
  return words.length === 0 ? '' : `: ${words.join(' ').slice(0, 300)}`
}

export const isDocument = (value: unknown): value is ApiDocument =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The value when it is an object, else an empty one. */
export const documentAt = (value: unknown): ApiDocument => (isDocument(value) ? value : {})

function parse(text: string | null | undefined): ApiDocument | undefined {
  if (!text) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return isDocument(value) ? value : undefined
  } catch {
    // A proxy's HTML page: the status says enough.
    return undefined
  }
}
