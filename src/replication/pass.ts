import type { PlannedAction } from '../api/contract.ts'
import type { ContinuityPlan } from '../plan/continuity-plan.ts'
import type { RunLinks } from '../workspace/run-links.ts'
import type { Workspace } from '../workspace/workspace.ts'
import type { BatchBoard } from './batch-board.ts'
import type { DefinitionStore } from './definitions.ts'
import type { Ledger } from './ledger.ts'
import type { ResolutionStore } from './resolutions.ts'

/** Everything one pass works with. `plan(context)` prints exactly what `replicate(context)` does (D7). */
export interface ReplicationContext {
  readonly group: string
  readonly plan: ContinuityPlan
  readonly source: Workspace
  readonly target: Workspace
  readonly ledger: Ledger
  /** Where the definitions of what is not standing at the target are kept (design section 6). */
  readonly definitions: DefinitionStore
  /** What was decided about conflicts; without it only the rules of the plan hold. */
  readonly resolutions?: ResolutionStore
  /** Which run is the copy of which; needed when the target does not keep run ids. */
  readonly runLinks?: RunLinks
  /** Shared with workers. Default: the pass does everything itself. */
  readonly board?: BatchBoard
  /** Every write carries it; a stale one is refused (I1). */
  readonly epoch: number
  readonly clock: () => Date
  /**
   * Compare every run with the target again, not only those changed since the last complete pass.
   * Default false: the cheap pass trusts what was proven before.
   */
  readonly full?: boolean
  /** What open jobs need to go on elsewhere: it goes before the backlog. */
  readonly urgent?: Urgent
  readonly signal?: AbortSignal
  /** Called after every object and blob; slow it down where it is shown. */
  readonly onProgress?: (progress: PassProgress) => void
  /** Called once per object that is not simply equal, with what was decided for it and why. */
  readonly onAction?: (action: PlannedAction) => void
}

export interface Urgent {
  /** Checkpoints. */
  readonly places: readonly UrgentPlace[]
  readonly runIds: readonly string[]
}

export interface UrgentPlace {
  /** `BlobStoreName`. */
  readonly store: string
  /** Ends in a slash. */
  readonly prefix: string
}

export interface PassProgress {
  readonly phase: string
  readonly objectsDone: number
  /** From the pass before; undefined on the first one, which cannot know. */
  readonly objectsTotal: number | undefined
  readonly bytesDone: number
}

export interface PassResult {
  /** `partial`: something in scope is not proven; the point did not move (I4). */
  readonly outcome: 'complete' | 'partial' | 'failed' | 'cancelled'
  /** ISO 8601 UTC: everything in scope as of then is proven on the target. */
  readonly replicationPoint: string | null
  readonly compared: number
  readonly created: number
  readonly updated: number
  readonly failed: number
  /** Waiting for something else in scope, or changed while it was copied: the next pass tries again. */
  readonly pending: number
  /** Of a pass that replicates, those that `holdfast conflicts` lists and nobody decided to leave. */
  readonly conflicts: number
  /** In conflict, and decided to stay so. */
  readonly apart?: number
  readonly bytesCopied: number
  readonly requests: number
  readonly durationMs: number
  /** Why the pass ended early; what had been proven until then stays proven. */
  readonly error: { readonly code: string; readonly message: string } | null
}
