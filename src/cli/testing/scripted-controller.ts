import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import type {
  GroupStatus,
  LedgerRow,
  ListedJob,
  Operation,
  StartOperation,
} from '../../api/contract.ts'
import {
  type ControlAction,
  type ControlRequest,
  controlActions,
} from '../../api/control-contract.ts'
import type { Caller } from '../../api/roles.ts'
import type { ServiceTokens } from '../../controller/access/service-tokens.ts'
import { createEventBus } from '../../controller/event-bus.ts'
import { localToken } from '../../controller/http/authenticate.ts'
import { createMetrics } from '../../controller/http/metrics.ts'
import { type ServerOptions, startServer } from '../../controller/http/server.ts'
import type { OperationControl } from '../../controller/operation-control.ts'
import type { ControllerService } from '../../controller/service.ts'
import { HoldfastError } from '../../model/errors.ts'
import { callCounter } from '../../workspace/decorators/counted.ts'
import { type ScriptedEvidence, scriptedEvidence } from './scripted-evidence.ts'
import { scriptedReplication } from './scripted-replication.ts'

/** A controller whose work is written by a test; its API, its events and its note are the real ones. */
export interface ScriptedController {
  readonly evidence: ScriptedEvidence
  readonly url: string
  readonly token: string
  readonly started: Array<{ type: Operation['type']; request: StartOperation }>
  readonly cancelled: string[]
  readonly controlled: Array<{ action: ControlAction; request: ControlRequest }>
  /** Changes the operation under way and tells everybody. */
  advance(change: Partial<Operation>): void
  /** Changes it as if the event were lost. */
  advanceSilently(change: Partial<Operation>): void
  close(): Promise<void>
}

export const at = (seconds: number) => new Date(Date.UTC(2025, 0, 1, 3, 0, seconds)).toISOString()

export const group: GroupStatus = {
  group: 'fraud',
  epoch: 4,
  effectivePrimary: 'east',
  protection: 'partial',
  replicationPoint: at(0),
  lagMs: 90_000,
  objectives: { rtoMs: 900_000, rpoMs: 300_000 },
  members: [
    {
      ...{ name: 'east', workspace: '/e', region: 'eastus', role: 'primary' as const },
      ...{ health: 'unreachable' as const, reason: 'connection refused', probedAt: at(58) },
      planes: {},
    },
    {
      ...{ name: 'west', workspace: '/w', region: 'westus', role: 'secondary' as const },
      ...{ health: 'healthy' as const, reason: null, probedAt: at(58), planes: {} },
    },
  ],
  counts: [
    {
      ...{ kind: 'model', inScope: 30, proven: 5, pending: 1, failed: 24, conflict: 0, apart: 0 },
      bytes: 12_345_678,
    },
  ],
  verdict: { recommendation: 'failover', sentence: 'east is down for 2 min.', at: at(59) },
  operation: null,
  decision: {
    ...{ automatic: false, action: null, rule: null, sentence: null, pausedFor: null },
    ...{ unacknowledgedSince: null, vantagePoints: [] },
  },
  lastPass: null,
  drill: { lastAt: null, lastOutcome: null, rtaMs: null, rpaMs: null, overdue: false },
  readiness: null,
  findings: [],
}

export function operationOf(type: Operation['type'], change: Partial<Operation> = {}): Operation {
  return {
    ...{ id: `${type}-1`, group: 'fraud', type, status: 'running', outcome: null, epoch: 4 },
    ...{ dryRun: false, by: 'local', startedAt: at(0), endedAt: null, waitingFor: null },
    steps: [
      {
        ...{ id: 'one', title: 'Do the first thing', status: 'running', startedAt: at(0) },
        ...{ endedAt: null, detail: null, progress: null },
      },
    ],
    ...{ error: null, report: null },
    ...change,
  }
}

export const doneSteps: Operation['steps'] = [
  {
    ...{ id: 'one', title: 'Do the first thing', status: 'done', startedAt: at(0) },
    ...{ endedAt: at(2), detail: 'It stands.', progress: null },
  },
]

const failedRows: LedgerRow[] = Array.from({ length: 24 }, (_, i) => ({
  ...{ object: `model/m${i}/1`, kind: 'model', state: 'failed' as const },
  ...{ sourceDigest: 'a', targetDigest: null, bytes: 1, at: at(0) },
  error: { code: 'workspace.throttled', message: 'Too many requests.' },
}))

const report = {
  outcome: 'complete',
  recovery: { rtoMs: 900_000, rtaMs: 3200, rpoMs: 300_000, rpaMs: 1400 },
  jobs: [
    {
      ...{ job: 'train', state: 'running', decision: 'resubmit', reason: 'has checkpoints' },
      ...{ resubmittedAs: 'train-e5', checkpoint: 'ckpt-7', epoch: 5, at: at(0) },
    },
  ],
}

const noted = { reason: 'has checkpoints', checkpoint: 'ckpt-7', epoch: 5, at: at(0) }
const scriptedJobs: ListedJob[] = [
  {
    ...{
      job: 'train',
      state: 'Running',
      decision: 'resubmit',
      resubmittedAs: 'train-e5',
      ...noted,
    },
    now: { member: 'west', job: 'train-e5', state: 'Completed' },
  },
  {
    ...{ job: 'quiet', state: 'Running', decision: 'manual', resubmittedAs: null, ...noted },
    now: { member: 'east', job: 'quiet', state: null },
  },
  {
    ...{ job: 'late', state: 'Queued', decision: 'open', resubmittedAs: null, ...noted },
    now: { member: 'east', job: 'late', state: null },
  },
]

function scriptedControl(
  take: (action: ControlAction, id: string, request: ControlRequest) => Promise<Operation>,
): OperationControl {
  return Object.fromEntries(
    controlActions.map((action) => [
      action,
      (id: string, request: ControlRequest) => take(action, id, request),
    ]),
  ) as unknown as OperationControl
}

export async function startScriptedController(options: {
  readonly stateDir: string
  /** Called when an operation was started; drives it with `advance`. */
  readonly onStart?: (controller: ScriptedController) => void
  readonly refuse?: HoldfastError
  /** By their tokens. */
  readonly callers?: Readonly<Record<string, Caller>>
  readonly tokens?: ServiceTokens
  readonly server?: Partial<ServerOptions>
  /** What it does otherwise than usual. */
  readonly service?: Partial<ControllerService>
}): Promise<ScriptedController> {
  const { stateDir } = options
  const started: ScriptedController['started'] = []
  const cancelled: string[] = []
  const controlled: ScriptedController['controlled'] = []
  const events = createEventBus({ runId: 'test' })
  let current: Operation | undefined
  const status = async () => ({
    version: '0',
    now: at(60),
    groups: [{ ...group, operation: current ?? null }],
  })
  const advanceSilently = (change: Partial<Operation>): Operation => {
    if (current === undefined) throw new Error('nothing was started')
    current = { ...current, ...change }
    return current
  }
  const advance = (change: Partial<Operation>) => {
    const changed = advanceSilently(change)
    events.publish({ type: 'operation', at: at(0), data: changed })
  }
  const operation = async (id: string) => {
    if (current?.id === id) return current
    throw new HoldfastError('operation.not-found', `There is no operation ${id}.`)
  }
  const replication = scriptedReplication()
  const evidence = await scriptedEvidence(stateDir)
  const unscripted = async (): Promise<never> => {
    throw new HoldfastError('test.unscripted', 'No command asks for this.')
  }
  const noTokens = {
    ...{ create: unscripted, list: unscripted, revoke: unscripted, callerOf: unscripted },
  }
  const service: ControllerService = {
    ...{ object: unscripted, runs: unscripted, compareRun: unscripted, endpoints: unscripted },
    ...{ settings: unscripted, topology: unscripted, outages: unscripted, setOutage: unscripted },
    events,
    evidence,
    isReady: async () => true,
    readiness: async () => ({
      ...{ group: 'fraud', at: at(0), verdict: 'not-ready', rules: ['quota', 'lag'] },
      findings: [
        {
          ...{ rule: 'quota', level: 'not-ready', sentence: 'Too few cores.' },
          ...{ evidence: ['standardDSv2Family: 8 more cores'], remedy: 'Ask for more.' },
        },
      ],
    }),
    status,
    plan: async () => ({
      ...{ group: 'fraud', from: 'east', to: 'west', madeAt: at(0), totals: { create: 1 } },
      bytes: 42,
      actions: [
        { object: 'model/a/1', kind: 'model', action: 'create', reason: 'new', bytes: 42 },
        { object: 'model/b/1', kind: 'model', action: 'conflict', reason: 'differs in west' },
      ],
    }),
    objects: async (_group, { state, limit, cursor }) => {
      const rows = state === undefined || state === 'failed' ? failedRows : []
      const from = Number(cursor ?? 0)
      // Pages shorter than asked for, so that whoever reads has to follow the cursor.
      const to = from + Math.min(limit, 7)
      return { items: rows.slice(from, to), cursor: to < rows.length ? String(to) : null }
    },
    jobs: async () => ({ items: scriptedJobs, cursor: null }),
    replication: () => replication,
    tokens: () => options.tokens ?? noTokens,
    resolveRun: async (_group, run) => {
      const link = {
        origin: { member: 'east', run: 'old-1' },
        copy: { member: 'west', run: 'new-1' },
      }
      if (['old-1', 'new-1'].includes(run)) return { run, links: [link] }
      throw new HoldfastError('run.not-linked', `No copy of ${run}.`, { kind: 'operator' })
    },
    start: async (_group, type, request) => {
      if (options.refuse) throw options.refuse
      started.push({ type, request })
      current = operationOf(type, request.dryRun ? { dryRun: true, status: 'done' } : {})
      if (!request.dryRun) setImmediate(() => options.onStart?.(controller))
      return current
    },
    view: async () => undefined,
    pause: async () => undefined,
    acknowledge: async () => undefined,
    decisions: async () => ({ items: [], cursor: null }),
    ...{ history: unscripted, testNotify: unscripted },
    operations: async () => ({ items: current === undefined ? [] : [current], cursor: null }),
    operation,
    cancel: async (id) => {
      cancelled.push(id)
      return operation(id)
    },
    control: scriptedControl((action, id, request) => {
      controlled.push({ action, request })
      return operation(id)
    }),
    report: async (id, format) => {
      if (current?.report === null) {
        throw new HoldfastError('report.not-found', `Operation ${id} wrote no report.`)
      }
      if (format === 'sig') throw new HoldfastError('report.not-signed', `${id} was not signed.`)
      return format === 'json' ? JSON.stringify(report) : '<!doctype html>'
    },
    ...options.service,
  }
  const token = 'token-of-the-test'
  const server = await startServer({
    service,
    groups: ['fraud'],
    sessions: { begin: unscripted, find: async () => undefined, end: unscripted },
    bearers: [localToken(token), async (text) => options.callers?.[text]],
    audit: evidence,
    listen: { host: '127.0.0.1', port: 0 },
    version: '0',
    clock: () => new Date(),
    log: pino({ level: 'silent' }),
    metrics: createMetrics(status, callCounter().read),
    consoleDir: join(stateDir, 'no-console'),
    ...options.server,
  })
  mkdirSync(stateDir, { recursive: true })
  writeFileSync(
    join(stateDir, 'controller.json'),
    JSON.stringify({ url: server.url, token, pid: process.pid }),
  )
  const controller: ScriptedController = {
    ...{
      url: server.url,
      token,
      started,
      cancelled,
      controlled,
      evidence,
      advance,
      advanceSilently,
    },
    close: () => server.close(),
  }
  return controller
}
