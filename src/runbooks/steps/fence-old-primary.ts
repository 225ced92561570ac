import { cancelStaleCopies, openStaleCopies, type StaleCopies } from '../../jobs/stale-copies.ts'
import type { Look, StepTools } from '../../runbook/runbook.ts'
import type { ReprotectWorld } from '../ports.ts'
import { noteQuieted } from '../quiet-moves.ts'
import { disableSchedules, enabledSchedules } from './object-changes.ts'
import { refuseOvertakenReprotection } from './own-epoch.ts'

export async function copiesAreCancelled(world: ReprotectWorld, tools: StepTools): Promise<Look> {
  const open = await openStaleCopies(await staleCopies(world, tools))
  if (open.length > 0) return { done: false, detail: `${open.join(', ')} still run.` }
  return { done: true, detail: `No job runs at ${world.returning.name} that runs elsewhere, too.` }
}

export async function cancelCopies(world: ReprotectWorld, tools: StepTools): Promise<undefined> {
  await cancelStaleCopies(await staleCopies(world, tools))
}

export async function oldPrimaryIsFenced(world: ReprotectWorld, tools: StepTools): Promise<Look> {
  const { epoch } = await refuseOvertakenReprotection(world)
  const enabled = await enabledSchedules(world.returning, tools.signal)
  if (enabled.length > 0) return { done: false, detail: `Schedules still on: ${enabled.length}.` }
  const marker = await world.returning.readMarker({ signal: tools.signal })
  if (marker?.role !== 'secondary' || marker.epoch < epoch) {
    return { done: false, detail: `${world.returning.name} is not marked secondary yet.` }
  }
  return { done: true, detail: `${world.returning.name} is secondary in epoch ${epoch}.` }
}

export async function fenceOldPrimary(world: ReprotectWorld, tools: StepTools): Promise<undefined> {
  const { epoch, since } = await refuseOvertakenReprotection(world)
  const { signal } = tools
  // The marker first: from it on a replicator of an older epoch is refused (I1).
  const marker = { group: world.group, role: 'secondary', epoch, since } as const
  await world.returning.writeMarker(marker, { epoch, signal })
  const moved = { run: world.run, journal: world.journal, expectedEpoch: epoch - 1 }
  await noteQuieted(moved, await enabledSchedules(world.returning, signal), [])
  await disableSchedules(world.returning, epoch, signal)
}

async function staleCopies(world: ReprotectWorld, tools: StepTools): Promise<StaleCopies> {
  const { epoch } = await refuseOvertakenReprotection(world)
  return {
    member: world.returning,
    decisions: await world.jobs.decisionsFrom(world.group, world.returning.name),
    cameBack: {
      to: world.primary,
      decisions: await world.jobs.decisionsFrom(world.group, world.primary.name),
    },
    epoch,
    signal: tools.signal,
  }
}
