import type { LedgerEntry } from './ledger.ts'

/** What is known of one object on both sides, all digests in the target's terms. */
export interface Observation {
  /** What the target is to hold. */
  readonly desired: string
  /** What it holds; undefined: nothing. */
  readonly target: string | undefined
  /**
   * The target still holds what was proven there last, or what this side wrote and could not prove.
   * Undefined: nothing was ever written or proven there.
   */
  readonly unchangedSinceProven: boolean | undefined
  /** Only the archived state differs, and the source's is archived. */
  readonly archivesOnly?: boolean
}

export type Action = 'create' | 'update' | 'archive' | 'none' | 'conflict'

export interface Decision {
  readonly action: Action
  /** One sentence for operators. */
  readonly reason: string
}

/**
 * The three-way comparison of source, target and last proven state (I3, I5). Only a target that is
 * as Holdfast left it is overwritten; equal content is adopted, whoever wrote it.
 */
export function decideAction(seen: Observation): Decision {
  if (seen.target === undefined) return { action: 'create', reason: 'absent at the target' }
  if (seen.target === seen.desired) return { action: 'none', reason: 'equal' }
  if (seen.unchangedSinceProven === undefined) {
    return {
      action: 'conflict',
      reason: 'exists at the target with other content that Holdfast did not write',
    }
  }
  if (!seen.unchangedSinceProven) {
    return { action: 'conflict', reason: 'changed at the target since it was last proven there' }
  }
  return seen.archivesOnly === true
    ? { action: 'archive', reason: 'archived at the source' }
    : { action: 'update', reason: 'changed at the source' }
}

/**
 * Whether the target is as this direction's row left it. A row that is not proven holds in
 * `sourceDigest` what was about to be written when a pass broke off, so that counts as ours too;
 * otherwise a crash between write and record would look like a stranger's change.
 */
export function isAsLeft(row: LedgerEntry | undefined, target: string): boolean | undefined {
  if (row === undefined) return undefined
  if (row.targetDigest === target) return true
  if (row.state === 'pending' || row.state === 'failed') return row.sourceDigest === target
  return row.targetDigest === null ? undefined : false
}

/**
 * The same from a row of the opposite direction, written while today's target was the source: its
 * content is safe on this side exactly if it was proven here and did not change since.
 */
export function isAsCopiedBack(
  row: LedgerEntry | undefined,
  targetAsSource: string,
): boolean | undefined {
  if (row === undefined) return undefined
  return row.state === 'proven' && row.sourceDigest === targetAsSource
}

/** The younger row knows: content may have gone there and back in between. */
export function younger(
  forward: LedgerEntry | undefined,
  backward: LedgerEntry | undefined,
): 'forward' | 'backward' | undefined {
  if (!forward || !backward) return forward ? 'forward' : backward ? 'backward' : undefined
  if (forward.epoch !== backward.epoch)
    return forward.epoch > backward.epoch ? 'forward' : 'backward'
  return Date.parse(forward.at) >= Date.parse(backward.at) ? 'forward' : 'backward'
}
