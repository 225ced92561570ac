import { HoldfastError } from '../model/errors.ts'
import type { ReplicationPointRow } from './ledger.ts'

/**
 * The point after `next` was proven while `current` stood. It never goes back: a slow pass that
 * began earlier changes nothing. A writer of an older epoch is refused (I1).
 */
export function laterPoint(
  current: ReplicationPointRow | undefined,
  next: ReplicationPointRow,
): ReplicationPointRow {
  if (!current) return next
  if (next.epoch < current.epoch) throw staleEpoch(next.epoch, current.epoch)
  if (Date.parse(next.at) >= Date.parse(current.at)) return next
  return { ...current, epoch: next.epoch }
}

export function staleEpoch(given: number, standing: number): HoldfastError {
  return new HoldfastError(
    'epoch.stale',
    `The replication point belongs to epoch ${standing}; a pass of epoch ${given} may not move it.`,
    { hint: 'Another controller has moved the group on. Run `holdfast status`.' },
  )
}
