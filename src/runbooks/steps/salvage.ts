import { parseObjectId } from '../../model/object-id.ts'
import { isScheduleOn } from '../../replication/standing-form.ts'
import type { Ending, Look, StepTools } from '../../runbook/runbook.ts'
import { readFact, writeFact } from '../facts.ts'
import type { SalvageResult } from '../outcomes.ts'
import type { ReprotectWorld } from '../ports.ts'
import { schedulesOff } from '../quiet-moves.ts'
import { setProperties } from './object-changes.ts'
import { refuseOvertakenReprotection } from './own-epoch.ts'

/**
 * The returning member is fenced, so nothing new appears there, and a salvage that went through
 * stays so: its result is what was re-read from the primary.
 */
export async function isSalvaged(world: ReprotectWorld): Promise<Look> {
  await refuseOvertakenReprotection(world)
  const result = await readFact(world, 'salvage')
  if (result === undefined || result.failed.length > 0) {
    return { done: false, detail: 'What was not copied before the outage is not brought over yet.' }
  }
  return { done: true, detail: sentence(result) }
}

export async function salvage(
  world: ReprotectWorld,
  tools: StepTools,
): Promise<Ending | undefined> {
  const { epoch } = await refuseOvertakenReprotection(world)
  await noteLateSchedules(world, epoch, tools)
  const result = await world.salvage({
    epoch,
    signal: tools.signal,
    onProgress: (done, total, bytes) => tools.progress({ done, total, bytes }),
  })
  await enableLateSchedules(world, epoch, tools)
  await writeFact(world, 'salvage', result)
  if (result.failed.length === 0) return undefined
  const [first] = result.failed
  return {
    partial: `${sentence(result)} ${result.failed.length} failed, first ${first?.object}: ${first?.message}`,
  }
}

/** What was on at the old primary and is to be made here: a copy is off, and nobody would turn it on (I7). */
async function noteLateSchedules(
  world: ReprotectWorld,
  epoch: number,
  { signal }: StepTools,
): Promise<void> {
  const late = new Set((await readFact(world, 'lateSchedules')) ?? [])
  for (const object of await schedulesOff(world, epoch - 1)) {
    const found = await world.primary.getObject(parseObjectId(object), { signal })
    if (found === undefined) late.add(object)
  }
  await writeFact(world, 'lateSchedules', [...late])
}

async function enableLateSchedules(
  world: ReprotectWorld,
  epoch: number,
  { signal }: StepTools,
): Promise<void> {
  for (const object of (await readFact(world, 'lateSchedules')) ?? []) {
    const found = await world.primary.getObject(parseObjectId(object), { signal })
    if (found === undefined || isScheduleOn(found.body)) continue
    await setProperties(world.primary, found, { isEnabled: true }, epoch, signal)
  }
}

function sentence({ salvaged, conflicts }: SalvageResult): string {
  const kept =
    conflicts.length === 0
      ? ''
      : ` With other content on both sides, both kept: ${conflicts.length}; once replication goes the other way, \`holdfast conflicts\` lists what is in conflict.`
  return `Objects salvaged: ${salvaged.length}.${kept}`
}
