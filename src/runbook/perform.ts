import { HoldfastError, isCode, isHoldfastError } from '../model/errors.ts'
import { EngineInterruption, type ProcedureContext, toRunError } from './durable-engine.ts'
import type { Journal } from './journal.ts'
import type { RunEvent } from './run-state.ts'
import type { Ending, Look, Runbook, Step, StepProgress, StepTools } from './runbook.ts'

export interface PerformTools {
  readonly journal: Journal
  readonly now: () => Date
  /** Called after every journalled event and on progress. */
  readonly onEvent?: (runId: string, event: RunEvent) => void
  readonly onProgress?: (runId: string, step: string, progress: StepProgress) => void
  /** Instants at which tests end the process; see `FaultPoint`. */
  readonly faultPoint?: (step: string, point: FaultPoint) => Promise<void>
}

/** `intent`: journalled, nothing done. `effect`: done, not looked at again. `record`: not journalled. */
export type FaultPoint = 'intent' | 'effect' | 'record'

export type RunOutcome = 'complete' | 'partial' | 'cancelled'
interface StepOutcome {
  readonly result: 'done' | 'partial' | 'skipped'
  readonly detail: string
}
type StepEvent = RunEvent extends infer E ? (E extends RunEvent ? Omit<E, 'at'> : never) : never

/**
 * Walks a runbook's steps as one durable procedure. Throws what the failing step threw, after
 * writing it to the journal.
 */
export async function performRunbook<World>(
  book: Runbook<World>,
  runId: string,
  world: World,
  context: ProcedureContext,
  tools: PerformTools,
): Promise<RunOutcome> {
  const write = (event: StepEvent): Promise<void> => append(runId, event, tools)
  await write({ type: 'begun' })
  try {
    let outcome: RunOutcome = 'complete'
    for (const step of book.steps) {
      if (await isCancelRequested(runId, tools.journal)) outcome = 'cancelled'
      if (outcome === 'cancelled' && step.always !== true) continue
      const ended = await performDurably(step, runId, world, context, tools)
      if (ended.result === 'partial' && outcome !== 'cancelled') outcome = 'partial'
    }
    await write({ type: 'finished', outcome })
    return outcome
  } catch (error) {
    if (error instanceof EngineInterruption) throw error
    await write({ type: 'failed', error: toRunError(error) })
    throw error
  }
}

/**
 * A step that an earlier process recorded is not believed to be done: the world may have changed
 * since, or lost what was done, so it is looked at again (D8).
 */
async function performDurably<World>(
  step: Step<World>,
  runId: string,
  world: World,
  context: ProcedureContext,
  tools: PerformTools,
): Promise<StepOutcome> {
  let performedHere = false
  const perform = async () => {
    performedHere = true
    return { ...(await performStep(step, runId, world, context.signal, tools)) }
  }
  const outcome = await context.step(step.id, perform)
  return performedHere ? outcome : perform()
}

async function performStep<World>(
  step: Step<World>,
  runId: string,
  world: World,
  signal: AbortSignal,
  tools: PerformTools,
): Promise<StepOutcome> {
  const stepTools: StepTools = {
    signal,
    now: tools.now,
    progress: (progress) => tools.onProgress?.(runId, step.id, progress),
  }
  const write = (event: StepEvent): Promise<void> => append(runId, event, tools)
  const wasDone = await wasEnded(step.id, runId, tools.journal)
  if (!wasDone) await write({ type: 'step-began', step: step.id })
  const before = await step.isDone(world, stepTools)
  if (before.done) {
    const outcome: StepOutcome = { result: 'done', detail: before.detail }
    if (!wasDone) await write({ type: 'step-ended', step: step.id, ...outcome })
    return outcome
  }
  await write({ type: 'step-intended', step: step.id, detail: before.detail })
  await tools.faultPoint?.(step.id, 'intent')
  const outcome = await actAndLook(step, world, stepTools, () =>
    tools.faultPoint?.(step.id, 'effect'),
  )
  await tools.faultPoint?.(step.id, 'record')
  await write({ type: 'step-ended', step: step.id, ...outcome })
  return outcome
}

async function actAndLook<World>(
  step: Step<World>,
  world: World,
  tools: StepTools,
  afterEffect: () => Promise<void> | undefined,
): Promise<StepOutcome> {
  let ending: Ending | undefined
  try {
    ending = await step.act(world, tools)
  } catch (error) {
    const look = await lookAfterError(step, world, tools, error)
    return { result: 'done', detail: look.detail }
  }
  await afterEffect()
  if (ending !== undefined) return endedAs(ending)
  const after = await step.isDone(world, tools)
  if (after.done) return { result: 'done', detail: after.detail }
  throw new HoldfastError(
    'runbook.step-without-effect',
    `${step.id} acted, but its goal is not reached: ${after.detail}`,
    {
      kind: 'operator',
      hint: 'Remedy what the sentence names, then start the same runbook again.',
    },
  )
}

function endedAs(ending: Ending): StepOutcome {
  if ('skipped' in ending) return { result: 'skipped', detail: ending.skipped }
  if ('partial' in ending) return { result: 'partial', detail: ending.partial }
  return { result: 'done', detail: ending.done }
}

/** I8: a client's timeout says nothing about the effect; the world does. */
async function lookAfterError<World>(
  step: Step<World>,
  world: World,
  tools: StepTools,
  error: unknown,
): Promise<Look> {
  const isOver = tools.signal.aborted || isCode(error, 'epoch.stale')
  if (isOver || !isHoldfastError(error)) throw error
  let look: Look
  try {
    look = await step.isDone(world, tools)
  } catch {
    throw error // the first failure is the one to report; looking only adds that it fails, too
  }
  if (look.done) return look
  // Now we do know: it did not take effect.
  if (error.kind !== 'unknown-outcome') throw error
  throw new HoldfastError(error.code, error.message, {
    kind: 'transient',
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    cause: error,
  })
}

async function append(runId: string, event: StepEvent, tools: PerformTools): Promise<void> {
  const dated: RunEvent = { ...event, at: tools.now().toISOString() }
  await tools.journal.append(runId, dated)
  tools.onEvent?.(runId, dated)
}

async function isCancelRequested(runId: string, journal: Journal): Promise<boolean> {
  return (await journal.read(runId))?.state.cancelRequested ?? false
}

async function wasEnded(step: string, runId: string, journal: Journal): Promise<boolean> {
  const state = (await journal.read(runId))?.state
  return state?.steps.find((each) => each.id === step)?.status === 'done'
}
