import type { GroupStatus } from '../../src/api/contract.ts'
import type { Verdict } from '../../src/detection/verdict.ts'
import type { JobCapture, JobDecisions } from '../../src/jobs/job-store.ts'
import { isHoldfastError } from '../../src/model/errors.ts'
import type { Direction, ReplicationPointRow } from '../../src/replication/ledger.ts'
import type { Epoch } from '../../src/runbook/epoch-register.ts'
import type { Run } from '../../src/runbook/journal.ts'
import type { RunError } from '../../src/runbook/run-state.ts'
import type { Records } from '../../src/runbooks/records.ts'
import type { Report } from '../../src/runbooks/report.ts'
import type { StableEndpoint } from '../../src/traffic/stable-endpoint.ts'
import { interceptWorkspace, type WorkspaceCall } from '../../src/workspace/decorators/intercept.ts'
import { type Workspace, workspaceOperations } from '../../src/workspace/workspace.ts'
import type { MemberName, Watcher } from './scenario.ts'
import type { Schedule } from './schedule.ts'
import { client, type Effect, type Truth, type Version } from './truth.ts'

/** The invariants, asked of the truth each time something happens that they speak of. */
export interface Checks {
  readonly violations: readonly string[]
  violated(invariant: string, sentence: string): void
  effect(effect: Effect): void
  /** Notes with which epoch in force a write was asked for (I1). */
  entering(workspace: Workspace): Workspace
  epochBegan(epoch: Epoch): void
  jobsDecided(decisions: JobDecisions): Promise<void>
  jobsCaptured(capture: JobCapture): Promise<void>
  pointMoved(direction: Direction, point: ReplicationPointRow): void
  reportWritten(report: Report): void
  runFinished(run: Run): Promise<void>
  runFailed(id: string, error: RunError): void
  status(status: GroupStatus, now: number): void
  verdict(watcher: Watcher, primary: MemberName, verdict: Verdict): void
  probed(watcher: Watcher, member: MemberName, healthy: boolean): void
  /** A refusal that is part of the game; anything that is not ours is a defect. */
  refused(what: string, error: unknown): void
  unexpected(error: unknown): void
}

interface Facts {
  readonly schedule: Schedule
  readonly truth: () => Truth
  readonly records: () => Records
  readonly config: () => StableEndpoint
}

const other = (member: MemberName): MemberName => (member === 'east' ? 'west' : 'east')

export function createChecks(facts: Facts): Checks {
  const { schedule } = facts
  const violations: string[] = []
  const entered = new WeakMap<object, number>()
  const successors = new Map<string, string>()
  const silences = new Map<string, { readonly silent: number; readonly answered: number }>()
  let epoch = 0

  const violated = (invariant: string, sentence: string): void => {
    violations.push(`${invariant}: ${sentence}`)
    schedule.log(`VIOLATED ${invariant}: ${sentence}`)
  }
  const optionsOf = (call: WorkspaceCall): object | undefined => {
    const options = call.args[workspaceOperations[call.operation].options]
    return typeof options === 'object' && options !== null ? options : undefined
  }
  const versionsOf = (member: MemberName, object: string): readonly Version[] =>
    facts.truth().versions[member].get(object) ?? []

  /** I1: nothing that was asked for after an epoch began carries an older one. */
  const checkEpoch = ({ by, member, call }: Effect): void => {
    const inForce = entered.get(optionsOf(call) ?? call) ?? 0
    if (by === client || call.epoch === undefined || call.epoch >= inForce) return
    violated(
      'I1',
      `${by} ${call.operation} at ${member} carries epoch ${call.epoch} in epoch ${inForce}`,
    )
  }
  /** I3, I5: a content that stands nowhere else is never replaced or deleted. */
  const checkOverwrite = ({ by, member, call, object, before, after }: Effect): void => {
    if (by === client) return
    if (call.operation === 'deleteObject') violated('I3', `${by} deleted at ${member}`)
    if (object === undefined || before === undefined || before.stamp === after?.stamp) return
    const isSafe = versionsOf(other(member), object).some(({ stamp }) => stamp === before.stamp)
    if (!isSafe)
      violated('I3', `${by} replaced ${object} at ${member}: ${before.stamp} was only there`)
  }
  /** I2, I6: one successor per origin and epoch, in one region, under one name. */
  const checkSubmissions = ({ by }: Effect): void => {
    const last = facts.truth().submissions.at(-1)
    if (by === client || last === undefined) return
    const key = `${last.origin} of epoch ${last.epoch}`
    const place = `${last.member}/${last.name}`
    const known = successors.get(key) ?? place
    successors.set(key, known)
    if (known !== place) violated('I6', `${key} runs as ${known} and as ${place}`)
  }

  /** I6: what is decided about jobs rests on the newest look at them, and misses none. */
  const checkDecisions = async ({ run, group, source, epoch, jobs }: JobDecisions) => {
    const { jobs: store, epochs } = facts.records()
    const history = await epochs.history(group)
    if (!history.some((one) => one.epoch === epoch && one.begunBy === run))
      violated('I6', `${run} decided about jobs before its epoch`)
    const capture = await store.readCapture(group, source)
    // What an earlier epoch knew of this member was decided when it was left.
    if (capture?.epoch !== epoch - 1) return
    const names = (list: readonly string[]) => [...new Set(list)].sort().join(', ')
    const open = names(capture.jobs.map(({ name }) => name))
    const known = names(jobs.map(({ job }) => job))
    if (open !== known) violated('I6', `${run} decided about [${known}], open were [${open}]`)
  }
  /** I6: nothing is noted any more of an epoch about whose jobs somebody has decided. */
  const checkCapture = async ({ group, source, epoch }: JobCapture): Promise<void> => {
    const decisions = await facts.records().jobs.decisionsFrom(group, source)
    const later = decisions.find((one) => one.epoch > epoch)
    if (later !== undefined)
      violated('I6', `jobs of ${source} were noted in epoch ${epoch} after ${later.run} decided`)
  }

  /** What a point claims, asked of both worlds: the objects that are not there as of then. */
  const unproven = (direction: Direction, until: number): string[] => {
    const source = direction.source as MemberName
    const target = direction.target as MemberName
    return [...facts.truth().versions[source]].flatMap(([object, versions]) => {
      const index = versions.findLastIndex(({ at }) => at < until)
      if (index < 0) return []
      const good = new Set(versions.slice(index).map(({ stamp }) => stamp))
      return versionsOf(target, object).some(({ stamp }) => good.has(stamp)) ? [] : [object]
    })
  }
  const checkPoint = (direction: Direction, at: string, what: string): void => {
    // The members' clocks are right and those of controllers may be wrong: the point must not be.
    const missing = unproven(direction, Date.parse(at))
    if (missing.length > 0) violated('I4', `${what} ${at} passes ${missing.join(', ')}`)
  }

  return {
    violations,
    violated,
    entering: (workspace) =>
      interceptWorkspace(workspace, (call, next) => {
        const options = optionsOf(call)
        if (call.writes && options !== undefined) entered.set(options, epoch)
        return next()
      }),
    effect: (effect) => {
      checkEpoch(effect)
      checkOverwrite(effect)
      if (effect.call.operation === 'submitJob') checkSubmissions(effect)
    },
    epochBegan: (begun) => {
      if (begun.epoch <= epoch) return
      schedule.log(`epoch ${begun.epoch} ${begun.primary}`)
      epoch = begun.epoch
    },
    jobsDecided: checkDecisions,
    jobsCaptured: checkCapture,
    pointMoved: (direction, point) => {
      schedule.log(`point ${direction.source} ${point.at}`)
      checkPoint(direction, point.at, 'point')
    },
    reportWritten: (report) => {
      if (report.type === 'reprotect' || report.replicationPoint === null) return
      const until = Date.parse(report.replicationPoint)
      const { proven, missing, unknown, conflict, skipped } = report.objects
      const others = [...missing, ...unknown, ...conflict].map(({ object }) => object)
      const named = new Set([...proven, ...others, ...skipped])
      for (const [object, versions] of facts.truth().versions[report.from as MemberName]) {
        const isOld = versions.some(({ at }) => at < until)
        if (isOld && !named.has(object)) violated('I7', `the report leaves ${object} out`)
      }
      for (const object of proven) {
        const isStamped = versionsOf(report.from as MemberName, object).length > 0
        if (isStamped && versionsOf(report.to as MemberName, object).length === 0)
          violated('I7', `the report calls ${object} proven, and it is not there`)
      }
    },
    runFinished: async ({ header, state }) => {
      if (state.status !== 'done' || state.outcome === 'cancelled') return
      schedule.log(`${header.id} ${state.outcome}`)
      if (header.runbook === 'reprotect') return
      const { secondary, epoch: before } = header.input as { secondary: MemberName; epoch: number }
      if (epoch > before + 1) return
      if (epoch !== before + 1) violated('I8', `${header.id} is done without an epoch of its own`)
      const pointer = await facts.config().current()
      if (pointer?.member !== secondary || pointer.epoch !== epoch)
        violated('I8', `${header.id} is done, and clients are led to ${pointer?.member}`)
      const marker = await facts.truth().memory[secondary].readMarker()
      if (marker?.role !== 'primary' || marker.epoch !== epoch)
        violated('I8', `${header.id} is done, and ${secondary} is not marked primary`)
      const decisions = await facts.records().jobs.readDecisions(header.id)
      for (const { decision, newName } of decisions?.jobs ?? []) {
        if (decision !== 'resubmit' || newName === null) continue
        const starts = facts
          .truth()
          .submissions.filter(
            ({ name, member }) => member === secondary && name.startsWith(newName),
          )
        if (starts.length === 0)
          violated('I6', `${header.id} is done, and ${newName} was never started`)
      }
    },
    runFailed: (id, { code, message }) => {
      schedule.log(`${id} failed: ${code} ${message}`)
      if (code === 'internal.unexpected') violated('defect', `${id}: ${message}`)
    },
    status: (status, now) => {
      const { effectivePrimary, replicationPoint: point } = status
      const source = effectivePrimary as MemberName
      if (point === null) return
      const direction = { group: status.group, source, target: other(source) }
      checkPoint(direction, point, 'status: point')
      if (Date.parse(point) > now) schedule.log('a point of the future')
    },
    verdict: (watcher, primary, { code }) => {
      const { silent } = silences.get(`${watcher} ${primary}`) ?? { silent: 0 }
      if (code !== 'primary-down' || silent >= 3) return
      violated('I8', `${watcher} calls ${primary} down after ${silent} probes without an answer`)
    },
    probed: (watcher, member, healthy) => {
      const key = `${watcher} ${member}`
      const { silent, answered } = silences.get(key) ?? { silent: 0, answered: 0 }
      // One answer between two silences ends nothing; two do.
      if (healthy) silences.set(key, { silent: answered > 0 ? 0 : silent, answered: answered + 1 })
      else silences.set(key, { silent: answered > 1 ? 1 : silent + 1, answered: 0 })
    },
    refused: (what, error) => {
      if (!isHoldfastError(error)) return violated('defect', String((error as Error).stack))
      schedule.log(`${what} refused: ${error.code}`)
    },
    unexpected: (error) => {
      if (!isHoldfastError(error)) return violated('defect', String((error as Error).stack))
      schedule.log(`failed: ${error.code}`)
    },
  }
}

/** The records, with the checks told of what they speak of. */
export function watchedRecords(records: Records, check: () => Checks): Records {
  const { ledger, epochs, jobs, journal, reports } = records
  return {
    ...records,
    ledger: {
      ...ledger,
      advancePoint: async (direction, point) => {
        await ledger.advancePoint(direction, point)
        check().pointMoved(direction, point)
      },
    },
    epochs: {
      ...epochs,
      establish: async (first) => {
        const epoch = await epochs.establish(first)
        check().epochBegan(epoch)
        return epoch
      },
      begin: async (group, change) => {
        const epoch = await epochs.begin(group, change)
        check().epochBegan(epoch)
        return epoch
      },
    },
    jobs: {
      ...jobs,
      saveCapture: async (capture) => {
        await jobs.saveCapture(capture)
        await check().jobsCaptured(capture)
      },
      decideOnce: async (made) => {
        const isFirst = (await jobs.readDecisions(made.run)) === undefined
        const kept = await jobs.decideOnce(made)
        if (isFirst) await check().jobsDecided(kept)
        return kept
      },
    },
    journal: {
      ...journal,
      append: async (id, event) => {
        await journal.append(id, event)
        if (event.type === 'failed') check().runFailed(id, event.error)
        if (event.type !== 'finished') return
        const run = await journal.read(id)
        if (run !== undefined) await check().runFinished(run)
      },
    },
    reports: {
      ...reports,
      write: async (report) => {
        await reports.write(report)
        check().reportWritten(report)
      },
    },
  }
}
