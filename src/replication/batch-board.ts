import type { ContinuityPlan } from '../plan/continuity-plan.ts'
import type { RunName } from '../workspace/workspace.ts'
import type { LedgerEntry } from './ledger.ts'
import type { Tally } from './pass-state.ts'

/**
 * Where a pass puts what is to be compared and copied, a batch at a time, and from where whoever is
 * free takes it: the process of the pass itself and, on a shared board, `holdfast worker`s.
 *
 *   put -> waiting --claim--> held --settle--> settled --take--> gone
 *             ^                |
 *             +----release-----+   or its holder is silent for `ttlMs`: the next claim has it
 *
 * A claim that was lost settles nothing. Times are those of the board's own clock.
 */
export interface BatchBoard {
  /** How the processes of a shared board hear one another; absent: nobody else can be there. */
  readonly rhythm?: BoardRhythm
  /**
   * Resolves with the id of the pass once nobody works for an earlier one of the same coordinator, or
   * of one that is silent: no object is under way twice. Refused with `cancelled` by the signal.
   */
  open(terms: PassTerms, options?: { readonly signal?: AbortSignal }): Promise<string>
  /** Who holds a batch of it finds so at the next beat. */
  close(pass: string): Promise<void>
  /** Undefined: it is closed. */
  terms(pass: string): Promise<PassTerms | undefined>
  put(pass: string, number: number, work: BatchWork): Promise<void>
  /** The oldest one that nobody alive holds, of this pass or of any that is open. */
  claim(by: string, pass?: string): Promise<Claim | undefined>
  /** False: it is somebody else's by now, and the result is dropped. */
  settle(claim: Claim, result: BatchResult): Promise<boolean>
  /** Somebody else may have it at once; nothing happens to one that was lost. */
  release(claim: Claim): Promise<void>
  /** What was settled since the last call. */
  take(pass: string): Promise<readonly SettledBatch[]>
  /** Says that `by` lives and goes on with what it holds. */
  beat(by: string, as: BoardMember): Promise<Heard>
  /** A worker ends in order. */
  leave(worker: string): Promise<void>
  workers(): Promise<readonly LivingWorker[]>
}

export interface BoardRhythm {
  /** From one sign of life to the next, in milliseconds. */
  readonly beatMs: number
  /** Silent for longer is dead, in milliseconds. */
  readonly ttlMs: number
  /** How often is looked for work and for results of others, in milliseconds. */
  readonly pollMs: number
}

/** What a worker has to know of a pass. It holds no secret: those stay where they are used (I9). */
export interface PassTerms {
  readonly group: string
  readonly source: string
  readonly target: string
  readonly epoch: number
  readonly full: boolean
  readonly plan: ContinuityPlan
}

/**
 * Names alone: whoever performs a batch reads the rest anew (D8), and no content of a workspace lies
 * on the board (I9).
 */
export type BatchWork =
  | { readonly of: 'runs'; readonly runs: readonly RunName[]; readonly targetIsEmpty: boolean }
  | { readonly of: 'blobs'; readonly store: string; readonly names: readonly string[] }

export interface Claim {
  readonly pass: string
  readonly number: number
  readonly by: string
  /** 1 for the first; later ones find what the one before left. */
  readonly attempt: number
  readonly work: BatchWork
}

export interface BatchResult {
  /** Runs whose parents come later: to be put again when these are there. */
  readonly late: readonly RunName[]
  /** What another process than that of the pass counted; its own counts as it goes. */
  readonly counted?: BatchCount
}

export interface BatchCount {
  readonly unproven: readonly (readonly [object: string, state: LedgerEntry['state']])[]
  readonly tally: Omit<Tally, 'objectsTotal'>
}

export interface SettledBatch {
  readonly number: number
  readonly result: BatchResult
}

export type BoardMember =
  | { readonly coordinates: string }
  | { readonly worker: { readonly host: string; readonly pid: number } }

export interface Heard {
  /** The claims of this member that stand, as `claimKey`. */
  readonly standing: ReadonlySet<string>
  readonly workers: number
  /** The pass that this member coordinates was ended by somebody else, who took it for dead. */
  readonly isOver: boolean
}

export interface LivingWorker {
  readonly id: string
  readonly host: string
  readonly pid: number
  /** ISO 8601 UTC. */
  readonly since: string
  /** Batches that it holds. */
  readonly holds: number
}

export function claimKey({ pass, number, attempt }: Omit<Claim, 'by' | 'work'>): string {
  return `${pass}/${number}/${attempt}`
}
