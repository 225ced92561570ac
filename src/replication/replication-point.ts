import { HoldfastError } from '../model/errors.ts'
import type { ReplicationPointRow } from './ledger.ts'

/**
 * The point after `next` was proven while `current` stood. It never goes back: a slow pass that
 * began earlier changes nothing. A writer of an older epoch is refused (I1).
 */
export function laterPoint(
  current: ReplicationPointRow | undefined,
  { replaces, ...next }: ReplicationPointRow & { readonly replaces?: string },
): ReplicationPointRow {
  if (!current) return next
  if (next.epoch < current.epoch) throw staleEpoch(next.epoch, current.epoch)
  const isReplaced = replaces !== undefined && Date.parse(replaces) === Date.parse(current.at)
  if (isReplaced || Date.parse(next.at) >= Date.parse(current.at)) return next
  return { ...current, epoch: next.epoch }
}

/** Clocks that are right differ by less. */
export const clockToleranceMs = 5000

/** A point that lies in the future was set by a clock that ran ahead: what it proves is unknown (I8). */
export function isAheadOf(point: string, now: Date): boolean {
  return Date.parse(point) > now.getTime() + clockToleranceMs
}

export function staleEpoch(given: number, standing: number): HoldfastError {
  return new HoldfastError(
    'epoch.stale',
    `The replication point belongs to epoch ${standing}; a pass of epoch ${given} may not move it.`,
    { hint: 'Another controller has moved the group on. Run `holdfast status`.' },
  )
}
