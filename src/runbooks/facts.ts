import type { KindCount, Readiness } from '../api/contract.ts'
import type { CheckpointPlace } from '../jobs/captured-job.ts'
import type { Json, JsonObject } from '../model/json.ts'
import type { Journal } from '../runbook/journal.ts'
import type { FailedObject, SalvageResult } from './outcomes.ts'

/** What steps of one run learned and later steps and the report need. */
export interface RunFacts {
  readonly point: ChosenPoint
  /** When open jobs were last looked at before the move; null: never in its epoch. */
  readonly jobsNoted: { readonly capturedAt: string | null }
  readonly fence: FenceResult
  readonly cold: ColdResult
  readonly endpoints: readonly WarmEndpoint[]
  readonly salvage: SalvageResult
  /** From here on the fenced source gets its traffic back, as the secondary it is now. */
  readonly returning: { readonly at: string }
  /** When everything was copied once, before the source is made quiet. */
  readonly copiedAhead: { readonly at: string }
  /** Since when a source that is to be left starts nothing new. */
  readonly quiet: { readonly since: string }
  /** What was turned off for the quiet, so that an abort can turn it on again. */
  readonly quieted: Quieted
  /** Object ids of schedules that were on at the old primary and have to be turned on once they are here. */
  readonly lateSchedules: readonly string[]
  /** Endpoints whose traffic a fence took away, so that re-protection can give it back. */
  readonly traffic: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** As it was known before the group was moved. */
  readonly readiness: Readiness
  /** Why a drill goes on to its clean-up at once; one sentence. */
  readonly stopped: { readonly why: string }
  /** All copies of endpoints were tried, their traffic included. */
  readonly copied: { readonly at: string }
  readonly rehearsedJobs: readonly RehearsedJob[]
  /** When the last copy had answered and the last job had begun: the end of what is measured. */
  readonly rehearsed: { readonly at: string }
  readonly sample: SampleResult
  /** From here on nothing is made any more, whatever an earlier step finds missing. */
  readonly cleaning: { readonly found: readonly string[] }
  readonly cleaned: { readonly removed: readonly string[]; readonly left: readonly string[] }
}

export interface Quieted {
  /** The one that the move set out in. */
  readonly epoch: number
  /** Object ids. */
  readonly schedules: readonly string[]
  /** Names of jobs that were stopped. */
  readonly jobs: readonly string[]
}

export interface RehearsedJob {
  readonly job: string
  /** Name of its copy. */
  readonly copy: string
  readonly checkpoint: string | null
  readonly checkpoints: CheckpointPlace | null
  readonly body: JsonObject
  readonly started: boolean
  readonly detail: string
}

export interface SampleResult {
  readonly equal: number
  /** Not what the ledger says was proven, each with the reason. */
  readonly different: readonly FailedObject[]
}

export interface ChosenPoint {
  /** Null: no pass ever proved everything in scope. */
  readonly replicationPoint: string | null
  readonly chosenAt: string
  readonly counts: readonly KindCount[]
}

export interface ColdResult {
  /** Noted before any of them is made, so that a crash cannot hide what was made. */
  readonly wanted: readonly string[]
  readonly failed: readonly FailedObject[]
}

export interface FenceResult {
  readonly fenced: readonly string[]
  /** What could not be fenced, one sentence each: the old primary may still act in these ways. */
  readonly exposure: readonly string[]
}

export interface WarmEndpoint {
  readonly endpoint: string
  readonly answers: boolean
  readonly detail: string
}

/** The run whose facts they are. */
interface Run {
  readonly run: string
  readonly journal: Journal
}

export function writeFact<K extends keyof RunFacts>(
  world: Run,
  key: K,
  value: RunFacts[K],
): Promise<void> {
  return world.journal.writeFact(world.run, key, value as unknown as Json)
}

export async function readFact<K extends keyof RunFacts>(
  world: Run,
  key: K,
): Promise<RunFacts[K] | undefined> {
  return (await world.journal.readFact(world.run, key)) as unknown as RunFacts[K] | undefined
}
