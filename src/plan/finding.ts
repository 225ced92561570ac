/** A mistake in the plan file that spans fields. */
export interface Finding {
  readonly code: string
  readonly path: readonly (string | number)[]
  readonly message: string
  readonly remedy: string
  /** Point at the key rather than its value. */
  readonly atKey?: boolean
}
