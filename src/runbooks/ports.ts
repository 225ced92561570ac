import type { JobPolicy } from '../jobs/decide.ts'
import type { JobStore } from '../jobs/job-store.ts'
import type { DefinitionStore } from '../replication/definitions.ts'
import type { Ledger } from '../replication/ledger.ts'
import type { PassResult } from '../replication/pass.ts'
import type { VerifyResult } from '../replication/verify.ts'
import type { EpochRegister } from '../runbook/epoch-register.ts'
import type { Journal } from '../runbook/journal.ts'
import type { StableEndpoint } from '../traffic/stable-endpoint.ts'
import type { Workspace } from '../workspace/workspace.ts'
import type { FailedObject, SalvageResult } from './outcomes.ts'
import type { ReportStore } from './report-store.ts'

/** What every procedure works with. The controller puts it together; tests do, too. */
export interface ProcedureWorld {
  /** Id of the run; facts and decisions belong to it. */
  readonly run: string
  readonly group: string
  readonly objectives: { readonly rtoMs: number; readonly rpoMs: number }
  readonly epochs: EpochRegister
  readonly journal: Journal
  readonly ledger: Pick<Ledger, 'readPoint' | 'counts' | 'rows'>
  readonly jobs: JobStore
  readonly protection: ProtectionRegister
  readonly reports: ReportStore
  readonly now: () => Date
}

export interface FailoverWorld extends ProcedureWorld {
  /** Where the group worked until now. It may not answer, and making this object asked it nothing. */
  readonly source: Workspace
  readonly target: Workspace
  /** The epoch that whoever decided was looking at; refused when another one began since. */
  readonly expectedEpoch: number
  /** When the outage was noticed; null when a human decided without detection. */
  readonly detectedAt: string | null
  /** `isWhole`: it answered right before. Otherwise the outage may be older than that. */
  readonly outage?: { readonly isWhole: boolean; readonly answeredAt: string | null }
  readonly decidedAt: string
  readonly definitions: Pick<DefinitionStore, 'list'>
  readonly cold: ColdObjects
  readonly jobPolicy: JobPolicy
  /** Stable endpoints that carry requests (gateways) … */
  readonly traffic: readonly StableEndpoint[]
  /** … and those that tell clients where to go (workspace config files). */
  readonly configuration: readonly StableEndpoint[]
  /** CA of the target, for local regions; path of the PEM. */
  readonly targetCaPath?: string
  /** How long fencing an ailing source may hold the failover up, in milliseconds. */
  readonly fenceLimitMs: number
  /** How long a deployment may take to answer, in milliseconds, and how often it is asked. */
  readonly warmLimitMs: number
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>
}

/**
 * What a strategy left undone at the target: objects of hot-cold, the full size of hot-warm. Made
 * from captured definitions only, because the source is gone. Schedules are not among them.
 */
export interface ColdObjects {
  /** Object ids that do not stand at the target as defined; asked from the target. */
  missing(options: { readonly signal: AbortSignal }): Promise<readonly string[]>
  /** Idempotent. One object's failure does not keep the others from being made. */
  create(options: {
    readonly epoch: number
    readonly signal: AbortSignal
    readonly onProgress: (done: number, total: number) => void
  }): Promise<{ readonly created: readonly string[]; readonly failed: readonly FailedObject[] }>
}

export interface ReprotectWorld extends ProcedureWorld {
  /** The effective primary. */
  readonly primary: Workspace
  /** The member that was away and becomes the secondary. */
  readonly returning: Workspace
  /** The epoch in which `primary` is primary; every effect carries it. */
  readonly epoch: number
  readonly salvage: Salvage
  /** One pass from the primary to the returning member. */
  readonly replicate: (options: PassOptions) => Promise<PassResult>
  /** Kept by the controller; `reversed` is protected in the other direction. */
}

/** A planned move: first the source is left as in a failover, then it becomes the secondary. */
export interface SwitchoverWorld extends FailoverWorld, ReprotectWorld {
  /** Notes the open jobs of the source; gives their number. */
  readonly captureJobs: (options: { readonly signal: AbortSignal }) => Promise<number>
  /** One pass from the source to the target; `replicate` goes the other way. */
  readonly replicateOut: (options: PassOptions) => Promise<PassResult>
}

/** Rehearses a failover beside the protection that goes on; the source is not asked for anything. */
export interface DrillWorld extends ProcedureWorld {
  readonly source: Pick<Workspace, 'name'>
  readonly target: Workspace
  /** In which the drill was decided; another one ends the rehearsal. */
  readonly epoch: number
  readonly decidedAt: string
  readonly definitions: Pick<DefinitionStore, 'list'>
  readonly jobPolicy: JobPolicy
  /** `start`: each copy is cancelled when it has begun; `none`: jobs are left out. */
  readonly rehearseJobs: 'start' | 'none'
  /** How many proven objects are read again. */
  readonly sampleSize: number
  /** How long copies may take to answer, and jobs to start or to end, in milliseconds. */
  readonly warmLimitMs: number
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>
}

/** One pass from the effective primary to its secondary. */
export interface SyncWorld {
  /** The epoch in which `source` is primary; every write carries it (I1). */
  readonly epoch: number
  /** Notes the open jobs of the source; gives their number. */
  readonly captureJobs: (options: { readonly signal: AbortSignal }) => Promise<number>
  readonly replicate: (options: PassOptions) => Promise<PassResult>
  /** Gives one sentence for each stable endpoint that could not be told. */
  readonly publishRoutes: (options: { readonly signal: AbortSignal }) => Promise<readonly string[]>
}

export interface VerifyWorld {
  readonly epoch: number
  /** Reads proven objects again; resolves with what it found. */
  readonly verify: (options: PassOptions) => Promise<VerifyResult>
}

export interface PassOptions {
  readonly epoch: number
  readonly signal: AbortSignal
  readonly onProgress: (done: number, total: number | null, bytes: number | null) => void
}

/**
 * Brings what the returning member has and the primary lacks to the primary, never overwriting
 * (I3, I5). Idempotent: the result names everything salvaged in this epoch, by earlier calls, too.
 */
export type Salvage = (options: PassOptions) => Promise<SalvageResult>

export interface ProtectionRegister {
  read(group: string): Promise<ProtectionRow | undefined>
  write(row: ProtectionRow): Promise<void>
}

export interface ProtectionRow {
  readonly group: string
  readonly epoch: number
  /**
   * `unsalvaged`: replication runs, and the member that it runs to still holds what could not be
   * brought over; re-protection is to be run again.
   */
  readonly state: 'reversed' | 'partial' | 'unsalvaged'
  readonly at: string
}
