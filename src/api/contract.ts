import { z } from 'zod'
import { waiting } from './control-contract.ts'
import { pageOf } from './paging.ts'

/**
 * The HTTP API's schemas: they validate requests, make the OpenAPI document and type the clients
 * (design D4). The CLI and the console import nothing of the controller but this.
 * Words: design section 2. Times are ISO 8601 UTC; durations are milliseconds, named `…Ms`.
 */

export const memberStatus = z.object({
  name: z.string(),
  workspace: z.string().describe('ARM id'),
  region: z.string().nullable(),
  role: z.enum(['primary', 'secondary']),
  /** From detection; `unknown` before the first probe (I8). */
  health: z.enum(['healthy', 'degraded', 'unreachable', 'unknown']),
  reason: z.string().nullable(),
  probedAt: z.string().nullable(),
  planes: z.record(
    z.string(),
    z.object({ healthy: z.boolean(), latencyMs: z.number(), reason: z.string().nullable() }),
  ),
})

export const kindCount = z.object({
  kind: z.string(),
  inScope: z.number(),
  proven: z.number(),
  pending: z.number(),
  failed: z.number(),
  conflict: z.number(),
  apart: z.number().describe('in conflict, and decided to stay so'),
  bytes: z.number(),
})

export const stepState = z.object({
  id: z.string(),
  title: z.string(),
  status: z.enum(['pending', 'running', 'waiting', 'done', 'skipped', 'failed', 'undone']),
  startedAt: z.string().nullable(),
  endedAt: z.string().nullable(),
  /** One sentence for operators: what was found or done. */
  detail: z.string().nullable(),
  /** It may be left out now. */
  skippable: z.boolean().optional(),
  expectedMs: z
    .number()
    .nullable()
    .optional()
    .describe('what it took before (median); null: it never ran here'),
  progress: z
    .object({ done: z.number(), total: z.number().nullable(), bytes: z.number().nullable() })
    .nullable(),
})

export const operationStatus = z.enum([
  'accepted',
  'running',
  'waiting',
  'paused',
  'done',
  'failed',
  'unknown',
])
/** Kept apart from status: what came out of a finished operation (I4: partial has its own name). */
export const operationOutcome = z.enum(['complete', 'partial', 'failed', 'cancelled', 'aborted'])

/** From past runs in the journal, and nothing else. */
export const expectation = z.object({
  durationMs: z.number().nullable().describe('of all its steps; null: some never ran here'),
  knownMs: z.number().describe('of the steps that ran before'),
  unknownSteps: z.array(z.string()),
  waits: z.boolean().describe('people have to answer as well, which takes as long as it takes'),
  from: z.array(z.object({ type: z.string(), runs: z.number() })),
})

/** `ErrorKind` of the model; clients need it to choose an exit code. */
const errorKind = z.enum(['transient', 'permanent', 'cancelled', 'operator', 'unknown-outcome'])

export const operation = z.object({
  id: z.string(),
  group: z.string(),
  type: z.enum(['sync', 'failover', 'switchover', 'failback', 'reprotect', 'verify', 'drill']),
  status: operationStatus,
  outcome: operationOutcome.nullable(),
  epoch: z.number(),
  dryRun: z.boolean(),
  by: z.string().nullable().describe('who asked for it; null: an older controller did not note it'),
  startedAt: z.string(),
  endedAt: z.string().nullable(),
  /** While it has not ended: what it will take as a whole, and when it ends if all goes as before. */
  expected: expectation.optional(),
  estimatedEndAt: z.string().nullable().optional().describe('null: unknown'),
  waitingFor: z.string().nullable(),
  /** Whose answer it waits for, and until when. */
  waiting: waiting.nullable().optional(),
  /** Before its point of no return: `abort` would undo what was done. */
  abortable: z.boolean().optional(),
  steps: z.array(stepState),
  error: z
    .object({
      code: z.string(),
      message: z.string(),
      hint: z.string().nullable(),
      kind: errorKind.optional(),
    })
    .nullable(),
  /** Path of the report below /api/v1, when one was written. */
  report: z.string().nullable(),
})

/** The newest pass that ran by itself; one that was asked for is an operation. */
export const passSummary = z.object({
  at: z.string().describe('when it ended'),
  outcome: operationOutcome,
  compared: z.number(),
  created: z.number(),
  updated: z.number(),
  failed: z.number(),
  pending: z.number(),
  conflicts: z.number(),
  bytesCopied: z.number(),
  requests: z.number(),
  durationMs: z.number(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
})

/** What one vantage point sees of the members; the controller judges it. */
export const vantageReport = z.object({
  vantagePoint: z.string().min(1).max(64),
  members: z.record(
    z.string(),
    z.object({
      health: z.enum(['unknown', 'healthy', 'degraded', 'unreachable']),
      since: z.iso.datetime(),
      /** One sentence: which planes do not answer, and why. */
      evidence: z.string().max(1000),
    }),
  ),
})

export const pauseRequest = z.object({ reason: z.string().min(1).max(500) })

export const decisionEntry = z.object({
  at: z.string(),
  actor: z.string(),
  action: z.string(),
  rule: z.string(),
  signal: z.string(),
  result: z.string().nullable(),
})
export const decisionsPage = pageOf(decisionEntry)

/** Who decides about a failover, and what was decided last. */
export const decisionStatus = z.object({
  automatic: z.boolean(),
  action: z.enum(['none', 'recommend', 'wait', 'failover']).nullable().describe('null: not yet'),
  rule: z.string().nullable(),
  sentence: z.string().nullable(),
  pausedFor: z.string().nullable(),
  /** When an automatic failover was made that no human has acknowledged. */
  unacknowledgedSince: z.string().nullable(),
  vantagePoints: z.array(
    z.object({ name: z.string(), sentence: z.string().nullable(), at: z.string().nullable() }),
  ),
})

export const finding = z.object({
  rule: z.string(),
  /** What it makes of the verdict on its own. */
  level: z.enum(['degraded', 'not-ready']),
  sentence: z.string(),
  evidence: z.array(z.string()),
  /** What to do or to run. */
  remedy: z.string(),
})

/** Could the group fail over now? */
export const readiness = z.object({
  group: z.string(),
  at: z.string(),
  verdict: z.enum(['ready', 'degraded', 'not-ready']),
  findings: z.array(finding),
  /** All that were asked, those without a finding included. */
  rules: z.array(z.string()),
})

/** Of the newest drill that ended; nothing of one under way. */
export const drillStatus = z.object({
  lastAt: z.string().nullable().describe('when it ended; null: never'),
  lastOutcome: operationOutcome.nullable(),
  rtaMs: z.number().nullable().describe('null: not measured, because not everything answered'),
  rpaMs: z.number().nullable(),
  overdue: z.boolean().describe('no drill was complete within `drill.every` of the plan'),
})

export const controllerLife = z.object({
  running: z
    .boolean()
    .describe('false: nobody copies, probes or decides but commands, while they run'),
  lastSeenAt: z
    .string()
    .nullable()
    .describe('the newest sign of life of a controller of the group; null: none is known'),
  performing: z
    .enum(['controller', 'command', 'nobody'])
    .nullable()
    .describe(
      'who performs `operation`; `nobody`: a controller that died left it; null: it is over',
    ),
})

export const groupStatus = z.object({
  group: z.string(),
  epoch: z.number(),
  effectivePrimary: z.string(),
  protection: z.enum(['protected', 'partial', 'unprotected', 'reversed', 'unknown']),
  replicationPoint: z.string().nullable(),
  lagMs: z
    .number()
    .nullable()
    .describe('null: unknown, for there is no replication point yet, or it lies in the future'),
  objectives: z.object({ rtoMs: z.number(), rpoMs: z.number() }),
  members: z.array(memberStatus),
  counts: z.array(kindCount),
  verdict: z
    .object({
      recommendation: z.enum(['none', 'failover', 'wait']),
      sentence: z.string(),
      at: z.string(),
    })
    .nullable(),
  controller: controllerLife
    .optional()
    .describe('whether one works for the group, besides commands that somebody waits for'),
  operation: operation.nullable().describe('the one under way, else the last one'),
  decision: decisionStatus,
  lastPass: passSummary.nullable().describe('null: none since the controller started'),
  workers: z
    .number()
    .optional()
    .describe('processes of `holdfast worker` that live on the database of the controller'),
  drill: drillStatus,
  readiness: readiness
    .nullable()
    .describe('the newest look; null: none since the controller started'),
  findings: z.array(finding).describe('what Holdfast itself needs; readiness has its own'),
})

export const status = z.object({
  version: z.string(),
  now: z.string(),
  groups: z.array(groupStatus),
})

export const plannedAction = z.object({
  object: z.string(),
  kind: z.string(),
  action: z.enum(['create', 'update', 'archive', 'copy', 'skip', 'conflict', 'none']),
  reason: z.string(),
  changes: z
    .array(z.object({ path: z.string(), from: z.unknown().optional(), to: z.unknown().optional() }))
    .optional(),
  bytes: z.number().optional(),
  priority: z.number().optional().describe('the line of the plan that lets it go first, from 1'),
  /** Of the content that the target is to hold. */
  digest: z.string().optional(),
})

export const replicationPlan = z.object({
  group: z.string(),
  from: z.string(),
  to: z.string(),
  madeAt: z.string(),
  totals: z.record(z.string(), z.number()),
  bytes: z.number(),
  actions: z.array(plannedAction),
})

export const ledgerRow = z.object({
  object: z.string(),
  kind: z.string(),
  state: z.enum(['proven', 'pending', 'failed', 'conflict', 'apart', 'skipped']),
  sourceDigest: z.string().nullable(),
  targetDigest: z.string().nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  bytes: z.number(),
  at: z.string(),
})

export const jobRow = z.object({
  job: z.string(),
  state: z.string(),
  /** `open`: it runs at the primary; the next failover decides about it. */
  decision: z.enum(['open', 'resubmit', 'leave', 'finished', 'manual']),
  reason: z.string(),
  resubmittedAs: z.string().nullable(),
  checkpoint: z.string().nullable(),
  epoch: z.number().nullable(),
  at: z.string(),
})

/** A job with its state where it is now: at the primary, or what was handed in anew at the other side. */
export const listedJob = jobRow.extend({
  /** `state` above is as of `at`. `state` here: null while its member does not answer, `NotFound` where it is gone. */
  now: z.object({ member: z.string(), job: z.string(), state: z.string().nullable() }),
})

const runPlace = z.object({ member: z.string(), run: z.string() })

/** Where a run is, for members that do not keep run ids. */
export const resolvedRun = z.object({
  run: z.string(),
  links: z.array(z.object({ origin: runPlace, copy: runPlace })),
})

/** RFC 9457; `code` is the HoldfastError code, the same in CLI and API. */
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  code: z.string(),
  kind: errorKind.optional(),
  detail: z.string().optional(),
  hint: z.string().optional(),
  place: z.string().optional(),
})

export const startOperation = z.object({
  dryRun: z.boolean().default(false),
  /** Refuse unless the world still is what the caller looked at. */
  expectedEpoch: z.number().optional(),
  /** Failover only: go on although the source still answers. */
  force: z.boolean().default(false),
  /** Sync only: compare everything, old runs and deletions included. */
  full: z.boolean().optional(),
  /** Sync only: digest of the reviewed plan; refused with `plan.changed` when another would be made. */
  planDigest: z.string().optional(),
  /** Verify only: which share of the proven objects is read, and of which kind. Default: everything. */
  verify: z.object({ share: z.number().gt(0).max(1), kind: z.string().optional() }).optional(),
})

export const objectsPage = pageOf(ledgerRow).extend({
  total: z
    .number()
    .optional()
    .describe('of all pages together; only when `total=true` asks for it'),
})
export const jobsPage = pageOf(listedJob)
export const operationsPage = pageOf(operation)
/** Opens the console once, within ten minutes; it is a secret until then. */
export const consoleLink = z.object({ url: z.string() })

/** Server-sent events: `event:` is `type`, `id:` resumes with Last-Event-ID. */
export const event = z.discriminatedUnion('type', [
  z.object({ type: z.literal('status'), at: z.string(), data: status }),
  z.object({ type: z.literal('operation'), at: z.string(), data: operation }),
])

export type Status = z.infer<typeof status>
export type GroupStatus = z.infer<typeof groupStatus>
export type MemberStatus = z.infer<typeof memberStatus>
export type Finding = z.infer<typeof finding>
export type Readiness = z.infer<typeof readiness>
export type ControllerLife = z.infer<typeof controllerLife>
export type DrillStatus = z.infer<typeof drillStatus>
export type PassSummary = z.infer<typeof passSummary>
export type VantageReport = z.infer<typeof vantageReport>
export type DecisionEntry = z.infer<typeof decisionEntry>
export type DecisionStatus = z.infer<typeof decisionStatus>
export type KindCount = z.infer<typeof kindCount>
export type Operation = z.infer<typeof operation>
export type Expectation = z.infer<typeof expectation>
export type StepState = z.infer<typeof stepState>
export type ReplicationPlan = z.infer<typeof replicationPlan>
export type PlannedAction = z.infer<typeof plannedAction>
export type LedgerRow = z.infer<typeof ledgerRow>
export type JobRow = z.infer<typeof jobRow>
export type ListedJob = z.infer<typeof listedJob>
export type ResolvedRun = z.infer<typeof resolvedRun>
export type Problem = z.infer<typeof problem>
export type StartOperation = z.infer<typeof startOperation>
export type ObjectsPage = z.infer<typeof objectsPage>
export type JobsPage = z.infer<typeof jobsPage>
export type DecisionsPage = z.infer<typeof decisionsPage>
export type OperationsPage = z.infer<typeof operationsPage>
export type OperationType = Operation['type']
export type Event = z.infer<typeof event>

/**
 * Routes, all below `/api/v1` unless they start with a slash of their own; what answers `{ items, cursor }`
 * or a page takes `?cursor&limit` (paging.ts):
 *
 * GET  status                          -> status
 * GET  groups/{group}/plan             -> replicationPlan
 * GET  groups/{group}/objects?kind&state&name&skip&total -> objectsPage
 * GET  groups/{group}/drift            -> driftReport (drift-contract.ts)
 * GET  groups/{group}/conflicts -> conflictsPage (conflict-contract.ts)
 * POST groups/{group}/conflicts/resolve resolveConflict -> conflictResolution
 * GET  groups/{group}/conflicts/kept?object -> keptPage
 * POST groups/{group}/conflicts/kept/open openKept -> keptContent
 * GET  groups/{group}/jobs             -> jobsPage
 * GET  groups/{group}/runs/{run}       -> resolvedRun
 * (detail-contract.ts)
 * GET  groups/{group}/objects/{id}     -> objectDetail
 * GET  groups/{group}/runs?member, runs/{run}/comparison, endpoints, settings, outages
 * GET  groups/{group}/topology         -> topology (topology-contract.ts)
 * POST groups/{group}/outages/{member} setOutage -> outage
 * GET  groups/{group}/readiness        -> readiness
 * POST groups/{group}/sync             startOperation -> 202 operation
 * POST groups/{group}/verify           startOperation -> 202 operation
 * POST groups/{group}/failover         startOperation -> 202 operation
 * POST groups/{group}/switchover       startOperation -> 202 operation
 * POST groups/{group}/failback         startOperation -> 202 operation
 * POST groups/{group}/reprotect        startOperation -> 202 operation
 * POST groups/{group}/views            vantageReport -> 204
 * POST groups/{group}/pause            pauseRequest -> 204
 * POST groups/{group}/resume           -> 204
 * POST groups/{group}/acknowledge      -> 204
 * GET  groups/{group}/decisions        -> decisionsPage
 * POST groups/{group}/drill            startOperation -> 202 operation
 * GET  operations?group                -> operationsPage
 * GET  groups/{group}/history?type&since -> historyPage (evidence-contract.ts)
 * POST groups/{group}/notify/test      notifyTest -> notifyTestResults (notify-contract.ts)
 * GET  operations/{id}                 -> operation
 * POST operations/{id}/cancel          -> operation
 * POST operations/{id}/approve, reject, retry, skip, abort controlRequest -> operation (control-contract.ts)
 * GET  operations/{id}/report[.html|.sig] -> report
 * GET  audit?first&since&until&actor&action -> auditPage,
 *      audit/verdict -> auditVerdict, audit/key -> evidenceKey (evidence-contract.ts)
 * POST console-link                    -> consoleLink
 * GET  events                          -> text/event-stream
 * GET  /openapi.json, /healthz, /readyz, /metrics
 */
export { apiPrefix } from './prefix.ts'
