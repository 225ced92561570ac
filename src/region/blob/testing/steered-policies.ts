import { type BlobPolicies, nothingKept, type ServicePolicies } from '../service-policies.ts'

/** Policies in memory, one for all accounts, that a test may change. */
export function steeredPolicies(): ServicePolicies & { set(change: Partial<BlobPolicies>): void } {
  let policies = nothingKept
  return {
    of: () => policies,
    set(change) {
      policies = { ...policies, ...change }
    },
    setDeleteRetention(_account, { days, allowPermanentDelete }) {
      policies = { ...policies, deleteRetentionDays: days, allowPermanentDelete }
    },
  }
}
