import type { LedgerEntry } from './ledger.ts'
import { verifyCodes } from './verify-codes.ts'

/** What was found of one proven object. */
export type Sight =
  | { readonly is: 'equal'; readonly bytes?: number }
  | { readonly is: 'behind'; readonly bytes?: number }
  | {
      readonly is: 'different'
      readonly bytes?: number
      readonly code: (typeof verifyCodes)[keyof typeof verifyCodes]
      readonly message: string
    }

/** A difference that the source made since is lag; every other one is not what was proven. */
export function sightOf(
  row: LedgerEntry,
  source: string | undefined,
  target: string | undefined,
): Sight {
  if (source !== undefined && source === target) return { is: 'equal' }
  if (target === undefined) {
    // Gone at the source as well: a full pass settles it.
    if (source === undefined) return { is: 'behind' }
    return { is: 'different', code: verifyCodes.missing, message: 'not at the target any more' }
  }
  if (target === row.targetDigest) return { is: 'behind' }
  return {
    is: 'different',
    code: verifyCodes.notEqual,
    message: 'the target holds something else than was proven there',
  }
}
