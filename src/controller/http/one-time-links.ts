import { digestOf, newSecret } from '../access/secrets.ts'

/** Codes for `/?token=`, good once and for ten minutes. */
export interface OneTimeLinks {
  issue(): string
  /** False: unknown, used before or too old. */
  redeem(code: string): boolean
}

const codeTtlMs = 10 * 60_000

export function oneTimeLinks(clock: () => Date): OneTimeLinks {
  const codes = new Map<string, number>()
  return {
    issue: () => {
      const code = newSecret()
      codes.set(digestOf(code), clock().getTime() + codeTtlMs)
      return code
    },
    redeem: (code) => {
      const digest = digestOf(code)
      const expiresAt = codes.get(digest)
      codes.delete(digest)
      return expiresAt !== undefined && expiresAt > clock().getTime()
    },
  }
}
