import { inSpan } from '../telemetry/tracing.ts'
import { actWithin } from './act.ts'
import {
  EngineInterruption,
  type ProcedureContext,
  type Settled,
  toRunError,
} from './durable-engine.ts'
import type { Journal } from './journal.ts'
import { performWait } from './perform-wait.ts'
import {
  canBeginAgain,
  type Demand,
  isEnded,
  type RunEvent,
  type RunOutcome,
  type RunState,
  skipSentence,
} from './run-state.ts'
import type { Runbook, Step, StepProgress, StepTools } from './runbook.ts'

export interface PerformTools {
  readonly journal: Journal
  readonly now: () => Date
  /** Rejects when the signal aborts. Default: real time. */
  readonly sleep?: (milliseconds: number, signal: AbortSignal) => Promise<void>
  /** Called after every journalled event and on progress. */
  readonly onEvent?: (runId: string, event: RunEvent) => void
  readonly onProgress?: (runId: string, step: string, progress: StepProgress) => void
  /** Instants at which tests end the process; see `FaultPoint`. */
  readonly faultPoint?: (step: string, point: FaultPoint) => Promise<void>
}

/** `intent`: journalled, nothing done. `effect`: done, not looked at again. `record`: not journalled. */
export type FaultPoint = 'intent' | 'effect' | 'record'

export interface StepOutcome {
  /** `passed`: not even looked at, because the run is to end. */
  readonly result: 'done' | 'partial' | 'skipped' | 'passed'
  readonly detail: string
  /** What the run cannot be better than. */
  readonly atMost: RunOutcome
}

/** An event before it is dated. */
export type UndatedEvent = RunEvent extends infer E
  ? E extends RunEvent
    ? Omit<E, 'at'>
    : never
  : never

/** All that performing one run needs. */
export interface Performance<World> {
  readonly runId: string
  readonly world: World
  /** Aborts when this process stops. */
  readonly signal: AbortSignal
  readonly tools: PerformTools
  readonly write: (event: UndatedEvent) => Promise<void>
  readonly state: () => Promise<RunState>
}

const rank: Record<RunOutcome, number> = { complete: 0, partial: 1, cancelled: 2, aborted: 3 }
const worse = (a: RunOutcome, b: RunOutcome): RunOutcome => (rank[a] > rank[b] ? a : b)

/**
 * Walks a runbook's steps as one durable procedure. Throws what the failing step threw, after
 * writing it to the journal. Whether a step is passed by is decided inside it: the engine meets the
 * same steps in the same order however often a process dies in between.
 */
export async function performRunbook<World>(
  book: Runbook<World>,
  runId: string,
  world: World,
  context: ProcedureContext,
  tools: PerformTools,
): Promise<RunOutcome> {
  const run = performanceOf(runId, world, context.signal, tools)
  if (!isJustBegun(await tools.journal.events(runId))) await run.write({ type: 'begun' })
  try {
    let outcome: RunOutcome = 'complete'
    for (const step of book.steps) {
      const ended = await performDurably(step.id, context, () => performStep(step, run))
      outcome = worse(outcome, ended.atMost)
    }
    if (outcome === 'aborted') {
      for (const step of [...book.steps].reverse())
        await performDurably(`undo ${step.id}`, context, () => undoStep(step, run))
    }
    await run.write({ type: 'finished', outcome })
    return outcome
  } catch (error) {
    // A process that stops has not failed: the next one goes on (I8).
    if (error instanceof EngineInterruption || context.signal.aborted) throw error
    await run.write({ type: 'failed', error: toRunError(error) })
    throw error
  }
}

const ofPeople = /^(approved|rejected|skip-requested|abort-requested|cancel-requested)$/

/** Whoever begins it again notes so at once; noting it twice would look like two tries. */
function isJustBegun(events: readonly RunEvent[]): boolean {
  return events.filter(({ type }) => !ofPeople.test(type)).at(-1)?.type === 'begun'
}

/** The engine's id of the try that is under way, or comes next. */
export const tryOf = (id: string, state: RunState): string => `${id}/${state.endings + 1}`

/**
 * How a try ended, if the journal knows its end: a process that died right behind it has not told the
 * engine, which then runs the try again.
 */
export function endOfTry(id: string, state: RunState, aTry: string): Settled | undefined {
  if (tryOf(id, state) === aTry && (!isEnded(state) || canBeginAgain(state))) return undefined
  if (state.status === 'done') return { ok: true, value: state.outcome }
  if (state.status === 'failed' || state.status === 'unknown')
    return { ok: false, error: state.error }
  return { ok: true, value: 'cancelled' }
}

function performanceOf<World>(
  runId: string,
  world: World,
  signal: AbortSignal,
  tools: PerformTools,
): Performance<World> {
  const { journal, now, onEvent } = tools
  return {
    ...{ runId, world, signal, tools },
    write: async (event) => {
      const dated: RunEvent = { ...event, at: now().toISOString() }
      await journal.append(runId, dated)
      onEvent?.(runId, dated)
    },
    state: async () => {
      const run = await journal.read(runId)
      if (run === undefined) throw new Error(`no run ${runId}`)
      return run.state
    },
  }
}

/**
 * A step that an earlier process recorded is not believed to be done: the world may have changed
 * since, or lost what was done, so it is looked at again (D8).
 */
async function performDurably(
  name: string,
  context: ProcedureContext,
  body: () => Promise<StepOutcome>,
): Promise<StepOutcome> {
  let performedHere = false
  const perform = async () => {
    performedHere = true
    return { ...(await inSpan(`step ${name}`, {}, body)) }
  }
  const outcome = await context.step(name, perform)
  return performedHere ? outcome : perform()
}

const passed = (atMost: RunOutcome): StepOutcome => ({ result: 'passed', detail: '', atMost })

/** Why a step is not performed, as its outcome; asked before it is looked at. */
function passBy<World>(step: Step<World>, state: RunState): StepOutcome | undefined {
  if (state.abort !== null) return passed('aborted')
  return state.cancelRequested && step.always !== true ? passed('cancelled') : undefined
}

async function performStep<World>(
  step: Step<World>,
  run: Performance<World>,
): Promise<StepOutcome> {
  const state = await run.state()
  const reason = passBy(step, state)
  if (reason !== undefined) return reason
  const record = state.steps.find((each) => each.id === step.id)
  if (record?.skip !== undefined) return skipByHand(step, run, record.skip)
  const wasDone = record?.status === 'done'
  if (!wasDone) await run.write({ type: 'step-began', step: step.id })
  // An abort that the journal has before this step is never lost to it (see `canAbort`).
  if (step.noReturn === true && (await run.state()).abort !== null) return passed('aborted')
  const outcome = await (step.wait === undefined
    ? lookAndAct(step, run, wasDone)
    : performWait(step.id, step.wait, run, wasDone))
  return state.cancelRequested ? { ...outcome, atMost: 'cancelled' } : outcome
}

async function skipByHand<World>(
  { id }: Step<World>,
  run: Performance<World>,
  demand: Demand,
): Promise<StepOutcome> {
  const detail = skipSentence(demand)
  await run.write({ type: 'step-ended', step: id, result: 'skipped', detail })
  return { result: 'skipped', detail, atMost: 'partial' }
}

async function lookAndAct<World>(
  step: Step<World>,
  run: Performance<World>,
  wasDone: boolean,
): Promise<StepOutcome> {
  const stepTools = stepToolsOf(step, run)
  const before = await step.isDone(run.world, stepTools)
  if (before.done) {
    const outcome = { result: 'done', detail: before.detail } as const
    if (!wasDone) await run.write({ type: 'step-ended', step: step.id, ...outcome })
    return { ...outcome, atMost: 'complete' }
  }
  await run.write({ type: 'step-intended', step: step.id, detail: before.detail })
  await run.tools.faultPoint?.(step.id, 'intent')
  const outcome = await actWithin(step, run, stepTools)
  await run.tools.faultPoint?.(step.id, 'record')
  await run.write({ type: 'step-ended', step: step.id, ...outcome })
  return { ...outcome, atMost: outcome.result === 'partial' ? 'partial' : 'complete' }
}

/** Steps that never began have nothing to undo; those that failed half way have. */
async function undoStep<World>(step: Step<World>, run: Performance<World>): Promise<StepOutcome> {
  const record = (await run.state()).steps.find((each) => each.id === step.id)
  const isOpen = record?.startedAt != null && record.status !== 'undone'
  if (step.undo === undefined || !isOpen) return passed('aborted')
  const detail = await step.undo(run.world, stepToolsOf(step, run))
  await run.write({ type: 'step-undone', step: step.id, detail })
  return passed('aborted')
}

function stepToolsOf<World>(
  { id }: Step<World>,
  { runId, signal, tools }: Performance<World>,
): StepTools {
  return {
    signal,
    now: tools.now,
    progress: (progress) => tools.onProgress?.(runId, id, progress),
  }
}
