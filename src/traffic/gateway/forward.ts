import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Answer, AttemptFailed, attempt } from './attempt.ts'
import type { Counter } from './counters.ts'
import { authorizationFor } from './endpoint-keys.ts'
import type { Outliers, RetryBudget } from './outliers.ts'
import type { GatewayPointer } from './pointer.ts'
import { type RequestBody, readBody } from './request-body.ts'
import type { RequestLog } from './request-log.ts'
import type { Candidate, RoutedRequest } from './route.ts'
import type { Upstreams } from './upstreams.ts'

export interface ForwardTools {
  readonly upstreams: Upstreams
  readonly outliers: Outliers
  readonly budget: RetryBudget
  /** Bodies up to this size are held, so that they can be sent again. */
  readonly heldBytes: number
  readonly now: () => Date
  readonly requests: RequestLog
  /** Another number at each call, one after the other. */
  readonly turn: () => number
}

export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly pointer: GatewayPointer
  readonly routed: RoutedRequest
  readonly counter: Counter
}

/** Statuses of proxies and overload: the service behind them did not do the work. */
export const passing = new Set([502, 503, 504])

/**
 * Sends a request to the first candidate, and to the next one when that failed, if nothing can have
 * happened twice: the request is repeatable, or it never left. The counter tells what came of it.
 */
export async function forward(exchange: Exchange, tools: ForwardTools): Promise<void> {
  const { request, response, routed, counter, pointer } = exchange
  if (tools.requests.isFull) {
    answerError(response, overloaded(pointer.epoch))
    return
  }
  const { method = 'GET', url: target = '/' } = request
  const finished = tools.requests.begin({ method, target, routed, epoch: pointer.epoch, counter })
  response.once('close', () => {
    const member = response.getHeader('x-holdfast-member')
    finished({
      ...(typeof member === 'string' && { member }),
      ...(response.headersSent && { status: response.statusCode }),
    })
  })
  tools.budget.earn()
  const gone = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) gone.abort()
  })
  try {
    const body = await readBody(request, tools.heldBytes)
    const order = inOrder(routed, body.kind !== 'stream', tools)
    await tryInOrder(order, { exchange, tools, body, signal: gone.signal })
  } catch (error) {
    // The caller hung up: nobody waits for an answer, and no upstream failed.
    if (gone.signal.aborted) return
    throw error
  }
}

interface Try {
  readonly exchange: Exchange
  readonly tools: ForwardTools
  readonly body: RequestBody
  readonly signal: AbortSignal
}

async function tryInOrder(order: readonly Candidate[], all: Try): Promise<void> {
  const { exchange, tools, body } = all
  const mayRepeat = exchange.routed.repeatable && body.kind !== 'stream'
  for (const [index, candidate] of order.entries()) {
    const next = index + 1 < order.length
    const canRetry = (isUnsent: boolean): boolean =>
      next && (mayRepeat || (isUnsent && body.kind !== 'stream')) && tools.budget.spend()
    const outcome = await tryOne(candidate, all)
    if (outcome instanceof AttemptFailed) {
      tools.outliers.failed(candidate)
      if (!canRetry(outcome.isUnsent)) {
        refuse(exchange, candidate, outcome)
        return
      }
    } else if (!passing.has(outcome.status) || !canRetry(false)) {
      if (!passing.has(outcome.status)) tools.outliers.succeeded(candidate)
      await deliver(outcome, candidate, all)
      return
    } else {
      await drop(outcome)
    }
    exchange.counter.retried++
  }
}

async function tryOne(candidate: Candidate, all: Try): Promise<Answer | AttemptFailed> {
  const { exchange, tools, body, signal } = all
  const { request, routed, pointer } = exchange
  const { authorization } = request.headers
  try {
    return await attempt({
      pool: tools.upstreams.pool(candidate.member, candidate.origin),
      target: candidate.target,
      request,
      authorization:
        routed.endpoint === undefined
          ? authorization
          : authorizationFor(pointer, routed.endpoint, candidate.member, authorization),
      body,
      signal,
      wholeAnswerBytes: routed.repeatable ? tools.heldBytes : 0,
    })
  } catch (error) {
    if (error instanceof AttemptFailed) return error
    throw error
  }
}

/**
 * Members that do not answer go last. A repeatable request with one candidate gets a second chance
 * there: a kept-open connection may just have been closed by the other end.
 */
export function inOrder(
  { candidates, repeatable, isShared }: RoutedRequest,
  isHeld: boolean,
  { outliers, turn }: Pick<ForwardTools, 'outliers' | 'turn'>,
): readonly Candidate[] {
  const [only] = candidates
  if (candidates.length === 1 && only !== undefined) {
    return repeatable && isHeld ? [only, only] : candidates
  }
  if (!isShared && !candidates.some((one) => outliers.isAside(one))) return candidates
  const aside = candidates.filter((one) => outliers.isAside(one))
  const healthy = candidates.filter((one) => !aside.includes(one))
  const first = isShared && healthy.length > 0 ? turn() % healthy.length : 0
  return [...healthy.slice(first), ...healthy.slice(0, first), ...aside]
}

async function deliver(answer: Answer, candidate: Candidate, all: Try): Promise<void> {
  const { exchange, tools, signal } = all
  const { response, pointer, counter } = exchange
  counter.lastAnswerFrom = candidate.member
  counter.lastAnswerMs = tools.now().getTime()
  if (answer.status >= 500) counter.serverErrors++
  // Set by itself, because it is asked for again when the request is over.
  response.setHeader('x-holdfast-member', candidate.member)
  response.writeHead(answer.status, {
    ...answer.headers,
    'x-holdfast-epoch': String(pointer.epoch),
  })
  if (!(answer.body instanceof Readable)) {
    response.end(answer.body)
    return
  }
  try {
    await pipeline(answer.body, response)
  } catch (error) {
    if (signal.aborted) throw error
    // Half an answer was sent: cutting the connection is the only way left to say so.
    counter.failed++
    tools.outliers.failed(candidate)
    response.destroy()
  }
}

async function drop({ body }: Answer): Promise<void> {
  if (body instanceof Readable) for await (const _chunk of body) void _chunk
}

function refuse(exchange: Exchange, candidate: Candidate, failure: AttemptFailed): void {
  exchange.counter.failed++
  answerError(
    exchange.response,
    refusalOf(failure.reason, candidate.member, exchange.pointer.epoch),
  )
}

/** What the caller hears when no upstream answered. */
export function refusalOf(
  reason: AttemptFailed['reason'],
  member: string,
  epoch: number,
): GatewayError {
  return {
    status: reason === 'timeout' ? 504 : 502,
    code: `upstream.${reason}`,
    message: messages[reason](member),
    member,
    epoch,
  }
}

const messages = {
  unreachable: (member: string) => `${member} cannot be reached; the request was not sent.`,
  broken: (member: string) =>
    `${member} broke off; the request may have been received, so it is not sent again.`,
  timeout: (member: string) =>
    `${member} did not answer in time; the request may have been received.`,
}

/** Nothing was sent to any upstream, so the caller may try again. */
export const overloaded = (epoch: number): GatewayError => ({
  status: 503,
  code: 'gateway.overloaded',
  message: 'The gateway has as many requests under way as it may have.',
  epoch,
})

/** An answer of the gateway's own. */
export interface GatewayError {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly member?: string
  readonly epoch?: number
}

/** It is told from an upstream's by `x-holdfast-error`. */
export function errorParts({ code, message, member, epoch }: GatewayError) {
  const body = JSON.stringify({ error: { code, message } })
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'x-holdfast-error': code,
    ...(member === undefined ? {} : { 'x-holdfast-member': member }),
    ...(epoch === undefined ? {} : { 'x-holdfast-epoch': String(epoch) }),
  }
  return { headers, body }
}

export function answerError(response: ServerResponse, error: GatewayError): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const { headers, body } = errorParts(error)
  if (error.member !== undefined) response.setHeader('x-holdfast-member', error.member)
  response.writeHead(error.status, {
    ...headers,
    // What is left of a refused upload is not read.
    ...(response.req.complete ? {} : { connection: 'close' }),
  })
  response.end(body)
}
