import { isCode, isHoldfastError } from '../../model/errors.ts'
import { sleep as realSleep, type Sleep } from '../cancellation.ts'
import type { ProbeResult, Workspace } from '../workspace.ts'
import { interceptWorkspace } from './intercept.ts'
import { isStreamed } from './retrying.ts'

export interface PatienceOptions {
  /** How long one call may be put off, in milliseconds. Default 600,000. */
  readonly limitMs?: number
  /** Milliseconds of a clock that only goes forward. */
  readonly now?: () => number
  readonly sleep?: Sleep
}

/** Where the service does not say when to come back, in milliseconds. */
const pauseMs = 2000

/**
 * Waits for a service that throttles until it does not, or the caller's signal ends the wait: a
 * procedure that people wait for must not fail because others are busy. Any other trouble passes
 * through; so does a throttled write of a stream, which can be read once only.
 */
export function patient(workspace: Workspace, options: PatienceOptions = {}): Workspace {
  const { limitMs = 600_000, now = () => performance.now(), sleep = realSleep } = options
  return interceptWorkspace(workspace, async (call, next) => {
    const until = now() + limitMs
    for (;;) {
      let askedMs: number
      try {
        const result = await next()
        if (call.operation !== 'probe' || !(result as ProbeResult).throttled) return result
        if (now() + pauseMs >= until) return result
        askedMs = pauseMs
      } catch (error) {
        if (!isThrottled(error) || isStreamed(call)) throw error
        askedMs = isHoldfastError(error) ? (error.retryAfterMs ?? pauseMs) : pauseMs
        if (now() + askedMs >= until) throw error
      }
      await sleep(askedMs, call.signal)
    }
  })
}

/** A busy service says so; one that is broken gives no time to come back at (503 without it). */
const isThrottled = (error: unknown): boolean =>
  isCode(error, 'workspace.throttled') ||
  (isCode(error, 'workspace.unavailable') &&
    isHoldfastError(error) &&
    error.retryAfterMs !== undefined)
