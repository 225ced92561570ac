/** Why a verification does not believe an object to be proven any more. */
export const verifyCodes = {
  notEqual: 'verify.not-equal',
  missing: 'verify.missing',
  /** The source's own bytes do not match its hash: they must not be copied over good ones. */
  sourceDamaged: 'verify.source-damaged',
} as const
