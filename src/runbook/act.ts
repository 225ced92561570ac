import { setTimeout as delay } from 'node:timers/promises'
import { HoldfastError, isCode, isHoldfastError } from '../model/errors.ts'
import type { Performance } from './perform.ts'
import type { Ending, Look, Step, StepTools } from './runbook.ts'

type Acted = { readonly result: 'done' | 'partial' | 'skipped'; readonly detail: string }

/** A step that says nothing else may act for this long, in milliseconds. */
const defaultTimeoutMs = 3_600_000
/** How long an act that was told to end may take to do so, in milliseconds. */
const endingMs = 5000
/** Before the first repetition, in milliseconds; it doubles with each. */
const firstPauseMs = 1000

/**
 * Acts, as often as the step allows where it failed for a passing reason, and looks again. What may
 * be repeated is idempotent (I2), so an unknown outcome is repeated as well.
 */
export async function actWithin<World>(
  step: Step<World>,
  run: Performance<World>,
  tools: StepTools,
): Promise<Acted> {
  const sleep = run.tools.sleep ?? realSleep
  for (let again = 0; ; again += 1) {
    try {
      return await actAndLook(step, run, tools)
    } catch (error) {
      const isPassing = isHoldfastError(error) && /^(transient|unknown-outcome)$/.test(error.kind)
      const isLast = again >= (step.retries ?? 0) || isCode(error, 'step.timed-out')
      if (!isPassing || isLast || run.signal.aborted) throw error
      const detail = `${error.message} Try ${again + 2} of ${(step.retries ?? 0) + 1} follows.`
      await run.write({ type: 'step-intended', step: step.id, detail })
      await sleep(firstPauseMs * 2 ** again, run.signal)
    }
  }
}

const realSleep = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  delay(milliseconds, undefined, { signal })

async function actAndLook<World>(
  step: Step<World>,
  run: Performance<World>,
  tools: StepTools,
): Promise<Acted> {
  let ending: Ending | undefined
  try {
    ending = await inTime(step, tools, (limited) => step.act(run.world, limited))
  } catch (error) {
    const look = await lookAfterError(step, run.world, tools, error)
    return { result: 'done', detail: look.detail }
  }
  await run.tools.faultPoint?.(step.id, 'effect')
  if (ending !== undefined) return endedAs(ending)
  const after = await step.isDone(run.world, tools)
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

/**
 * Ends an act that takes too long. One that ends when it is told to leaves the rest to the look; one
 * that does not may still act, so whatever is seen now its outcome stays unknown (I8).
 */
async function inTime<World, T>(
  step: Step<World>,
  tools: StepTools,
  act: (tools: StepTools) => Promise<T>,
): Promise<T> {
  const limitMs = step.timeoutMs ?? defaultTimeoutMs
  const limit = new AbortController()
  const over = new AbortController()
  const late = Symbol('late')
  const after = (ms: number) =>
    delay(ms, undefined, { signal: over.signal }).then(
      () => late,
      () => late,
    )
  const acting = act({ ...tools, signal: AbortSignal.any([tools.signal, limit.signal]) })
  try {
    const first = await Promise.race([acting, after(limitMs)])
    if (first !== late) return first as T
    limit.abort(timedOut(step, limitMs))
    const ended = await Promise.race([acting.catch(() => timedOut(step, limitMs)), after(endingMs)])
    if (ended === late) throw timedOut(step, limitMs, stillActs)
    if (isCode(ended, 'step.timed-out')) throw ended
    return ended as T
  } finally {
    over.abort()
    // What an abandoned act still throws has nobody left to tell.
    acting.catch(() => undefined)
  }
}

const stillActs = Symbol('the act has not ended')

function timedOut({ id }: Step<never>, limitMs: number, cause?: symbol): HoldfastError {
  return new HoldfastError('step.timed-out', `${id} took longer than ${limitMs / 1000} s.`, {
    kind: 'unknown-outcome',
    hint: 'Look at what the step works on, then `holdfast retry OPERATION`; it looks before it acts.',
    cause,
  })
}

function endedAs(ending: Ending): Acted {
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
  if (error.kind !== 'unknown-outcome' || look.blind || error.cause === stillActs) throw error
  // Now we do know: it did not take effect.
  throw new HoldfastError(error.code, error.message, {
    kind: 'transient',
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    cause: error,
  })
}
