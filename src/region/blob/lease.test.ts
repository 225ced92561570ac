import { describe, expect, it } from 'vitest'
import {
  applyLease,
  checkLeaseForWrite,
  type Lease,
  type LeaseAction,
  leaseAfterWrite,
  leaseState,
} from './lease.ts'

const acquire = (id: string, duration = 15): LeaseAction => ({
  action: 'acquire',
  duration,
  proposedId: id,
})
const leased = applyLease(undefined, acquire('a'), 0).lease
const codeOf = (act: () => unknown): unknown => {
  try {
    act()
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error
  }
  return 'accepted'
}

describe('a lease', () => {
  it('expires with time, and then anyone may take it', () => {
    expect(leaseState(leased, 14_999)).toBe('leased')
    expect(leaseState(leased, 15_000)).toBe('expired')
    expect(codeOf(() => applyLease(leased, acquire('b'), 14_999))).toBe('LeaseAlreadyPresent')
    expect(applyLease(leased, acquire('b'), 15_000).lease?.id).toBe('b')
  })

  it('may be renewed after it expired, unless the blob was written meanwhile', () => {
    const renew: LeaseAction = { action: 'renew', id: 'a' }
    expect(applyLease(leased, renew, 20_000).lease?.expiresAt).toBe(35_000)
    const written = leaseAfterWrite(leased, 16_000)
    expect(codeOf(() => applyLease(written, renew, 20_000))).toBe(
      'LeaseIdMismatchWithLeaseOperation',
    )
  })

  it('breaks no later than it would have ended, and at once when infinite', () => {
    const broken = (lease: Lease | undefined, period: number | undefined) =>
      applyLease(lease, { action: 'break', period }, 5000)
    expect(broken(leased, undefined).remainingSeconds).toBe(10)
    expect(broken(leased, 3).remainingSeconds).toBe(3)
    expect(broken(leased, 60).remainingSeconds).toBe(10)
    const infinite = applyLease(undefined, acquire('a', -1), 0).lease
    expect(broken(infinite, undefined).remainingSeconds).toBe(0)
    expect(broken(infinite, 20).remainingSeconds).toBe(20)
    const breaking = broken(infinite, 20).lease
    expect(leaseState(breaking, 24_999)).toBe('breaking')
    expect(leaseState(breaking, 25_000)).toBe('broken')
    expect(codeOf(() => applyLease(breaking, acquire('b'), 6000))).toBe('LeaseAlreadyPresent')
    expect(applyLease(breaking, acquire('b'), 25_000).lease?.id).toBe('b')
  })

  it('guards writes while it holds, and refuses an id that holds nothing', () => {
    expect(codeOf(() => checkLeaseForWrite(leased, undefined, 1))).toBe('LeaseIdMissing')
    expect(codeOf(() => checkLeaseForWrite(leased, 'b', 1))).toBe(
      'LeaseIdMismatchWithBlobOperation',
    )
    expect(codeOf(() => checkLeaseForWrite(leased, 'a', 1))).toBe('accepted')
    expect(codeOf(() => checkLeaseForWrite(leased, 'a', 15_000))).toBe('LeaseLost')
    expect(codeOf(() => checkLeaseForWrite(leased, undefined, 15_000))).toBe('accepted')
    expect(codeOf(() => checkLeaseForWrite(undefined, 'a', 1))).toBe(
      'LeaseNotPresentWithBlobOperation',
    )
  })
})
