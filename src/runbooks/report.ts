import type { JobRow, KindCount, LedgerRow, Readiness } from '../api/contract.ts'
import type { StepRecord } from '../runbook/run-state.ts'
import type { FenceResult, RehearsedJob, SampleResult, WarmEndpoint } from './facts.ts'
import type { FailedObject, SalvageResult } from './outcomes.ts'

/** The evidence of one run, as data. `report-html.ts` makes the page from it and nothing else. */
export interface Report {
  readonly schema: 'holdfast/report/v1'
  readonly type: 'failover' | 'switchover' | 'failback' | 'reprotect' | 'drill'
  readonly run: string
  readonly group: string
  readonly epoch: number
  /** Member names; requests and writes moved from one to the other, or replication does now. */
  readonly from: string
  readonly to: string
  readonly outcome: 'complete' | 'partial'
  readonly startedAt: string
  readonly writtenAt: string
  readonly timeline: readonly StepRecord[]
  /** Null where nothing was to be recovered (re-protection). */
  readonly recovery: Recovery | null
  readonly replicationPoint: string | null
  readonly counts: readonly KindCount[]
  readonly objects: ReportObjects
  readonly jobs: readonly JobRow[]
  /** When open jobs were last looked at; a job that changed later is unknown. */
  readonly jobsCapturedAt: string | null
  readonly stableEndpoints: readonly ReportPointer[]
  readonly endpoints: readonly WarmEndpoint[]
  readonly cold: { readonly created: readonly string[]; readonly failed: readonly FailedObject[] }
  readonly fence: FenceResult
  readonly salvage: SalvageResult | null
  /** What was known of readiness before a move; null: nobody had looked. */
  readonly readiness?: Readiness | null
  /** Who asked, approved, answered or cancelled. */
  readonly people?: readonly PersonsAct[]
  /** Of a drill only. */
  readonly drill?: DrillResult
}

export interface PersonsAct {
  readonly at: string
  readonly by: string
  readonly what: string
  readonly step: string | null
  readonly detail: string | null
}

export interface DrillResult {
  readonly jobs: readonly Omit<RehearsedJob, 'body' | 'checkpoints'>[]
  readonly sample: SampleResult
  readonly removed: readonly string[]
  /** What the drill made and could not remove. */
  readonly left: readonly string[]
}

export interface Recovery {
  /** When the first probe of the unbroken series without any answer was sent. */
  readonly detectedAt: string | null
  /** When the source last gave any answer; null: none is known. */
  readonly lastAnswerAt?: string | null
  /** The source had not been asked right before, so the outage, and RTA, may be longer (I8). */
  readonly atLeast?: boolean
  readonly decidedAt: string
  readonly rtoMs: number
  /** From detection (else decision) to the end of the last step that moved traffic; null: none did. */
  readonly rtaMs: number | null
  readonly rpoMs: number
  /** Failover instant minus replication point; null: there was no replication point. */
  readonly rpaMs: number | null
  /** Whatever was written at the source in this time and is in no list below is unknown (I7). */
  readonly unknownSince: string | null
  readonly unknownUntil: string
}

/** I7: object by object. */
export interface ReportObjects {
  readonly proven: readonly string[]
  /** How many are proven; more than are listed when the list was cut. */
  readonly provenCount: number
  /** Seen at the source, not standing at the target. */
  readonly missing: readonly LedgerRow[]
  /** Standing at the target in a form that was not proven equal to the source's last. */
  readonly unknown: readonly LedgerRow[]
  readonly conflict: readonly LedgerRow[]
  /** In conflict, and decided to stay so; reports of before know none. */
  readonly apart?: readonly LedgerRow[]
  /** Left out because the plan says so. */
  readonly skipped: readonly string[]
}

export interface ReportPointer {
  readonly name: string
  readonly member: string | null
  readonly epoch: number | null
}

const provenListLimit = 100_000

export async function sortObjects(rows: AsyncIterable<LedgerRow>): Promise<ReportObjects> {
  const proven: string[] = []
  const skipped: string[] = []
  const missing: LedgerRow[] = []
  const unknown: LedgerRow[] = []
  const conflict: LedgerRow[] = []
  const apart: LedgerRow[] = []
  let provenCount = 0
  for await (const row of rows) {
    if (row.state === 'proven') {
      provenCount += 1
      if (proven.length < provenListLimit) proven.push(row.object)
    } else if (row.state === 'skipped') skipped.push(row.object)
    else if (row.state === 'conflict') conflict.push(row)
    else if (row.state === 'apart') apart.push(row)
    else if (row.targetDigest === null) missing.push(row)
    else unknown.push(row)
  }
  return { proven, provenCount, missing, unknown, conflict, apart, skipped }
}

/** Steps that bring requests and clients to the target; the last of them ends the outage. */
const trafficSteps = new Set(['warm-endpoints', 'switch-traffic', 'move-configuration'])

export function measureRecovery(facts: {
  readonly detectedAt: string | null
  readonly outage?: { readonly isWhole: boolean; readonly answeredAt: string | null }
  readonly decidedAt: string
  readonly failoverAt: string
  readonly replicationPoint: string | null
  readonly objectives: { readonly rtoMs: number; readonly rpoMs: number }
  readonly timeline: readonly StepRecord[]
}): Recovery {
  const { detectedAt, outage, decidedAt, failoverAt, replicationPoint } = facts
  const { objectives, timeline } = facts
  const bringing = timeline.filter((step) => trafficSteps.has(step.id))
  // A step that an operator left out brought nobody over, so no time was measured.
  const isWhole = bringing.every(({ skip }) => skip === undefined)
  const ends = bringing.flatMap((step) => (step.endedAt === null ? [] : [Date.parse(step.endedAt)]))
  const start = Date.parse(detectedAt ?? decidedAt)
  return {
    detectedAt,
    ...(outage && { lastAnswerAt: outage.answeredAt, atLeast: !outage.isWhole }),
    decidedAt,
    ...objectives,
    rtaMs: ends.length === 0 || !isWhole ? null : Math.max(...ends) - start,
    rpaMs: replicationPoint === null ? null : Date.parse(failoverAt) - Date.parse(replicationPoint),
    unknownSince: replicationPoint,
    unknownUntil: failoverAt,
  }
}
