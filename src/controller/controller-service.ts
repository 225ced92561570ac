import type {
  Operation,
  OperationType,
  PassSummary,
  Readiness,
  ResolvedRun,
} from '../api/contract.ts'
import type { DecisionStore } from '../detection/decision-store.ts'
import { digestJson } from '../model/canonical.ts'
import { HoldfastError } from '../model/errors.ts'
import type { Json } from '../model/json.ts'
import { planReplication } from '../replication/plan-replication.ts'
import type { Run } from '../runbook/journal.ts'
import { isEnded } from '../runbook/run-state.ts'
import type { Runner } from '../runbook/runner.ts'
import type { Report } from '../runbooks/report.ts'
import { reportToHtml } from '../runbooks/report-html.ts'
import type { Database } from '../store/database.ts'
import type { RunLink } from '../workspace/run-links.ts'
import type { ServiceTokens } from './access/service-tokens.ts'
import type { HeldUpDrill } from './automatic-drills.ts'
import type { Course } from './course.ts'
import type { Decider } from './decider.ts'
import { drillStatus } from './drill-status.ts'
import type { EndpointFollower } from './endpoint-follower.ts'
import type { Estimates } from './estimates.ts'
import type { EventBus } from './event-bus.ts'
import type { EvidenceService } from './evidence-service.ts'
import { groupStatus } from './group-status.ts'
import { historyOf } from './history.ts'
import { listJobs } from './job-rows.ts'
import { numberIn } from './list-pages.ts'
import { moveFindings } from './move-findings.ts'
import type { Notifier } from './notifier.ts'
import { oneAtATime } from './one-at-a-time.ts'
import { operationControl } from './operation-control.ts'
import { previewOf } from './operations.ts'
import type { PassGate } from './pass-gate.ts'
import type { Performers } from './performers.ts'
import { courseNow, currentEpoch, type ProtectedGroup, passContext } from './protected-group.ts'
import { type ReadinessWatch, readinessBefore } from './readiness.ts'
import { type RunningWith, readings } from './readings.ts'
import { replicationFindings } from './replication-findings.ts'
import { replicationService } from './replication-service.ts'
import type { ControllerService } from './service.ts'
import type { ServiceHealth } from './service-health.ts'
import { startKeys } from './start-keys.ts'
import { type Asked, runFor, runsInTheWay } from './start-operation.ts'
import type { Watch } from './watch.ts'

export interface ServiceParts {
  readonly group: ProtectedGroup
  readonly database: Database
  readonly runner: Runner
  readonly estimates: Pick<Estimates, 'of'>
  readonly show: (run: Run) => Operation
  readonly performers: Performers
  readonly gate: PassGate
  readonly watch: Watch
  readonly readiness: Pick<ReadinessWatch, 'now' | 'last'>
  readonly events: EventBus
  readonly evidence: EvidenceService
  readonly health: Pick<ServiceHealth, 'findings'>
  readonly heldUpDrill: Pick<HeldUpDrill, 'findings'>
  readonly follower: Pick<EndpointFollower, 'findings'>
  readonly notifier: Pick<Notifier, 'test' | 'findings'>
  readonly regions: ReadonlyMap<string, string>
  readonly decider: Decider
  readonly decisions: DecisionStore
  readonly tokens: ServiceTokens
  readonly lastPass: () => PassSummary | null
  readonly running: RunningWith
}

export function controllerService(parts: ServiceParts): ControllerService {
  const { group, runner, events, watch, database, show } = parts
  const { plan, records, clock } = group
  const check = (name: string): void => {
    if (name === plan.group) return
    throw new HoldfastError('group.not-found', `There is no failover group '${name}' here.`, {
      kind: 'operator',
      hint: `This controller protects '${plan.group}'.`,
    })
  }
  const noteReadiness = (run: string, found: Readiness) =>
    records.journal.writeFact(run, 'readiness', found)
  const newest = async () => {
    const [run] = await runner.list({ group: plan.group, limit: 1 })
    const controller = await parts.performers.life(run)
    return { controller, operation: run === undefined ? null : show(run) }
  }
  const keys = startKeys(database)
  const begunWith = async (name: string, type: OperationType, request: string, key: string) => {
    const known = await keys.read(name, key)
    if (known === undefined) return undefined
    const isSame = known.type === type && (known.request ?? request) === request
    if (isSame) return runner.read(known.operation)
    throw new HoldfastError('request.key-reused', `This key began another ${known.type} before.`, {
      kind: 'operator',
      hint: 'Send a new Idempotency-Key with each new request.',
    })
  }
  const runOf = async (id: string) => {
    const run = await runner.read(id)
    if (run !== undefined) return run
    throw new HoldfastError('operation.not-found', `There is no operation '${id}'.`, {
      hint: 'List what there was: holdfast history',
    })
  }

  const note = (
    action: 'pause' | 'resume' | 'acknowledge',
    actor: string,
    signal: string,
  ): Promise<void> =>
    parts.decisions.log({
      ...{ group: plan.group, at: clock().toISOString(), actor, action },
      ...{ rule: 'by-hand', signal, result: null },
    })

  return {
    ...readings(group, check, parts.running),
    events,
    evidence: parts.evidence,
    isReady: async () => {
      await database.pool.query('select 1')
      return true
    },
    status: async () => ({
      version: parts.running.version,
      now: clock().toISOString(),
      groups: [
        await groupStatus(group, {
          watch,
          regions: parts.regions,
          ...(await newest()),
          decision: await parts.decider.status(),
          lastPass: parts.lastPass(),
          drill: await drillStatus(group, runner),
          readiness: parts.readiness.last(),
          findings: [
            ...(await replicationFindings(group)),
            ...(await moveFindings(group)),
            ...parts.health.findings(),
            ...parts.heldUpDrill.findings(),
            ...parts.follower.findings(),
            ...parts.evidence.findings(),
            ...(await parts.notifier.findings()),
          ],
        }),
      ],
    }),
    plan: async (name, { full = false, ...options } = {}) => {
      check(name)
      const { primary, secondary, epoch } = await courseNow(group)
      return planReplication({
        ...passContext(group, primary, secondary, { epoch, ...options }),
        full,
      })
    },
    objects: async (name, { cursor, skip, limit, total, ...filter }) => {
      check(name)
      const { direction } = await courseNow(group)
      const [rows, count] = await Promise.all([
        records.ledger.rows(direction, {
          ...{ ...filter, skip, limit },
          ...(cursor === undefined ? {} : { after: cursor }),
        }),
        total ? records.ledger.count(direction, filter) : undefined,
      ])
      const isWhole = rows.length < limit
      return {
        items: rows,
        cursor: isWhole ? null : (rows.at(-1)?.object ?? null),
        ...(count === undefined ? {} : { total: count }),
      }
    },
    jobs: async (name, page) => {
      check(name)
      return listJobs(group, watch.state(), page)
    },
    replication: (name) => {
      check(name)
      return replicationService(group)
    },
    tokens: (name) => {
      check(name)
      return parts.tokens
    },
    readiness: async (name, { signal }) => {
      check(name)
      return parts.readiness.now(signal ?? AbortSignal.timeout(readinessLimitMs))
    },
    resolveRun: async (name, run) => {
      check(name)
      const links = await records.runLinks.resolve(name, run)
      if (links.length > 0) return { run, links: links.map(shownLink) }
      throw new HoldfastError('run.not-linked', `No copy of a run '${run}' is known.`, {
        kind: 'operator',
        hint: 'Between Azure ML workspaces runs keep their ids. Between MLflow servers `holdfast sync` makes the copies.',
      })
    },
    start: async (name, type, request, { by, byId = by, key }) => {
      check(name)
      // Detection decides whether a failover is refused, so it must have looked.
      if (type === 'failover') await watch.settled()
      const readiness = request.dryRun ? null : await readinessBefore(type, parts.readiness)
      if (!request.dryRun) await runner.ready()
      const digest = digestJson(request as unknown as Json)
      return oneAtATime(database, name, async () => {
        const begun = key === undefined ? undefined : await begunWith(name, type, digest, key)
        if (begun !== undefined) return show(begun)
        const runs = await runner.list({ group: name, limit: 50 })
        const left = await parts.performers.leftOf(runs)
        const course = await courseNow(group)
        const asked: Asked = {
          ...{ type, request, course },
          ...(type === 'reprotect' && { conflicts: await conflictsOf(group, course) }),
          begunBy: (await currentEpoch(group)).begunBy,
          runs,
          left,
          detection: watch.state(),
          home: plan.members.find(({ role }) => role === 'primary')?.name ?? '',
          ...(plan.runbooks && { runbooks: plan.runbooks }),
          now: clock(),
          ...{ by, byId },
        }
        const run = runFor(asked)
        if (request.dryRun) {
          const steps = await runner.preview(run, AbortSignal.timeout(previewLimitMs))
          return previewOf(run, steps, parts.estimates.of(type), clock().toISOString())
        }
        for (const { header } of runsInTheWay(asked)) {
          await runner.cancel(header.id, 'failover')
          // Nobody else would see that it is to end.
          if (left.has(header.id)) await runner.goOn(header.id)
        }
        // Protection goes on beside a drill.
        if (type !== 'sync' && type !== 'drill') await parts.gate.clear(`A ${type} has begun.`)
        if (key !== undefined) {
          await keys.write({ group: name, key, type, operation: run.id, request: digest })
        }
        const started = await runner.start(run)
        if (readiness !== null) await noteReadiness(started.header.id, readiness)
        return show(started)
      })
    },
    view: async (name, view) => {
      check(name)
      await parts.decider.view(view)
    },
    pause: async (name, reason, by) => {
      check(name)
      const at = clock().toISOString()
      const pause = reason === null ? null : { reason, by, at }
      await parts.decisions.pause(name, pause)
      await note(reason === null ? 'resume' : 'pause', by, reason ?? 'The pause is over.')
    },
    acknowledge: async (name, by) => {
      check(name)
      await parts.decisions.acknowledge(name, by, clock().toISOString())
      await note('acknowledge', by, 'The automatic failover was acknowledged.')
    },
    decisions: async (name, { cursor, limit }) => {
      check(name)
      const rows = await parts.decisions.entries(name, { limit, before: numberIn(cursor) })
      return {
        items: rows.map(({ group: _group, id: _id, ...entry }) => entry),
        cursor: rows.length < limit ? null : String(rows.at(-1)?.id),
      }
    },
    testNotify: async (name, channel) => {
      check(name)
      return parts.notifier.test(channel)
    },
    history: async (name, filter) => {
      check(name)
      return historyOf({ ...records, group: name, runner }, filter)
    },
    operations: async ({ group: name, cursor, limit }) => {
      if (name !== undefined) check(name)
      const before = cursor === undefined ? {} : { before: cursor }
      const runs = await runner.list({ group: plan.group, limit, ...before })
      return {
        items: runs.map(show),
        cursor: runs.length < limit ? null : (runs.at(-1)?.header.id ?? null),
      }
    },
    operation: async (id) => show(await runOf(id)),
    cancel: async (id, by) => {
      const { state } = await runOf(id)
      if (isEnded(state)) {
        throw new HoldfastError('operation.over', `Operation '${id}' is over.`, {
          ...{ kind: 'operator', hint: `See what it did: holdfast report save ${id}` },
        })
      }
      return show(await runner.cancel(id, by))
    },
    control: operationControl({
      ...{ group, database, runner, gate: parts.gate, runOf, leftOf: parts.performers.leftOf },
      show: (run) => {
        const data = show(run)
        events.publish({ type: 'operation', at: clock().toISOString(), data })
        return data
      },
    }),
    report: async (id, format) => {
      await runOf(id)
      const report = await records.reports.document(id)
      if (report === undefined) {
        throw new HoldfastError('report.not-found', `Operation '${id}' has written no report.`)
      }
      const { json, html, signature } = report
      if (format === 'json') return json
      if (format === 'html') return html ?? reportToHtml(JSON.parse(json) as Report)
      if (signature !== null) return signature
      throw new HoldfastError('report.not-signed', `The report of '${id}' was never signed.`)
    },
  }
}

function shownLink({ origin, copy }: RunLink): ResolvedRun['links'][number] {
  return {
    origin: { member: origin.member, run: origin.runId },
    copy: { member: copy.member, run: copy.runId },
  }
}

const previewLimitMs = 60_000
const readinessLimitMs = 60_000

async function conflictsOf({ records }: ProtectedGroup, { direction }: Course): Promise<number> {
  const counts = await records.ledger.counts(direction)
  return counts.reduce((sum, { conflict }) => sum + conflict, 0)
}
