import { z } from 'zod'
import { ledgerRow } from './contract.ts'
import { pageOf } from './paging.ts'

/** Schemas of what is read from the members at the moment of asking. Kept apart from the status. */

const refusal = z.object({ code: z.string(), message: z.string() })

/** One member's answer about one thing. `unreadable` says nothing of whether it is there (I8). */
export const side = z.object({
  member: z.string(),
  state: z.enum(['present', 'absent', 'unreadable']),
  error: refusal.nullable(),
  modifiedAt: z.string().nullable(),
})

export const fieldMark = z.enum([
  /** Names the other workspace, as it must. */
  'relocated',
  /** Kept back until the target is primary, as its strategy says. */
  'held-back',
  /** Not as replication wants it. */
  'different',
])

export const fieldComparison = z.object({
  path: z.string(),
  mark: fieldMark,
  source: z.unknown().optional(),
  target: z.unknown().optional(),
})

/** Of two sides read now: `unknown` when one could not be read. */
export const sidesVerdict = z.enum(['equal', 'different', 'missing', 'unknown'])

export const objectDetail = z.object({
  object: z.string(),
  kind: z.string(),
  strategy: z.string(),
  row: ledgerRow.nullable().describe('what the ledger says; null: it knows no such object'),
  source: side,
  target: side,
  verdict: sidesVerdict,
  fields: z.array(fieldComparison),
  readAt: z.string(),
})

export const runSummary = z.object({
  run: z.string(),
  experiment: z.string(),
  name: z.string().nullable(),
  status: z.string(),
  parent: z.string().nullable(),
  startedAt: z.string().nullable(),
  modifiedAt: z.string(),
})
export const runsPage = pageOf(runSummary).extend({ member: z.string() })

const series = z.object({
  values: z.number(),
  digest: z.string(),
  /** Step (or place in the series) and number, for a chart; every `oneIn`th value. */
  points: z.array(z.tuple([z.number(), z.number()])),
  oneIn: z.number(),
})
export const metricComparison = z.object({
  name: z.string(),
  source: series.nullable(),
  target: series.nullable(),
  equal: z.boolean().nullable().describe('null: one side could not be read'),
})
export const runComparison = z.object({
  run: z.string(),
  summary: runSummary.nullable(),
  source: side,
  target: side,
  verdict: sidesVerdict,
  fields: z.array(fieldComparison),
  metrics: z.array(metricComparison),
  readAt: z.string(),
})

const gatewayCounter = z.object({
  requests: z.number(),
  failed: z.number(),
  retried: z.number(),
  serverErrors: z.number(),
  inFlight: z.number(),
  lastAnswerFrom: z.string().optional(),
  lastAnswerAt: z.string().optional(),
})
/** What a gateway says of itself; what is newer than this controller is left out. */
export const gatewayView = z.object({
  active: z.string().optional(),
  epoch: z.number().optional(),
  endpoints: z.record(z.string(), gatewayCounter).default({}),
})
export const stableEndpointView = z.object({
  name: z.string(),
  carries: z.enum(['requests', 'configuration']),
  leadsTo: z.object({ member: z.string(), epoch: z.number() }).nullable(),
  error: refusal.nullable(),
  address: z.string().nullable().describe('of a gateway'),
  gateway: gatewayView.nullable(),
})
export const stableEndpoints = pageOf(stableEndpointView).extend({ readAt: z.string() })

export const settings = z.object({
  version: z.string(),
  syncEveryMs: z.number().nullable(),
  probeEveryMs: z.number(),
  database: z.enum(['embedded', 'shared']),
  objectives: z.object({ rtoMs: z.number(), rpoMs: z.number() }),
  members: z.array(
    z.object({ name: z.string(), workspace: z.string(), role: z.string(), cloud: z.string() }),
  ),
  strategies: z.array(
    z.object({ kind: z.string(), name: z.string().nullable(), strategy: z.string() }),
  ),
  map: z.record(z.string(), z.record(z.string(), z.string())),
  endpoints: z.array(z.object({ type: z.string(), name: z.string() })),
  resubmit: z.string(),
  automatic: z.boolean(),
  graceMs: z.number(),
  cooldownMs: z.number(),
  drillEveryMs: z.number(),
})

/** Only members that are local regions have the switch. */
export const outage = z.object({
  member: z.string(),
  down: z.boolean().nullable().describe('null: the region does not answer its owner either'),
})
export const outages = pageOf(outage)
export const setOutage = z.object({ down: z.boolean() })

export type Side = z.infer<typeof side>
export type FieldComparison = z.infer<typeof fieldComparison>
export type SidesVerdict = z.infer<typeof sidesVerdict>
export type ObjectDetail = z.infer<typeof objectDetail>
export type RunSummary = z.infer<typeof runSummary>
export type RunsPage = z.infer<typeof runsPage>
export type MetricComparison = z.infer<typeof metricComparison>
export type RunComparison = z.infer<typeof runComparison>
export type StableEndpointView = z.infer<typeof stableEndpointView>
export type StableEndpointsView = z.infer<typeof stableEndpoints>
export type Settings = z.infer<typeof settings>
export type Outage = z.infer<typeof outage>
export type OutagesPage = z.infer<typeof outages>
