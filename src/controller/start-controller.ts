import { randomUUID } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import type { PassSummary } from '../api/contract.ts'
import { contactMigrations, postgresContactStore } from '../detection/contact-store.ts'
import { decisionMigrations, postgresDecisionStore } from '../detection/decision-store.ts'
import { probeTimeoutMs } from '../detection/prober.ts'
import { auditMigrations, postgresAuditLog } from '../evidence/audit-log.ts'
import { openHeadKeeper } from '../evidence/head-keeper.ts'
import { readOrMakeSigningKey } from '../evidence/signing-key.ts'
import { outboxMigrations } from '../notify/outbox.ts'
import type { ContinuityPlan } from '../plan/continuity-plan.ts'
import type { PassResult } from '../replication/pass.ts'
import { isEnded } from '../runbook/run-state.ts'
import type { Runner } from '../runbook/runner.ts'
import { postgresRecords, recordMigrations } from '../runbooks/records.ts'
import { type Database, migrate, openDatabase } from '../store/database.ts'
import { type CallCounter, callCounter } from '../workspace/decorators/counted.ts'
import { type AccessOptions, accessMigrations, openAccess } from './access/open-access.ts'
import { serviceTokens } from './access/service-tokens.ts'
import { announced } from './announced.ts'
import { auditedDecisions, auditedRecords } from './audited-records.ts'
import { automaticDrills, heldUpDrill } from './automatic-drills.ts'
import { runBackgroundPasses } from './background-passes.ts'
import { readOrMakeKeys, writeNote } from './controller-note.ts'
import { controllerService } from './controller-service.ts'
import { createDecider, ownVantagePoint } from './decider.ts'
import { type EndpointFollower, followEpochs } from './endpoint-follower.ts'
import { establishEpoch } from './establish.ts'
import { createEventBus } from './event-bus.ts'
import { type EvidenceParts, evidenceService } from './evidence-service.ts'
import { createMetrics } from './http/metrics.ts'
import type { ListenAddress } from './http/public-address.ts'
import { startServer } from './http/server.ts'
import { keepContacts } from './keep-contacts.ts'
import { closeMembers, type Member, type Members, openMembers } from './members.ts'
import { notePlan } from './note-plan.ts'
import { startNotifier } from './notifier.ts'
import { createPassGate } from './pass-gate.ts'
import { executorOf } from './performers.ts'
import { courseNow, type GroupLog, type ProtectedGroup } from './protected-group.ts'
import { watchReadiness } from './readiness.ts'
import { serviceHealth } from './service-health.ts'
import { signedReports } from './signed-reports.ts'
import { openStableEndpoints } from './stable-endpoints.ts'
import { startKeyMigrations } from './start-keys.ts'
import { startRunner } from './start-runner.ts'
import { statusEvents } from './status-events.ts'
import { startWatch, type Watch } from './watch.ts'

export interface ControllerOptions {
  readonly plan: ContinuityPlan
  readonly stateDir: string
  /** PostgreSQL to share with other controllers; absent: an embedded one in the state directory. */
  readonly databaseUrl?: string
  /** Of a command that opens it for itself: its words. Then it performs only what it is asked for. */
  readonly command?: string
  readonly listen: ListenAddress
  /** Address before which something else speaks TLS. */
  readonly publicUrl?: string
  readonly access: AccessOptions
  /** From the end of one pass to the start of the next, in milliseconds; null: only when asked. */
  readonly syncEveryMs: number | null
  /** From one full background pass to the next, in milliseconds. */
  readonly reconcileEveryMs: number
  readonly probeEveryMs: number
  readonly consoleDir: string
  readonly version: string
  readonly clock: () => Date
  readonly log: FastifyBaseLogger
}

export interface RunningController {
  readonly url: string
  readonly token: string
  /** Signs a browser in, once. */
  consoleLink(): string
  /** Resolves when every member has been probed often enough to be judged. */
  settled(): Promise<void>
  close(): Promise<void>
}

/**
 * Puts the parts together and starts them, in the order in which they need one another; what a former
 * process left unfinished is taken up before anybody can ask for more. Throws
 * `controller.already-running`, `store.*`, `address.*`, `member.other-group`, `cloud.*`.
 */
export async function startController(options: ControllerOptions): Promise<RunningController> {
  const closers: (() => Promise<void>)[] = []
  const close = async () => {
    for (let next = closers.pop(); next !== undefined; next = closers.pop()) await next()
  }
  try {
    return await assemble(options, closers, close)
  } catch (error) {
    await close()
    throw error
  }
}

async function assemble(
  options: ControllerOptions,
  closers: (() => Promise<void>)[],
  close: () => Promise<void>,
): Promise<RunningController> {
  const { stateDir, clock, log } = options
  const keys = await readOrMakeKeys(stateDir)
  const database = await openDatabase(
    options.databaseUrl === undefined
      ? { stateDir, ...(options.command && { command: options.command }) }
      : { url: options.databaseUrl },
  )
  closers.push(() => database.close())
  await migrate(database, [
    ...contactMigrations,
    ...[...recordMigrations, ...decisionMigrations, ...startKeyMigrations, ...auditMigrations],
    ...outboxMigrations,
    ...accessMigrations,
  ])
  const evidence = await openEvidence(options, database)
  const counter = callCounter()
  const group = await openGroup(options, database, evidence, counter)
  closers.push(() => closeMembers(group.members))
  await notePlan(group.plan, evidence.audit)
  await establishEpoch(group)

  const events = createEventBus({ runId: randomUUID() })
  const gate = createPassGate()
  const regions = new Map<string, string>()
  const learner = regionLearner(group.members, regions)
  let statusChanged: () => void = () => undefined
  let followed: EndpointFollower['findings'] = () => []
  const started = await startRunner(group, {
    ...{ gate, events, database, stateDir },
    as: options.syncEveryMs === null ? 'command' : 'controller',
    // The lock of the state directory keeps others away from its database.
    alone: options.databaseUrl === undefined,
  })
  const { estimates, show, performers } = started
  // A command that only looks is gone in a moment: nobody should begin anything in its process.
  let announce: () => Promise<void> = async () => undefined
  const runner = announced(started.runner, () => announce())
  closers.push(started.stop)
  const health = serviceHealth(group, () => statusChanged())
  closers.push(() => health.stop())
  const contacts = postgresContactStore(database, {
    ...{ group: group.plan.group, observer: executorOf(group.plan.group, stateDir) },
  })
  const kept = keepContacts(
    contacts,
    () => watch.state(),
    (error) => log.warn({ group: group.plan.group, err: error }, 'silences are not kept'),
  )
  closers.push(kept.written)
  const watch = startWatch({
    members: group.members,
    heard: await contacts.read(),
    everyMs: options.probeEveryMs,
    timeoutMs: probeTimeoutMs,
    clock,
    onRound: () => {
      kept.write()
      learner.look()
      health.look()
      statusChanged()
      // Single commands look at the group; they do not decide for it.
      if (options.syncEveryMs !== null) void decideNow()
    },
  })
  closers.push(() => watch.stop())
  const decisions = auditedDecisions(postgresDecisionStore(database), evidence.audit)
  const decider = createDecider({
    ...{ group, store: decisions, runner },
    startFailover: async () => {
      const request = { dryRun: false, force: false }
      const by = { by: ownVantagePoint }
      return (await service.start(group.plan.group, 'failover', request, by)).id
    },
  })
  // A look that fails decides nothing: without its records the controller stands still (D9).
  const decideNow = () =>
    decider.decide(watch.state()).catch((error: unknown) => {
      log.warn({ group: group.plan.group, err: error }, 'no decision could be made')
    })

  // Single commands lead what their own operation leads.
  if (options.syncEveryMs !== null) {
    const follower = followEpochs(group, { runner, onChange: () => statusChanged() })
    closers.push(() => follower.stop())
    followed = follower.findings
  }
  const readiness = watchReadiness(group, {
    // Single commands look at the group when they are asked to.
    byItself: options.syncEveryMs !== null,
    settled: watch.settled,
    onLook: () => statusChanged(),
    status: async () => {
      const [found] = (await service.status()).groups
      if (found === undefined) throw new Error(`no status of ${group.plan.group}`)
      return found
    },
  })
  const notifier = startNotifier({ plan: group.plan, database, clock, log })
  closers.push(() => notifier.stop())
  const tokens = serviceTokens(database, clock)
  const held = heldUpDrill(group.plan.group, log, () => statusChanged())
  let lastPass: PassSummary | null = null
  const service = controllerService({
    ...{ group, database, runner, gate, watch, events, regions, decider, decisions, readiness },
    ...{ evidence: evidenceService(evidence), notifier, tokens, estimates, show, performers },
    ...{ health, heldUpDrill: held, follower: { findings: () => followed() } },
    lastPass: () => lastPass,
    running: {
      version: options.version,
      syncEveryMs: options.syncEveryMs,
      probeEveryMs: options.probeEveryMs,
      database: options.databaseUrl === undefined ? 'embedded' : 'shared',
    },
  })
  const drills = automaticDrills({ plan: group.plan, service, clock, held })
  const stream = statusEvents(service, log, async ({ groups: [status] }) => {
    if (status === undefined) return
    readiness.notice(status)
    await notifier.look(status, async () => (await service.operations({ limit: 100 })).items)
    // Single commands start what they are asked to start, and nothing else.
    if (options.syncEveryMs !== null) await drills.look(status)
  })
  statusChanged = stream.changed
  closers.push(stream.stop)
  closers.push(() => readiness.stop())
  closers.push(
    startPasses(group, options, {
      ...{ gate, watch, runner },
      onPass: (result) => {
        lastPass = summaryOf(result, clock())
        stream.changed()
      },
    }),
  )
  const server = await startServer({
    service,
    groups: [group.plan.group],
    audit: evidence.audit,
    ...openAccess(options.access, { database, clock, tokens, localToken: keys.token }),
    listen: options.listen,
    ...(options.publicUrl === undefined ? {} : { publicUrl: options.publicUrl }),
    version: options.version,
    clock,
    log,
    metrics: createMetrics(service.status, counter.read),
    consoleDir: options.consoleDir,
  })
  closers.push(() => server.close())
  let noted: Promise<void> | undefined
  announce = () => {
    noted ??= (async () => {
      closers.push(await writeNote(stateDir, { url: server.url, token: keys.token }))
    })()
    return noted
  }
  if (options.syncEveryMs !== null) await announce()
  else closers.push(afterAWhile(announce, log))
  return {
    url: server.url,
    token: keys.token,
    consoleLink: server.consoleLink,
    settled: watch.settled,
    close,
  }
}

async function openEvidence(
  { stateDir, clock: now }: ControllerOptions,
  database: Database,
): Promise<EvidenceParts> {
  const key = await readOrMakeSigningKey(stateDir)
  const heads = await openHeadKeeper(stateDir, key)
  return { key, heads, audit: postgresAuditLog(database, { now, heads }) }
}

async function openGroup(
  { plan, stateDir, clock, log, version }: ControllerOptions,
  database: Database,
  evidence: EvidenceParts,
  counter: CallCounter,
): Promise<ProtectedGroup> {
  const coordinator = executorOf(plan.group, stateDir)
  const records = {
    ...auditedRecords(postgresRecords(database, { coordinator }), evidence.audit),
    reports: await signedReports({ plan, version, now: clock, database, ...evidence }),
  }
  const members = await openMembers(
    plan,
    async () => (await records.epochs.current(plan.group))?.epoch ?? 0,
    counter,
  )
  const endpoints = openStableEndpoints(plan, stateDir, members)
  return { plan, records, members, endpoints, clock, log }
}

function startPasses(
  group: ProtectedGroup,
  { syncEveryMs: everyMs, reconcileEveryMs }: ControllerOptions,
  parts: {
    readonly gate: ReturnType<typeof createPassGate>
    readonly watch: Watch
    readonly runner: Runner
    readonly onPass: (result: PassResult) => void
  },
): () => Promise<void> {
  if (everyMs === null) return async () => undefined
  const stopped = new AbortController()
  const passes = runBackgroundPasses(group, {
    everyMs,
    reconcileEveryMs,
    gate: parts.gate,
    whyNot: () => whyNoPass(group, parts),
    onPass: parts.onPass,
    signal: stopped.signal,
  })
  return async () => {
    stopped.abort()
    await passes
  }
}

async function whyNoPass(
  group: ProtectedGroup,
  { watch, runner }: { readonly watch: Watch; readonly runner: Runner },
): Promise<string | undefined> {
  const { primary, secondary, replicates } = await courseNow(group)
  if (!replicates) return `${primary} is not protected since the failover`
  const silent = [primary, secondary].find(
    (name) => watch.state().members[name]?.health === 'unreachable',
  )
  if (silent !== undefined) return `${silent} does not answer`
  const runs = await runner.list({ group: group.plan.group, limit: 10 })
  // Passes go on beside a drill.
  const open = runs.find(({ header, state }) => header.runbook !== 'drill' && !isEnded(state))
  return open === undefined ? undefined : `${open.header.runbook} ${open.header.id} is under way`
}

/** The region of a member is asked once, when the member answers; the status tells it from then on. */
function regionLearner(members: Members, regions: Map<string, string>) {
  const asking = new Map<string, Promise<void>>()
  const learn = async (name: string, { direct }: Member) => {
    // A member that does not answer is asked again after the next round; the probes say why.
    const place = await direct.describe().catch(() => undefined)
    if (place === undefined) asking.delete(name)
    else regions.set(name, place.region)
  }
  return {
    look: () => {
      for (const [name, member] of members) {
        if (!asking.has(name)) asking.set(name, learn(name, member))
      }
    },
    asked: async () => void (await Promise.all(asking.values())),
  }
}

function summaryOf(result: PassResult, at: Date): PassSummary {
  const { replicationPoint: _point, ...summary } = result
  return { ...summary, at: at.toISOString() }
}

/** Who looks for as long as this is joined by others: they would wait for its end for ever. */
const longLookMs = 10_000

function afterAWhile(announce: () => Promise<void>, log: GroupLog): () => Promise<void> {
  const timer = setTimeout(() => {
    announce().catch((err: unknown) => log.warn({ err }, 'no other command can find this one'))
  }, longLookMs)
  timer.unref()
  return async () => clearTimeout(timer)
}
