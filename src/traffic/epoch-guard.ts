import { HoldfastError } from '../model/errors.ts'
import type { StablePointer } from './stable-endpoint.ts'

/**
 * I1: a stable endpoint never goes back to an older epoch, and in one epoch leads to one member.
 * Throws `epoch.stale`.
 */
export function refuseStale(
  current: StablePointer | undefined,
  next: StablePointer,
  place: string,
): void {
  if (current === undefined || next.epoch > current.epoch) return
  if (next.epoch === current.epoch && next.member === current.member) return
  throw new HoldfastError(
    'epoch.stale',
    `It leads to ${current.member} since epoch ${current.epoch}; epoch ${next.epoch} may not point it to ${next.member}.`,
    { place, hint: 'Look at `holdfast status`: another failover may have happened since.' },
  )
}
