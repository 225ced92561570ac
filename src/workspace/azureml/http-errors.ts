import { RestError } from '@azure/core-rest-pipeline'
import { HoldfastError, type HoldfastErrorOptions, isHoldfastError } from '../../model/errors.ts'
import { isObject } from '../../model/field-path.ts'
import { cancelledError } from '../cancellation.ts'
import type { HttpAnswer } from './http-client.ts'

export interface CallFacts {
  readonly member: string
  readonly place: string
  readonly writes: boolean
  readonly signal: AbortSignal | undefined
}

/** No connection was made, so nothing can have happened at the other side. */
const neverSent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])

/** A request without an answer. A write that may have arrived has an unknown outcome (I8). */
export function translateFailure(cause: unknown, facts: CallFacts): HoldfastError {
  if (isHoldfastError(cause)) return cause
  if (facts.signal?.aborted) return cancelledError(facts.signal, placeOf(facts))
  const code = causeCode(cause)
  const reason = `${facts.member} does not answer (${code ?? nameOf(cause)})`
  if (isSignInFailure(cause) && code === undefined && !authorityUnreachable(cause)) {
    return new HoldfastError('workspace.sign-in-failed', `signing in to ${facts.member} failed`, {
      kind: 'operator',
      place: facts.member,
      hint: 'Sign in again (az login), or check the credential this process has.',
      cause,
    })
  }
  if (facts.writes && !isSignInFailure(cause) && !(code !== undefined && neverSent.has(code))) {
    return new HoldfastError('workspace.outcome-unknown', `${reason} after a write was sent`, {
      kind: 'unknown-outcome',
      place: placeOf(facts),
      hint: 'Look at the object before writing again.',
      cause,
    })
  }
  return new HoldfastError('workspace.unreachable', reason, {
    kind: 'transient',
    place: placeOf(facts),
    hint: 'Check the region and the network between here and there; `holdfast status` shows what answers.',
    cause,
  })
}

/** An answer that refuses. */
export function translateStatus(answer: HttpAnswer, facts: CallFacts): HoldfastError {
  const { status } = answer
  const { code, message } = serviceError(answer)
  const text = `${facts.member} answered ${status}${code ? ` ${code}` : ''}${message ? `: ${message}` : ''}`
  const make = (ourCode: string, options: HoldfastErrorOptions = {}) =>
    new HoldfastError(ourCode, text, { place: placeOf(facts), ...options })
  if (status === 401 || status === 403) {
    return make('workspace.forbidden', {
      kind: 'operator',
      hint: `Give this identity the role it lacks on the workspace of '${facts.member}' and its storage account (AzureML Data Scientist, Storage Blob Data Contributor).`,
    })
  }
  if (status === 404)
    return code === 'ParentResourceNotFound' || /workspaces/i.test(message ?? '')
      ? make('workspace.not-found', {
          kind: 'operator',
          hint: 'Check the ARM id in continuity.yaml.',
        })
      : make('object.not-found')
  if (status === 409 && /exists/i.test(code ?? '')) return make('object.exists')
  if (status === 412) return make('object.changed')
  if (status === 429)
    return make('workspace.throttled', { kind: 'transient', ...retryAfter(answer) })
  if (status === 507)
    return make('workspace.storage-full', {
      kind: 'operator',
      hint: 'Free space at the region; nothing that was acknowledged is lost.',
    })
  if (status === 408 || status >= 500)
    return make('workspace.unavailable', { kind: 'transient', ...retryAfter(answer) })
  if (
    status === 400 &&
    code === 'UserError' &&
    /cannot be (updated|changed)|already exists/i.test(message ?? '')
  )
    return make('object.immutable')
  if (status === 409) return make('object.conflict')
  return make('object.refused')
}

export function retryAfterMs(answer: HttpAnswer): number | undefined {
  const header = answer.header('retry-after')
  if (header === undefined) return undefined
  const seconds = Number(header)
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}

export function serviceError(answer: HttpAnswer): { code?: string; message?: string } {
  const body = isObject(answer.body) ? answer.body : {}
  const error = isObject(body.error) ? body.error : body
  return {
    ...(typeof error.code === 'string' ? { code: error.code } : {}),
    ...(typeof error.message === 'string' ? { message: error.message.slice(0, 500) } : {}),
  }
}

function retryAfter(answer: HttpAnswer): { retryAfterMs?: number } {
  const ms = retryAfterMs(answer)
  return ms === undefined ? {} : { retryAfterMs: ms }
}

function placeOf({ member, place }: CallFacts): string {
  return `${member}: ${place}`
}

function causeCode(cause: unknown): string | undefined {
  for (
    let error: unknown = cause, depth = 0;
    error instanceof Error && depth < 5;
    error = error.cause, depth += 1
  ) {
    const code = (error as { code?: unknown }).code
    if (typeof code === 'string' && /^E[A-Z]+$/.test(code)) return code
  }
  const text = cause instanceof Error ? cause.message : ''
  return /\b(ECONNREFUSED|ECONNRESET|ENOTFOUND|ETIMEDOUT|EPIPE|EHOSTUNREACH)\b/.exec(text)?.[1]
}

function nameOf(cause: unknown): string {
  if (cause instanceof RestError) return cause.code ?? cause.name
  return cause instanceof Error ? cause.name : 'unknown'
}

/** The identity library hides the network's code behind names of its own. */
function authorityUnreachable(cause: unknown): boolean {
  return (
    cause instanceof Error &&
    /endpoints_resolution_error|network_error|openid_config_error/.test(cause.message)
  )
}

function isSignInFailure(cause: unknown): boolean {
  return cause instanceof Error && /Authentication|CredentialUnavailable/.test(cause.name)
}
