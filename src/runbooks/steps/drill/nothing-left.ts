import { HoldfastError } from '../../../model/errors.ts'
import type { Look, StepTools } from '../../../runbook/runbook.ts'
import type { DrillWorld } from '../../ports.ts'
import { findDrillObjects, namesOf } from './drill-objects.ts'

export async function nothingIsLeft(world: DrillWorld, { signal }: StepTools): Promise<Look> {
  const left = namesOf(await findDrillObjects(world.target, signal))
  if (left.length === 0) return { done: true, detail: 'Nothing of a drill is left.' }
  return { done: false, detail: `Left behind: ${left.slice(0, 5).join(', ')}.` }
}

/** Copies cost money and confuse: a drill that leaves some has failed, however well it went. */
export async function refuseLeftovers(world: DrillWorld, tools: StepTools): Promise<undefined> {
  const { done, detail } = await nothingIsLeft(world, tools)
  if (done) return
  throw new HoldfastError('drill.left-over', detail, {
    kind: 'operator',
    place: world.target.name,
    hint: 'Repeat the drill, which removes them first, or delete them by hand.',
  })
}
