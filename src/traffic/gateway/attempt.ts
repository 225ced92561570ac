import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import type { Dispatcher, Pool } from 'undici'
import type { RequestBody } from './request-body.ts'

/** An upstream's answer; `body` is either whole or still to come. */
export interface Answer {
  readonly status: number
  readonly headers: Record<string, string | string[]>
  readonly body: Buffer | Readable
}

/** Why an upstream gave no answer. */
export class AttemptFailed extends Error {
  readonly reason: 'unreachable' | 'broken' | 'timeout'
  constructor(reason: AttemptFailed['reason'], cause: unknown) {
    super(`upstream ${reason}`, { cause })
    this.reason = reason
  }
  /** The upstream cannot have received anything: no connection came about. */
  get isUnsent(): boolean {
    return this.reason === 'unreachable'
  }
}

export interface AttemptInput {
  readonly pool: Pool
  /** Path with query. */
  readonly target: string
  readonly request: IncomingMessage
  readonly authorization: string | undefined
  readonly body: RequestBody
  readonly signal: AbortSignal
  /** Answers up to this many bytes are taken in whole, so that a cut answer can be asked for again. */
  readonly wholeAnswerBytes: number
}

/** Sends the request once. Throws `AttemptFailed`, or the signal's reason. */
export async function attempt(input: AttemptInput): Promise<Answer> {
  try {
    const answer = await input.pool.request(requestOf(input))
    const headers = endToEnd(answer.headers)
    const length = Number(headers['content-length'] ?? Number.NaN)
    const isSmall = length <= input.wholeAnswerBytes
    const body = isSmall ? Buffer.from(await answer.body.arrayBuffer()) : answer.body
    return { status: answer.statusCode, headers, body }
  } catch (error) {
    if (input.signal.aborted) throw error
    throw new AttemptFailed(reasonOf(error), error)
  }
}

function requestOf({ target, request, authorization, body, signal }: AttemptInput) {
  const { host: _host, expect: _expect, ...headers } = endToEnd(request.headers)
  if (authorization !== undefined) headers.authorization = authorization
  return {
    method: (request.method ?? 'GET') as Dispatcher.HttpMethod,
    path: target,
    headers,
    body: body.kind === 'none' ? null : body.kind === 'held' ? body.bytes : body.stream(),
    signal,
  }
}

/** Headers about one connection do not travel further (RFC 9110, 7.6.1). */
function endToEnd(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const connection = String(headers.connection ?? '').toLowerCase()
  const named = new Set(connection.split(',').map((name) => name.trim()))
  const kept: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || hopByHop.has(name) || named.has(name)) continue
    kept[name] = value
  }
  return kept
}

const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

const connectFailures = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
])
const timeouts = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'])

function reasonOf(error: unknown): AttemptFailed['reason'] {
  const codes = codesOf(error)
  // Every attempt at a name with several addresses has to have failed before connecting.
  if (codes.length > 0 && codes.every((code) => connectFailures.has(code) || isTls(code))) {
    return 'unreachable'
  }
  return codes.some((code) => timeouts.has(code)) ? 'timeout' : 'broken'
}

function codesOf(error: unknown): string[] {
  if (error instanceof AggregateError && error.errors.length > 0)
    return error.errors.flatMap(codesOf)
  return error instanceof Error && 'code' in error ? [String(error.code)] : []
}

/** A certificate that is not trusted ends the handshake before anything is sent. */
function isTls(code: string): boolean {
  return /^ERR_TLS_|^ERR_SSL_|CERT|^UNABLE_TO_/.test(code)
}
