import { HoldfastError } from '../model/errors.ts'
import { linked } from '../workspace/decorators/linked.ts'
import type { ReplicationContext } from './pass.ts'

/** The whole pass speaks of runs by the ids they have at the source. */
export function inIdsOfTheSource(context: ReplicationContext): ReplicationContext {
  const { group, source, target, runLinks } = context
  if (target.capabilities.keepsRunIds) return context
  if (runLinks === undefined) {
    throw new HoldfastError(
      'replication.no-run-links',
      `${target.name} does not keep run ids, and there is nowhere to keep which run is which`,
    )
  }
  return { ...context, target: linked(target, { group, other: source, links: runLinks }) }
}
