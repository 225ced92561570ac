import { HoldfastError, isHoldfastError } from '../../model/errors.ts'
import type { Workspace } from '../workspace.ts'
import { interceptWorkspace } from './intercept.ts'

export interface BreakerOptions {
  /** Calls that fail one after the other, none succeeding between them, until it opens. Default 20. */
  readonly failures?: number
  /** From opening to the first trial, in milliseconds. Default 5,000. */
  readonly openMs?: number
  /** Milliseconds of a clock that only goes forward. */
  readonly now?: () => number
  /** Told when it opens and when it closes. */
  readonly onChange?: (isOpen: boolean) => void
}

/** Refused here, nothing was sent; `retrying` does not repeat it. */
export const circuitOpen = 'workspace.circuit-open'

/**
 * Leaves a region alone that fails one call after the other:
 *
 *   closed --(failures in a row)--> open --(openMs)--> one call tries --success--> closed
 *                                     ^----------------failure----------|
 *
 * Whatever the region answers is a success here, a refusal included: only what `retrying` would
 * repeat, and writes without an answer, count as failures.
 */
export function breaking(workspace: Workspace, options: BreakerOptions = {}): Workspace {
  const { failures: most = 20, openMs = 5000, now = () => performance.now(), onChange } = options
  let inARow = 0
  let opened: { readonly until: number; readonly by: HoldfastError } | undefined
  let tries = false

  const admit = (): boolean => {
    if (opened === undefined) return false
    const leftMs = opened.until - now()
    if (leftMs > 0 || tries) throw leftAlone(workspace.name, inARow, opened.by, leftMs)
    tries = true
    return true
  }
  const judge = (error: unknown, isTrial: boolean): void => {
    if (!isFailure(error)) {
      if (!isCancelled(error)) close()
      return
    }
    inARow += 1
    if (!isTrial && inARow < most) return
    if (opened === undefined) onChange?.(true)
    opened = { until: now() + openMs, by: error }
  }
  const close = (): void => {
    inARow = 0
    if (opened !== undefined) onChange?.(false)
    opened = undefined
  }

  return interceptWorkspace(workspace, async (_call, next) => {
    const isTrial = admit()
    try {
      const result = await next()
      close()
      return result
    } catch (error) {
      judge(error, isTrial)
      throw error
    } finally {
      if (isTrial) tries = false
    }
  })
}

function isFailure(error: unknown): error is HoldfastError {
  return isHoldfastError(error) && (error.kind === 'transient' || error.kind === 'unknown-outcome')
}

/** Says nothing about the region. */
const isCancelled = (error: unknown): boolean =>
  isHoldfastError(error) && error.kind === 'cancelled'

function leftAlone(name: string, inARow: number, by: HoldfastError, leftMs: number) {
  const seconds = Math.max(1, Math.ceil(leftMs / 1000))
  return new HoldfastError(
    circuitOpen,
    `${name} failed ${inARow} times in a row and is left alone for ${seconds} s (last: ${by.message})`,
    {
      ...{ kind: 'transient', place: name, retryAfterMs: Math.max(0, leftMs), cause: by },
      hint: 'Look at the region with `holdfast status`; the next pass tries it again.',
    },
  )
}
