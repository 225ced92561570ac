import type { Ending, Look, StepTools } from '../../runbook/runbook.ts'
import { readFact, writeFact } from '../facts.ts'
import type { FailoverWorld } from '../ports.ts'
import { ownEpoch } from './own-epoch.ts'

export async function coldObjectsStand(world: FailoverWorld, tools: StepTools): Promise<Look> {
  const missing = await world.cold.missing({ signal: tools.signal })
  if (missing.length > 0) {
    return { done: false, detail: `Objects that do not stand as defined: ${missing.length}.` }
  }
  return { done: true, detail: 'Everything that was captured stands at the target.' }
}

/** What cannot be created is named in the report and does not keep the rest from working. */
export async function createColdObjects(
  world: FailoverWorld,
  tools: StepTools,
): Promise<Ending | undefined> {
  const { epoch } = await ownEpoch(world)
  const before = await readFact(world, 'cold')
  const missing = await world.cold.missing({ signal: tools.signal })
  const wanted = [...new Set([...(before?.wanted ?? []), ...missing])]
  await writeFact(world, 'cold', { wanted, failed: [] })
  const { failed } = await world.cold.create({
    epoch,
    signal: tools.signal,
    onProgress: (done, total) => tools.progress({ done, total, bytes: null }),
  })
  await writeFact(world, 'cold', { wanted, failed })
  if (failed.length === 0) return undefined
  const [first] = failed
  return {
    partial: `Objects that could not be created: ${failed.length}, first ${first?.object}: ${first?.message}`,
  }
}
