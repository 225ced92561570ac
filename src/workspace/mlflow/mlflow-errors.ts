import type { Dispatcher } from 'undici'
import { HoldfastError, type HoldfastErrorOptions, isHoldfastError } from '../../model/errors.ts'
import { isObject } from '../../model/field-path.ts'
import type { Json } from '../../model/json.ts'
import { cancelledError } from '../cancellation.ts'

export interface MlflowCall {
  readonly member: string
  readonly place: string
  readonly effect: 'none' | 'repeatable' | 'once'
  readonly signal: AbortSignal | undefined
}

/** No connection was made, so nothing can have happened at the other side. */
const neverSent = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** A request without an answer. A write that may have arrived has an unknown outcome (I8). */
export function mlflowFailure(cause: unknown, call: MlflowCall): HoldfastError {
  if (isHoldfastError(cause)) return cause
  const place = `${call.member}: ${call.place}`
  if (call.signal?.aborted) return cancelledError(call.signal, place)
  const code = codeOf(cause)
  const reason = `${call.member} does not answer (${code})`
  if (call.effect === 'once' && !neverSent.has(code)) {
    return new HoldfastError('workspace.outcome-unknown', `${reason} after a write was sent`, {
      kind: 'unknown-outcome',
      place,
      cause,
    })
  }
  return new HoldfastError('workspace.unreachable', reason, {
    kind: 'transient',
    place,
    hint: 'Check the MLflow server and the network between here and there.',
    cause,
  })
}

/** An answer that refuses. MLflow says what is wrong in `error_code`. */
export function mlflowRefusal(
  response: Pick<Dispatcher.ResponseData, 'statusCode' | 'headers'>,
  body: unknown,
  call: MlflowCall,
): HoldfastError {
  const { statusCode: status } = response
  const { code, message } = serviceError(body)
  const text = `${call.member} answered ${status}${code ? ` ${code}` : ''}${message ? `: ${message}` : ''}`
  const make = (ourCode: string, options: HoldfastErrorOptions = {}) =>
    new HoldfastError(ourCode, text, { place: `${call.member}: ${call.place}`, ...options })
  if (status === 401 || status === 403) {
    return make('workspace.forbidden', {
      kind: 'operator',
      hint: 'Check the variables under `auth:` in continuity.yaml and what that user may do.',
    })
  }
  if (code === 'RESOURCE_DOES_NOT_EXIST' || status === 404) return make('object.not-found')
  if (code === 'RESOURCE_ALREADY_EXISTS') return make('object.exists')
  if (isInactive(code, message)) return make('object.archived')
  if (status === 429)
    return make('workspace.throttled', { kind: 'transient', ...retryAfter(response) })
  if (status >= 500)
    return call.effect === 'once'
      ? make('workspace.outcome-unknown', { kind: 'unknown-outcome' })
      : make('workspace.unavailable', { kind: 'transient', ...retryAfter(response) })
  return make('object.refused')
}

function isInactive(code: string, message: string): boolean {
  return (
    code.startsWith('INVALID') && /must be in (the )?'?active'? (state|lifecycle)/i.test(message)
  )
}

function retryAfter({ headers }: Pick<Dispatcher.ResponseData, 'headers'>): {
  retryAfterMs?: number
} {
  const seconds = Number(headers['retry-after'])
  return Number.isFinite(seconds) && seconds >= 0 ? { retryAfterMs: seconds * 1000 } : {}
}

function serviceError(body: unknown): { code: string; message: string } {
  const error = isObject(body as Json) ? (body as Record<string, unknown>) : {}
  return {
    code: typeof error.error_code === 'string' ? error.error_code : '',
    message: typeof error.message === 'string' ? error.message.slice(0, 500) : '',
  }
}

function codeOf(cause: unknown): string {
  for (let error = cause, depth = 0; error instanceof Error && depth < 5; depth += 1) {
    const { code } = error as { code?: unknown }
    if (typeof code === 'string') return code
    error = error.cause
  }
  return cause instanceof Error ? cause.name : 'unknown'
}
