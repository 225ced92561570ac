import { runBackgroundPasses } from '../../src/controller/background-passes.ts'
import { createDecider } from '../../src/controller/decider.ts'
import { drillStatus } from '../../src/controller/drill-status.ts'
import { establishEpoch } from '../../src/controller/establish.ts'
import { groupStatus } from '../../src/controller/group-status.ts'
import { createPassGate } from '../../src/controller/pass-gate.ts'
import { bindProcedures } from '../../src/controller/procedures.ts'
import {
  courseNow,
  currentEpoch,
  type ProtectedGroup,
} from '../../src/controller/protected-group.ts'
import { type Asked, runFor, runsInTheWay } from '../../src/controller/start-operation.ts'
import type { DetectionState } from '../../src/detection/detector.ts'
import { defaultThresholds, observe, startOfDetection } from '../../src/detection/detector.ts'
import { type JudgedHealth, judge } from '../../src/detection/verdict.ts'
import type { PassResult } from '../../src/replication/pass.ts'
import type { DurableEngine } from '../../src/runbook/durable-engine.ts'
import { never } from '../../src/runbook/durable-engine.ts'
import { type EngineRecord, engineRecord, memoryEngine } from '../../src/runbook/memory-engine.ts'
import { isEnded } from '../../src/runbook/run-state.ts'
import { createRunner, type Runner, runbookProcedures } from '../../src/runbook/runner.ts'
import type { ProbeResult } from '../../src/workspace/workspace.ts'
import { hastyThresholds } from './bugs.ts'
import { groupOf } from './group.ts'
import type { Process } from './network.ts'
import type { ControllerName, MemberName, Watcher } from './scenario.ts'
import type { Simulated } from './simulated.ts'

export const roundMs = 3000
const planes = ['arm', 'history', 'blob'] as const
export const memberNames = ['east', 'west'] as const

/** Its host: what outlives the process, and what befalls it. */
export interface Controller {
  readonly name: ControllerName
  start(): void
  crash(forMs: number): void
  pause(forMs: number): void
  setClock(byMs: number, forMs: number): void
  ask(type: Asked['type'], force: boolean): Promise<string>
  view(vantagePoint: string, healths: Record<string, JudgedHealth>): Promise<void>
  runner(): Runner | undefined
  lastPass(): PassResult | undefined
  state(): DetectionState
}

interface Running {
  readonly group: ProtectedGroup
  readonly runner: Runner
  readonly gate: ReturnType<typeof createPassGate>
  readonly decider: ReturnType<typeof createDecider>
  readonly kill: () => void
}

export function createController(sim: Simulated, name: ControllerName): Controller {
  const { schedule } = sim
  const record: EngineRecord = engineRecord()
  let running: Running | undefined
  let generation = 0
  let pausedUntil = 0
  let offsetMs = 0
  let state: DetectionState = startOfDetection(memberNames, new Date(schedule.now()))
  let lastPass: PassResult | undefined
  const clock = (): Date => new Date(schedule.now() + offsetMs)

  const processOf = (born: number): Process => ({
    name,
    alive: async () => {
      while (born === generation && schedule.now() < pausedUntil)
        await schedule.wait(pausedUntil - schedule.now())
      if (born !== generation) await never()
    },
  })

  const start = (): void => {
    generation += 1
    const born = generation
    const process = processOf(born)
    state = startOfDetection(memberNames, clock())
    const group = groupOf(sim, process, clock)
    const gate = createPassGate()
    const tools = { journal: group.records.journal, now: clock }
    const bound = bindProcedures(group, gate, tools)
    const memory = memoryEngine({ procedures: runbookProcedures(bound), record })
    const engine = owned(sim, name, memory)
    const runner = createRunner({
      engine,
      journal: group.records.journal,
      now: clock,
      bindings: bound,
    })
    const decider = createDecider({
      ...{ group, store: sim.decisions, runner },
      startFailover: () => {
        schedule.log(`${name} fails over by itself`)
        return ask('failover', false)
      },
    })
    const begin = async () => {
      // Nobody is answered before.
      await establishEpoch(group)
      running = { group, runner, gate, decider, kill: memory.kill }
      await engine.start()
      await runner.takeUp(group.plan.group)
      round(born)
      await runBackgroundPasses(group, {
        everyMs: 9000,
        reconcileEveryMs: 20_000,
        gate,
        whyNot: () => whyNoPass(group, runner, () => state),
        onPass: (result) => {
          lastPass = result
          schedule.log(`${name} pass ${result.outcome} ${result.error?.code ?? ''}`)
        },
        signal: new AbortController().signal,
      })
    }
    begin().catch(sim.check.unexpected)
  }

  const round = (born: number): void => {
    if (born !== generation) return
    if (schedule.now() >= pausedUntil) {
      state = observe(state, probesOf(sim, name), clock(), thresholdsOf(sim))
      look(born).catch(sim.check.unexpected)
    }
    schedule.at(schedule.now() + roundMs, () => round(born))
  }

  const look = async (born: number): Promise<void> => {
    const { group, runner, decider } = running as Running
    const { primary } = await currentEpoch(group)
    if (born !== generation) return
    const verdict = judge(state, primary)
    sim.check.verdict(name, primary as MemberName, verdict)
    await decider
      .decide(state)
      .catch((error: unknown) => sim.check.refused(`${name} decide`, error))
    // Asked now and then, as people do.
    if (sim.random.chance(0.7)) return
    const watch = { state: () => state, verdict: () => ({ ...verdict, at: clock().toISOString() }) }
    const decision = await decider.status()
    sim.check.status(
      await groupStatus(group, {
        watch: watch as never,
        ...{ regions: new Map(), operation: null, decision, lastPass: null },
        controller: { running: true, lastSeenAt: null, performing: null },
        drill: await drillStatus(group, runner),
        readiness: null,
        findings: [],
      }),
      schedule.now(),
    )
  }

  const ask = async (type: Asked['type'], force: boolean): Promise<string> => {
    if (running === undefined) return 'dead'
    const { group, runner, gate } = running
    return sim.lock(
      () => generation,
      async () => {
        const runs = await runner.list({ group: group.plan.group, limit: 50 })
        const asked: Asked = {
          ...{ type, runs, request: { dryRun: false, force }, detection: state },
          course: await courseNow(group),
          begunBy: (await currentEpoch(group)).begunBy,
          ...{ home: 'east', now: clock(), by: 'operator' },
        }
        const run = runFor(asked)
        for (const { header } of runsInTheWay(asked)) await runner.cancel(header.id, 'failover')
        await gate.clear(`A ${type} has begun.`)
        schedule.log(`${name} starts ${run.id}`)
        return (await runner.start(run)).header.id
      },
    )
  }

  return {
    name,
    start,
    crash: (forMs) => {
      running?.kill()
      running = undefined
      generation += 1
      pausedUntil = 0
      const born = generation
      schedule.log(`${name} crashed`)
      schedule.at(schedule.now() + forMs, () => {
        if (born === generation) start()
      })
    },
    pause: (forMs) => {
      pausedUntil = Math.max(pausedUntil, schedule.now() + forMs)
    },
    setClock: (byMs, forMs) => {
      offsetMs += byMs
      schedule.at(schedule.now() + forMs, () => {
        offsetMs -= byMs
      })
    },
    ask,
    view: async (vantagePoint, members) => {
      await running?.decider.view({ vantagePoint, members } as never)
    },
    runner: () => running?.runner,
    lastPass: () => lastPass,
    state: () => state,
  }
}

const thresholdsOf = (sim: Simulated) =>
  sim.bug === 'no-hysteresis' ? hastyThresholds : defaultThresholds

/** One round of probes, all at one instant. */
function probesOf(sim: Simulated, watcher: Watcher): Record<string, ProbeResult[]> {
  const at = new Date(sim.schedule.now()).toISOString()
  return Object.fromEntries(
    memberNames.map((member) => {
      const healthy = sim.network.seems(watcher, member)
      sim.check.probed(watcher, member, healthy)
      return [member, planes.map((plane) => ({ plane, healthy, latencyMs: 1, at }))]
    }),
  )
}

/** A vantage point elsewhere: probes by itself and reports to every controller it reaches. */
export function startVantagePoint(
  sim: Simulated,
  name: 'north' | 'south',
  controllers: readonly Controller[],
): void {
  let state = startOfDetection(memberNames, new Date(sim.schedule.now()))
  const round = (): void => {
    state = observe(state, probesOf(sim, name), new Date(sim.schedule.now()), thresholdsOf(sim))
    const healths = Object.fromEntries(
      Object.entries(state.members).map(([member, { health }]) => [
        member,
        { health, evidence: '' },
      ]),
    )
    for (const one of controllers) one.view(name, healths).catch(sim.check.unexpected)
    sim.schedule.at(sim.schedule.now() + roundMs, round)
  }
  sim.schedule.at(sim.schedule.now() + 300, round)
}

/** What DBOS does on one database: a run that another controller has begun is not begun here. */
function owned(sim: Simulated, name: ControllerName, engine: DurableEngine): DurableEngine {
  return {
    ...engine,
    run: async (procedure, id, input) => {
      const owner = sim.owners.get(id) ?? name
      sim.owners.set(id, owner)
      if (owner === name) await engine.run(procedure, id, input)
    },
  }
}

async function whyNoPass(
  group: ProtectedGroup,
  runner: Runner,
  state: () => DetectionState,
): Promise<string | undefined> {
  const { primary, secondary, replicates } = await courseNow(group)
  if (!replicates) return 'not protected'
  const isSilent = (name: string) => state().members[name]?.health === 'unreachable'
  if (isSilent(primary) || isSilent(secondary)) return 'silent'
  const runs = await runner.list({ group: group.plan.group, limit: 10 })
  return runs.some((run) => !isEnded(run.state)) ? 'under way' : undefined
}
