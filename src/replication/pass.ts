import type { ReplicationPlan } from '../api/contract.ts'
import type { ContinuityPlan } from '../plan/continuity-plan.ts'
import type { Workspace } from '../workspace/workspace.ts'
import type { Ledger } from './ledger.ts'

/** Everything one pass works with. `plan(context)` prints exactly what `replicate(context)` does (D7). */
export interface ReplicationContext {
  readonly group: string
  readonly plan: ContinuityPlan
  readonly source: Workspace
  readonly target: Workspace
  readonly ledger: Ledger
  /** Every write carries it; a stale one is refused (I1). */
  readonly epoch: number
  readonly clock: () => Date
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: PassProgress) => void
}

export interface PassProgress {
  readonly phase: string
  readonly objectsDone: number
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
  readonly conflicts: number
  readonly bytesCopied: number
  readonly requests: number
  readonly durationMs: number
}

export type PlanPass = (context: ReplicationContext) => Promise<ReplicationPlan>
export type ReplicatePass = (context: ReplicationContext) => Promise<PassResult>
