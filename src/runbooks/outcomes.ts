export interface FailedObject {
  readonly object: string
  readonly code: string
  readonly message: string
}

export interface SalvageResult {
  readonly salvaged: readonly string[]
  /** Both sides have it, with different content; both are kept (I5). */
  readonly conflicts: readonly SalvageConflict[]
  readonly failed: readonly FailedObject[]
}

export interface SalvageConflict {
  readonly object: string
  /** Where each side's content is now, in words for operators. */
  readonly detail: string
  /** In a report of re-protection: it is in conflict still, as `holdfast conflicts` lists it. */
  readonly isListed?: boolean
}
