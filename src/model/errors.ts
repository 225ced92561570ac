/**
 * How an error should be treated, whoever raised it.
 *
 * - `transient`: the same call may succeed later; only the `retrying` decorator repeats it.
 * - `permanent`: repeating the call changes nothing.
 * - `cancelled`: an AbortSignal ended the work.
 * - `operator`: a human has to do something first; `hint` says what.
 * - `unknown-outcome`: the effect may or may not have happened (a client timeout); look at the
 *   world before deciding (I8).
 */
export type ErrorKind = 'transient' | 'permanent' | 'cancelled' | 'operator' | 'unknown-outcome'

export interface HoldfastErrorOptions {
  readonly kind?: ErrorKind
  /** The next command or change that helps, as an imperative sentence. */
  readonly hint?: string
  /** Where: a file and line, a workspace member, an object id. */
  readonly place?: string
  /** The service asked to wait this long before the next attempt, in milliseconds. */
  readonly retryAfterMs?: number
  readonly cause?: unknown
}

/** The one error type that crosses part boundaries. Tests and callers compare `code`, never text. */
export class HoldfastError extends Error {
  readonly code: string
  readonly kind: ErrorKind
  readonly hint: string | undefined
  readonly place: string | undefined
  readonly retryAfterMs: number | undefined

  constructor(code: string, message: string, options: HoldfastErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'HoldfastError'
    this.code = code
    this.kind = options.kind ?? 'permanent'
    this.hint = options.hint
    this.place = options.place
    this.retryAfterMs = options.retryAfterMs
  }
}

export function isHoldfastError(error: unknown): error is HoldfastError {
  return error instanceof HoldfastError
}

export function isCode(error: unknown, code: string): boolean {
  return isHoldfastError(error) && error.code === code
}
