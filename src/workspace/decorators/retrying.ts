import { type HoldfastError, isCode, isHoldfastError } from '../../model/errors.ts'
import { sleep as realSleep, type Sleep, throwIfCancelled } from '../cancellation.ts'
import type { Workspace } from '../workspace.ts'
import { circuitOpen } from './breaking.ts'
import { interceptWorkspace, type WorkspaceCall } from './intercept.ts'

export interface RetryOptions {
  /** Calls in all, the first included. Default 5. */
  readonly attempts?: number
  /** Before the second call, doubled after each, half of it random. Default 250 ms. */
  readonly baseDelayMs?: number
  /** Longest wait of our own. Default 20,000 ms. */
  readonly maxDelayMs?: number
  /** A service that asks for a longer wait than this is given up on. Default 120,000 ms. */
  readonly maxRetryAfterMs?: number
  /** In [0, 1). */
  readonly random?: () => number
  readonly sleep?: Sleep
  readonly onRetry?: (call: WorkspaceCall, error: HoldfastError, delayMs: number) => void
}

/**
 * Repeats calls that failed with kind `transient`, and only those: an unknown outcome is for the
 * caller to look into (I8), and every write of the port is idempotent (I2). `writeBlob` and
 * `writeLayer` are not repeated, because their streams can be read once only.
 */
export function retrying(workspace: Workspace, options: RetryOptions = {}): Workspace {
  const { attempts = 5, maxRetryAfterMs = 120_000, sleep = realSleep } = options
  return interceptWorkspace(workspace, async (call, next) => {
    for (let attempt = 1; ; attempt += 1) {
      throwIfCancelled(call.signal, call.workspace)
      try {
        return await next()
      } catch (error) {
        const last = attempt >= attempts || isStreamed(call)
        if (last || !isHoldfastError(error) || error.kind !== 'transient') throw error
        if (isCode(error, circuitOpen)) throw error
        const asked = error.retryAfterMs ?? 0
        if (asked > maxRetryAfterMs) throw error
        const delayMs = Math.max(asked, backoffMs(attempt, options))
        options.onRetry?.(call, error, delayMs)
        await sleep(delayMs, call.signal)
      }
    }
  })
}

/** Its content can be read once only. */
export const isStreamed = ({ operation }: WorkspaceCall): boolean =>
  operation === 'writeBlob' || operation === 'writeLayer'

/** Half fixed, half random: callers that failed together do not come back together. */
function backoffMs(attempt: number, options: RetryOptions): number {
  const { baseDelayMs = 250, maxDelayMs = 20_000, random = Math.random } = options
  const full = Math.min(maxDelayMs, baseDelayMs * 2 ** (attempt - 1))
  return Math.round(full / 2 + (random() * full) / 2)
}
