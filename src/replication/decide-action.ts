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

export type Action = 'create' | 'update' | 'archive' | 'none' | 'conflict' | 'skip'

export interface Decision {
  readonly action: Action
  /** One sentence for operators. */
  readonly reason: string
  /** What the object is made from was deleted for good at the source. */
  readonly isSourceGone?: true
}

/**
 * The three-way comparison of source, target and last proven state (I3, I5). Only a target that is
 * as Holdfast left it is overwritten; equal content is adopted, whoever wrote it.
 */
export function decideAction(seen: Observation): Decision {
  if (seen.target === undefined) return { action: 'create', reason: 'absent at the target' }
  if (seen.target === seen.desired) return { action: 'none', reason: 'equal' }
  if (seen.unchangedSinceProven === undefined) {
    return { action: 'conflict', reason: foreignReason }
  }
  if (!seen.unchangedSinceProven) {
    return { action: 'conflict', reason: 'changed at the target since it was last proven there' }
  }
  return seen.archivesOnly === true
    ? { action: 'archive', reason: 'archived at the source' }
    : { action: 'update', reason: 'changed at the source' }
}

/** Error codes of conflict rows: why the target's content is not ours to replace. */
export const conflictCodes = { foreign: 'object.foreign', changed: 'object.changed-there' } as const

export const foreignReason = 'exists at the target with other content that Holdfast did not write'

/** A conflict row's error for a decision, and back: the reason must be the same in every pass. */
export function conflictError({ reason }: Decision): { code: string; message: string } {
  const code = reason === foreignReason ? conflictCodes.foreign : conflictCodes.changed
  return { code, message: reason }
}

/** Of rows of conflicts that were decided to stay, and how the reason of a planned one begins. */
export const apartCode = 'object.kept-apart'
export const apartReason = 'kept apart by decision'

/** The target's content is a stranger's: in conflict, or left standing by a decision (I3). */
export function isForeign({ state, error }: LedgerEntry): boolean {
  return state === 'conflict' || state === 'apart' || error?.code === targetKept
}

/** Of rows from the time when a decision for the target left both sides as they were. */
const targetKept = 'object.target-kept'

/** What a conflict row says: the content at the target, though known, is nobody's but its writer's. */
export function stillConflicts(row: LedgerEntry): false | undefined {
  return row.error?.code === conflictCodes.foreign ? undefined : false
}

/**
 * Whether the target is as this direction's row left it. A row that is not proven holds in
 * `sourceDigest` what was about to be written when a pass broke off and in `targetDigest` what stood
 * there before, so both count as ours; otherwise a crash between write and record would look like a
 * stranger's change. A conflict row holds what a stranger wrote, which never becomes ours (I3).
 */
export function isAsLeft(row: LedgerEntry | undefined, target: string): boolean | undefined {
  if (row === undefined) return undefined
  if (isForeign(row)) return stillConflicts(row)
  if (row.targetDigest === target) return true
  const isUnproven = row.state === 'pending' || row.state === 'failed'
  if (isUnproven && row.sourceDigest === target) return true
  return row.targetDigest === null ? undefined : false
}

/**
 * The same from a row of the opposite direction, written while today's target was the source: its
 * content is safe on this side exactly if it was proven here and did not change since.
 */
export function isAsCopiedBack(
  row: LedgerEntry | undefined,
  targetAsSource: readonly string[],
): boolean | undefined {
  if (row === undefined) return undefined
  if (row.state !== 'proven' || row.sourceDigest === null) return false
  return targetAsSource.includes(row.sourceDigest)
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
