import type { Json } from '../../model/json.ts'
import type { UserStep } from '../../plan/user-step-schema.ts'
import { never } from '../../runbook/durable-engine.ts'
import { type EngineRecord, engineRecord, memoryEngine } from '../../runbook/memory-engine.ts'
import type { FaultPoint, PerformTools } from '../../runbook/perform.ts'
import type { RunEvent } from '../../runbook/run-state.ts'
import { createRunner, runbookProcedures } from '../../runbook/runner.ts'
import type { Person } from '../../runbook/wait.ts'
import { memoryRecords, type Records } from '../records.ts'
import { seedRecords } from './records.ts'
import { clock, createRegions, type Regions, snapshot } from './regions.ts'
import { bindings, captureEast, type EffectHook, hooked } from './worlds.ts'

export interface Scene {
  readonly records: Records
  readonly regions: Regions
  readonly engine: EngineRecord
}

export async function createScene(): Promise<Scene> {
  const scene = {
    records: memoryRecords(),
    regions: await createRegions(),
    engine: engineRecord(),
  }
  await seedRecords(scene.records)
  await captureEast(scene.records, scene.regions)
  return scene
}

export interface Crash {
  readonly at?: { readonly step: string; readonly point: FaultPoint }
  /** Number of the effect on the outside, counted from 0, and on which side of it. */
  readonly effect?: { readonly number: number; readonly when: 'before' | 'after' }
  /** As soon as the journal has this of the step. */
  readonly journalled?: { readonly step: string; readonly type: RunEvent['type'] }
  /** Gets the means to end the process from elsewhere. */
  readonly means?: (die: () => Promise<never>) => void
}

export interface Start {
  readonly id: string
  readonly runbook: string
  readonly expectedEpoch?: number
  readonly userSteps?: readonly UserStep[]
  /** What each pass of a planned move finds in conflict. */
  readonly conflicts?: number
  readonly askedBy?: Person
}

/** One controller process: resolves when it ended the run, or died. */
export async function controller(
  scene: Scene,
  start: Start,
  crash: Crash = {},
  time: Pick<PerformTools, 'sleep'> & { readonly now?: () => Date } = {},
) {
  let die: () => void = () => undefined
  const died = new Promise<'died'>((resolve) => {
    die = () => resolve('died')
  })
  const dieHere = (): Promise<never> => {
    engine.kill()
    die()
    return never()
  }
  crash.means?.(dieHere)
  const effects: string[] = []
  let done = 0
  const hook: EffectHook = async (when, what) => {
    if (when === 'before') effects.push(what)
    // Several may be under way at once.
    else done += 1
    const count = when === 'before' ? effects.length : done
    const isHere = crash.effect?.number === count - 1 && crash.effect.when === when
    if (isHere) await dieHere()
  }
  const now = time.now ?? clock
  const { journal } = scene.records
  const append = async (run: string, event: RunEvent) => {
    await journal.append(run, event)
    const { step, type } = crash.journalled ?? {}
    if ('step' in event && event.step === step && event.type === type) await dieHere()
  }
  const tools = {
    journal: { ...journal, append },
    ...{ now, ...(time.sleep && { sleep: time.sleep }) },
    faultPoint: async (step: string, point: FaultPoint) => {
      if (crash.at?.step === step && crash.at.point === point) await dieHere()
    },
  }
  const bound = bindings(scene.records, hooked(scene.regions, hook), tools)
  const engine = memoryEngine({ procedures: runbookProcedures(bound), record: scene.engine })
  const runner = createRunner({
    engine,
    journal: scene.records.journal,
    ...{ now, bindings: bound },
  })
  await engine.start()
  const { id, runbook, expectedEpoch = 1, askedBy, userSteps = [], conflicts = 0 } = start
  const input = { expectedEpoch, conflicts, userSteps: userSteps as unknown as Json }
  await runner.start({ ...{ id, runbook, group: 'g', input }, ...(askedBy && { askedBy }) })
  const ended = await Promise.race([runner.ended(id), died])
  return { ended, effects, runner }
}

export const there = { id: 'run', runbook: 'failover' }
export const back = { id: 'back', runbook: 'reprotect' }

/** A controller whose failover stands still after the effect of a step, until it may go on. */
export async function heldAt(scene: Scene, step: string, start = there) {
  let reached: () => void = () => undefined
  const waiting = new Promise<void>((resolve) => {
    reached = resolve
  })
  let goOn: () => void = () => undefined
  const gate = new Promise<void>((resolve) => {
    goOn = resolve
  })
  const { journal } = scene.records
  const bound = bindings(scene.records, scene.regions, {
    journal,
    now: clock,
    faultPoint: async (at, point) => {
      if (at !== step || point !== 'effect') return
      reached()
      await gate
    },
  })
  const engine = memoryEngine({ procedures: runbookProcedures(bound), record: scene.engine })
  const runner = createRunner({ engine, journal, now: clock, bindings: bound })
  await runner.start({ ...start, group: 'g', input: { expectedEpoch: 1 } })
  await waiting
  return { runner, goOn }
}

export async function finalWorld(scene: Scene): Promise<unknown> {
  const { epochs, jobs, reports, protection, ledger, journal } = scene.records
  const run = await journal.read(there.id)
  return {
    outside: await snapshot(scene.regions),
    epoch: await epochs.history('g'),
    jobs: await jobs.rows('g'),
    reports: [await reports.read(there.id), await reports.read(back.id)].map((report) => ({
      ...report,
      timeline: report?.timeline.map((step) => [step.id, step.status]),
    })),
    protection: await protection.read('g'),
    point: await ledger.readPoint({ group: 'g', source: 'west', target: 'east' }),
    run: [run?.state.status, run?.state.steps.map((step) => [step.id, step.status])],
  }
}
