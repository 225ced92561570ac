import { isCode } from '../../../model/errors.ts'
import { toRunError } from '../../../runbook/durable-engine.ts'
import type { Ending, Look, Step, StepTools } from '../../../runbook/runbook.ts'
import { readFact, writeFact } from '../../facts.ts'
import type { DrillWorld } from '../../ports.ts'

const moved = 'The group moved in the meantime.'

type Rehearsal = Pick<Step<DrillWorld>, 'isDone' | 'act'>

/**
 * A step of which the clean-up must not depend: what it throws is noted, and the rehearsal is over.
 * Once the clean-up has begun it stays as it ended, or a restart would make everything again (I2).
 */
export function rehearsal(id: string, body: Omit<Step<DrillWorld>, 'id'>): Step<DrillWorld> {
  return {
    ...body,
    id,
    isDone: async (world, tools) => {
      const before = await endedBefore(world, id)
      if (before !== undefined) return { done: before.result === 'done', detail: before.detail }
      return whileRehearsing(world, () => body.isDone(world, tools), tools)
    },
    act: async (world, tools) => {
      const before = await endedBefore(world, id)
      if (before?.result === 'partial') return { partial: before.detail }
      if (before !== undefined) return { skipped: before.detail }
      return actAndLook(body, world, tools)
    },
  }
}

/** How it ended, when the clean-up has begun since. */
async function endedBefore(world: DrillWorld, id: string) {
  if ((await readFact(world, 'cleaning')) === undefined) return undefined
  const events = await world.journal.events(world.run)
  const ended = events.findLast((event) => event.type === 'step-ended' && event.step === id)
  return ended?.type === 'step-ended' ? ended : { result: 'skipped' as const, detail: 'Too late.' }
}

async function whileRehearsing(
  world: DrillWorld,
  look: () => Promise<Look>,
  tools: StepTools,
): Promise<Look> {
  const stopped = await readFact(world, 'stopped')
  if (stopped !== undefined) return { done: false, detail: stopped.why }
  try {
    return await look()
  } catch (error) {
    tools.signal.throwIfAborted()
    return { done: false, detail: toRunError(error).message }
  }
}

async function actAndLook(
  { isDone, act }: Rehearsal,
  world: DrillWorld,
  tools: StepTools,
): Promise<Ending> {
  const stopped = await readFact(world, 'stopped')
  if (stopped !== undefined) return { skipped: 'The drill was over before.' }
  if ((await world.epochs.current(world.group))?.epoch !== world.epoch) {
    return stop(world, moved)
  }
  try {
    const ending = await act(world, tools)
    if (ending !== undefined) return ending
    const { done, detail } = await isDone(world, tools)
    return done ? { done: detail } : stop(world, detail)
  } catch (error) {
    tools.signal.throwIfAborted()
    if (isCode(error, 'epoch.stale')) return stop(world, moved)
    return stop(world, toRunError(error).message)
  }
}

async function stop(world: DrillWorld, why: string): Promise<Ending> {
  await writeFact(world, 'stopped', { why })
  return { partial: why }
}
