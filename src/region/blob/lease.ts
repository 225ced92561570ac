import { storageError } from './storage-error.ts'

/**
 * A lease on a blob, and its transitions:
 *
 *     available --acquire--> leased --(time)--> expired
 *     leased --break--> breaking --(time)--> broken      any --acquire (not leased/breaking)--> leased
 *     leased|breaking|broken|expired --release (same id)--> available
 *
 * Stored as it was granted; what it is now follows from the clock, so it needs no timer and
 * survives a restart.
 */
export interface Lease {
  readonly id: string
  /** Seconds, -1 for infinite. */
  readonly duration: number
  /** Epoch milliseconds; undefined for an infinite lease. */
  readonly expiresAt: number | undefined
  /** Set by break: when the lease ends. */
  readonly brokenAt: number | undefined
}

export type LeaseState = 'available' | 'leased' | 'expired' | 'breaking' | 'broken'

export type LeaseAction =
  | { readonly action: 'acquire'; readonly duration: number; readonly proposedId: string }
  | { readonly action: 'renew' | 'release'; readonly id: string }
  | { readonly action: 'change'; readonly id: string; readonly proposedId: string }
  | { readonly action: 'break'; readonly period: number | undefined }

export interface LeaseOutcome {
  readonly lease: Lease | undefined
  readonly status: number
  /** Seconds until a broken lease is free. */
  readonly remainingSeconds?: number
}

export function leaseState(lease: Lease | undefined, now: number): LeaseState {
  if (lease === undefined) return 'available'
  if (lease.brokenAt !== undefined) return now < lease.brokenAt ? 'breaking' : 'broken'
  return lease.expiresAt === undefined || now < lease.expiresAt ? 'leased' : 'expired'
}

export function applyLease(
  lease: Lease | undefined,
  request: LeaseAction,
  now: number,
): LeaseOutcome {
  switch (request.action) {
    case 'acquire':
      return acquire(lease, request, now)
    case 'renew':
      return renew(held(lease, request.id), now)
    case 'change':
      return change(lease, request, now)
    case 'release':
      held(lease, request.id)
      return { lease: undefined, status: 200 }
    case 'break':
      return breakLease(lease, request.period, now)
  }
}

function acquire(
  lease: Lease | undefined,
  request: { readonly duration: number; readonly proposedId: string },
  now: number,
): LeaseOutcome {
  const state = leaseState(lease, now)
  const same = lease?.id === request.proposedId
  if (state === 'breaking' && same) throw storageError('LeaseIsBreakingAndCannotBeAcquired')
  if ((state === 'leased' && !same) || state === 'breaking') {
    throw storageError('LeaseAlreadyPresent')
  }
  return { lease: grant(request.proposedId, request.duration, now), status: 201 }
}

function renew(lease: Lease, now: number): LeaseOutcome {
  const state = leaseState(lease, now)
  if (state === 'breaking' || state === 'broken') {
    throw storageError('LeaseIsBrokenAndCannotBeRenewed')
  }
  return { lease: grant(lease.id, lease.duration, now), status: 200 }
}

function change(
  lease: Lease | undefined,
  request: { readonly id: string; readonly proposedId: string },
  now: number,
): LeaseOutcome {
  const state = leaseState(lease, now)
  if (lease === undefined || state === 'expired' || state === 'broken') {
    throw storageError('LeaseNotPresentWithLeaseOperation')
  }
  if (state === 'breaking') throw storageError('LeaseIsBreakingAndCannotBeChanged')
  // A repeated change, whose first answer was lost, carries the old id: the new one already holds.
  if (lease.id !== request.id && lease.id !== request.proposedId) {
    throw storageError('LeaseIdMismatchWithLeaseOperation')
  }
  return { lease: { ...lease, id: request.proposedId }, status: 200 }
}

function breakLease(
  lease: Lease | undefined,
  period: number | undefined,
  now: number,
): LeaseOutcome {
  const state = leaseState(lease, now)
  if (lease === undefined) throw storageError('LeaseNotPresentWithLeaseOperation')
  if (state === 'broken' || state === 'expired') {
    return { lease: { ...lease, brokenAt: now }, status: 202, remainingSeconds: 0 }
  }
  const end = lease.brokenAt ?? lease.expiresAt
  const asked = period === undefined ? undefined : now + period * 1000
  // Without a period a finite lease runs to its end, an infinite one ends at once; a given period
  // only ever shortens.
  const brokenAt = Math.min(asked ?? end ?? now, end ?? Number.POSITIVE_INFINITY)
  const remainingSeconds = Math.ceil(Math.max(0, brokenAt - now) / 1000)
  return { lease: { ...lease, brokenAt }, status: 202, remainingSeconds }
}

function held(lease: Lease | undefined, id: string): Lease {
  if (lease === undefined) throw storageError('LeaseIdMismatchWithLeaseOperation')
  if (lease.id !== id) throw storageError('LeaseIdMismatchWithLeaseOperation')
  return lease
}

function grant(id: string, duration: number, now: number): Lease {
  const expiresAt = duration === -1 ? undefined : now + duration * 1000
  return { id, duration, expiresAt, brokenAt: undefined }
}

/** A write must name the lease that protects the blob; a lease id that protects nothing is refused. */
export function checkLeaseForWrite(
  lease: Lease | undefined,
  givenId: string | undefined,
  now: number,
): void {
  const state = leaseState(lease, now)
  if (state === 'leased' || state === 'breaking') {
    if (givenId === undefined) throw storageError('LeaseIdMissing')
    if (givenId !== lease?.id) throw storageError('LeaseIdMismatchWithBlobOperation')
    return
  }
  checkGivenWithoutLease(state, givenId)
}

export function checkLeaseForRead(
  lease: Lease | undefined,
  givenId: string | undefined,
  now: number,
): void {
  if (givenId === undefined) return
  const state = leaseState(lease, now)
  if (state === 'leased' || state === 'breaking') {
    if (givenId !== lease?.id) throw storageError('LeaseIdMismatchWithBlobOperation')
    return
  }
  checkGivenWithoutLease(state, givenId)
}

function checkGivenWithoutLease(state: LeaseState, givenId: string | undefined): void {
  if (givenId === undefined) return
  throw storageError(state === 'available' ? 'LeaseNotPresentWithBlobOperation' : 'LeaseLost')
}

/** A write on a blob whose lease has ended makes it available again (so an old id cannot renew). */
export function leaseAfterWrite(lease: Lease | undefined, now: number): Lease | undefined {
  const state = leaseState(lease, now)
  return state === 'leased' || state === 'breaking' ? lease : undefined
}
