import { never } from '../../src/runbook/durable-engine.ts'
import { isEnded } from '../../src/runbook/run-state.ts'
import { memoryRecords } from '../../src/runbooks/records.ts'
import { memoryStableEndpoint } from '../../src/runbooks/testing/regions.ts'
import { type Bug, believingTheJournal } from './bugs.ts'
import { type Checks, createChecks, watchedRecords } from './checks.ts'
import { write } from './clients.ts'
import { type Controller, createController, startVantagePoint } from './controller.ts'
import { memoryDecisions } from './decisions.ts'
import { checkEnd, settleDown } from './end-state.ts'
import { createNetwork } from './network.ts'
import { randomOf } from './random.ts'
import { type Event, type Scenario, troubleMs } from './scenario.ts'
import { createSchedule, startMs } from './schedule.ts'
import { groupName, type Simulated } from './simulated.ts'
import { withSimulatedTimers } from './timers.ts'
import { createTruth } from './truth.ts'

export interface Outcome {
  readonly violations: readonly string[]
  /** The same for two runs of the same scenario. */
  readonly digest: string
  readonly lines: readonly string[]
  readonly events: number
  readonly moves: number
}

export async function simulate(
  scenario: Scenario,
  options: { readonly bug?: Bug | undefined; readonly trace?: boolean } = {},
): Promise<Outcome> {
  const { bug } = options
  const schedule = createSchedule({ trace: options.trace ?? false })
  const run = () => withSimulatedTimers(schedule, () => play(simulatedOf(scenario, bug, schedule)))
  return bug === 'belief-in-journal' ? believingTheJournal(run) : run()
}

function simulatedOf(
  scenario: Scenario,
  bug: Bug | undefined,
  schedule: Simulated['schedule'],
): Simulated {
  const network = createNetwork(schedule)
  const first = { member: 'east', epoch: 1 }
  const endpoints = {
    gateway: memoryStableEndpoint('gateway', first),
    config: memoryStableEndpoint('config', first),
  }
  const truth = createTruth(schedule, (effect) => check.effect(effect))
  const records = watchedRecords(memoryRecords(), () => check)
  const check: Checks = createChecks({
    schedule,
    truth: () => truth,
    records: () => records,
    config: () => endpoints.config,
  })
  return {
    ...{ scenario, bug, schedule, network, truth, check, records, endpoints },
    random: randomOf(scenario.seed + 0x5eed),
    decisions: memoryDecisions(),
    owners: new Map(),
    lock: lockOf(schedule),
  }
}

async function play(sim: Simulated): Promise<Outcome> {
  const { schedule, check, scenario } = sim
  const controllers = scenario.controllers.map((name) => createController(sim, name))
  scenario.events.forEach((event, number) => {
    schedule.at(startMs + event.at, () => befall(sim, controllers, event, number))
  })
  const first = { group: groupName, since: new Date(startMs).toISOString(), epoch: 1 }
  await sim.truth.memory.east.writeMarker({ ...first, role: 'primary' }, { epoch: 1 })
  await sim.truth.memory.west.writeMarker({ ...first, role: 'secondary' }, { epoch: 1 })
  for (const one of controllers) schedule.at(startMs + 100, one.start)
  const vantagePoints = scenario.automatic ? (['north', 'south'] as const) : []
  for (const name of vantagePoints) startVantagePoint(sim, name, controllers)
  const isOver = () => check.violations.length > 0
  await schedule.run(startMs + troubleMs, isOver)
  if (!isOver()) await settleDown(sim, controllers, isOver)
  if (!isOver()) await checkEnd(sim)
  await sim.truth.memory.east.close()
  await sim.truth.memory.west.close()
  const runs = await sim.records.journal.list({ group: groupName })
  return {
    violations: check.violations,
    digest: schedule.digest(),
    lines: schedule.lines,
    events: schedule.count(),
    moves: runs.filter(({ state }) => isEnded(state) && state.status === 'done').length,
  }
}

function befall(
  sim: Simulated,
  controllers: readonly Controller[],
  event: Event,
  number: number,
): void {
  sim.schedule.log(JSON.stringify(event))
  const controller = 'of' in event ? controllers.find(({ name }) => name === event.of) : undefined
  switch (event.is) {
    case 'write':
      write(sim, event, number).catch(sim.check.unexpected)
      return
    case 'ask':
      controller
        ?.ask(event.type, event.force)
        .catch((error: unknown) => sim.check.refused(`${event.of} ${event.type}`, error))
      return
    case 'crash':
      controller?.crash(event.forMs)
      return
    case 'pause':
      controller?.pause(event.forMs)
      return
    case 'clock':
      controller?.setClock(event.byMs, event.forMs)
      return
    default:
      sim.network.begin(event)
  }
}

/** The lock that the database gives to one caller at a time; a process that dies loses it. */
function lockOf(schedule: Simulated['schedule']): Simulated['lock'] {
  let holder: { readonly isAlive: () => boolean } | undefined
  return async (generation, work) => {
    const born = generation()
    const isAlive = () => generation() === born
    while (holder?.isAlive()) {
      await schedule.wait(20)
      if (!isAlive()) return never()
    }
    const mine = { isAlive }
    holder = mine
    try {
      return await work()
    } finally {
      if (holder === mine) holder = undefined
    }
  }
}
