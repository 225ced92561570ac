/** What an account keeps of what is overwritten or deleted. Undefined days: nothing. */
export interface BlobPolicies {
  readonly isVersioningEnabled: boolean
  readonly deleteRetentionDays: number | undefined
  readonly containerRetentionDays: number | undefined
  readonly allowPermanentDelete: boolean
}

/** The settings of the Blob service of each account, wherever they are kept. */
export interface ServicePolicies {
  of(account: string): BlobPolicies
  setDeleteRetention(account: string, policy: DeleteRetention): void
}
export interface DeleteRetention {
  readonly days: number | undefined
  readonly allowPermanentDelete: boolean
}

export const nothingKept: BlobPolicies = {
  isVersioningEnabled: false,
  deleteRetentionDays: undefined,
  containerRetentionDays: undefined,
  allowPermanentDelete: false,
}
