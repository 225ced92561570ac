import { younger } from './decide-action.ts'
import type { LedgerEntry } from './ledger.ts'
import type { Pass } from './pass-state.ts'

/**
 * Of a salvage: the old primary has nothing of its own here, only what the new one has given it since
 * (I3). Then no row is written, and nothing is missing. `isStanding`: whether what it has now is what
 * that row proved.
 */
export function isCopiedBack(
  pass: Pick<Pass, 'mode' | 'unproven'>,
  object: string,
  {
    forward,
    backward,
  }: { readonly forward: LedgerEntry | undefined; readonly backward: LedgerEntry | undefined },
  isStanding: (row: LedgerEntry) => boolean,
): boolean {
  if (pass.mode !== 'salvage' || backward?.state !== 'proven') return false
  if (younger(forward, backward) !== 'backward' || !isStanding(backward)) return false
  pass.unproven.delete(object)
  return true
}
