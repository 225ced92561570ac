import type { Operation } from '../api/contract.ts'
import { dbosEngine } from '../runbook/dbos-engine.ts'
import { executorLeases } from '../runbook/executor-leases.ts'
import type { Run } from '../runbook/journal.ts'
import type { RunEvent } from '../runbook/run-state.ts'
import type { StepProgress } from '../runbook/runbook.ts'
import { createRunner, type Runner, runbookProcedures } from '../runbook/runner.ts'
import { startTakeOver } from '../runbook/take-over.ts'
import type { Database } from '../store/database.ts'
import { type Estimates, estimates } from './estimates.ts'
import type { EventBus } from './event-bus.ts'
import { operationOf } from './operations.ts'
import type { PassGate } from './pass-gate.ts'
import { executorOf, executorOfCommand, type Performers, performers } from './performers.ts'
import { bindProcedures } from './procedures.ts'
import type { ProtectedGroup } from './protected-group.ts'

/** A controller that is silent for longer than this is dead, in milliseconds. */
const leaseTtlMs = 10_000
const beatEveryMs = 2000
/** A command is waited for: it takes up at once what a dead one left of its operation. */
const commandBeatEveryMs = 500
/** How often readers are told how far a step is: eyes follow no faster, and a million objects are no more. */
const progressEveryMs = 500

export interface StartRunnerOptions {
  readonly gate: PassGate
  readonly events: EventBus
  readonly database: Database
  readonly stateDir: string
  /**
   * `command`: performs what it is asked for and nothing else; somebody who only looks must not push a
   * failover on. `controller`: goes on with whatever it, or another one of the group, left.
   */
  readonly as: 'controller' | 'command'
  /** Nobody else can use this database meanwhile. */
  readonly alone: boolean
}

export interface StartedRunner {
  readonly runner: Runner
  readonly estimates: Estimates
  readonly performers: Performers
  /** A run as the API shows it. */
  readonly show: (run: Run) => Operation
  stop(): Promise<void>
}

/** A controller takes up what a former process of it left, and from then on what dead others leave. */
export async function startRunner(
  group: ProtectedGroup,
  options: StartRunnerOptions,
): Promise<StartedRunner> {
  const { gate, events, database, stateDir, alone } = options
  const onlyAsked = options.as === 'command'
  const { records, clock, plan, log } = group
  const { journal } = records
  const progress = new Map<string, Map<string, StepProgress>>()
  const past = estimates(journal, plan.group)
  const show = (run: Run) => {
    const { id, runbook } = run.header
    return operationOf(run, { progress: progress.get(id), known: past.of(runbook), now: clock() })
  }
  const publish = async (id: string, type?: RunEvent['type']) => {
    if (type === 'begun' || type === 'finished') await past.refresh()
    const run = await journal.read(id)
    if (run === undefined) return
    events.publish({ type: 'operation', at: clock().toISOString(), data: show(run) })
  }
  // One after the other: a run that is done must not be followed by how far it had been.
  let last = Promise.resolve()
  const told = (id: string, type?: RunEvent['type']) => {
    last = last.then(() => publish(id, type)).catch(() => undefined)
  }
  const due = new Map<string, NodeJS.Timeout>()
  const progressed = (id: string) => {
    if (due.has(id)) return
    const tell = () => {
      due.delete(id)
      told(id)
    }
    due.set(id, setTimeout(tell, progressEveryMs))
  }
  const bindings = bindProcedures(group, gate, {
    journal,
    now: clock,
    onEvent: (id, { type }) => told(id, type),
    onProgress: (id, step, value) => {
      const steps = progress.get(id) ?? new Map<string, StepProgress>()
      progress.set(id, steps.set(step, value))
      progressed(id)
    },
  })
  const executor = (onlyAsked ? executorOfCommand : executorOf)(plan.group, stateDir)
  const engine = dbosEngine({
    url: database.url,
    executorId: executor,
    scope: plan.group,
    onlyAsked,
    procedures: runbookProcedures(bindings),
    onLog: (level, message) => level !== 'info' && log.warn({ from: 'dbos' }, message),
  })
  const runner = createRunner({ engine, journal, now: clock, bindings })
  const leases = executorLeases(database, { executor, ttlMs: leaseTtlMs, alone })
  // Before anything is under way here: others take a silent one for dead.
  await leases.beat()
  await past.refresh()
  await engine.start()
  const takeUp = () => (onlyAsked ? Promise.resolve() : runner.takeUp(plan.group))
  await takeUp()
  const stopTakeOver = await startTakeOver({
    ...{ leases, runs: engine, takeUp },
    everyMs: onlyAsked ? commandBeatEveryMs : beatEveryMs,
    onAdopted: (ids) =>
      log.warn({ group: plan.group, ids }, 'going on with what a dead process left'),
    onError: (error) =>
      log.warn({ group: plan.group, err: error }, 'the other controllers could not be seen'),
  })
  return {
    ...{ runner, estimates: past, show },
    performers: performers({ group: plan.group, database, leases }),
    stop: async () => {
      await stopTakeOver()
      await runner.stop()
      for (const timer of due.values()) clearTimeout(timer)
      await leases.release()
    },
  }
}
