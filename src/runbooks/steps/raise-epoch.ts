import { HoldfastError } from '../../model/errors.ts'
import type { Look, StepTools } from '../../runbook/runbook.ts'
import type { FailoverWorld } from '../ports.ts'
import { ownEpoch, refuseOvertaken } from './own-epoch.ts'

export async function epochIsRaised(world: FailoverWorld, tools: StepTools): Promise<Look> {
  await refuseOvertaken(world)
  const current = await world.epochs.current(world.group)
  if (current?.begunBy !== world.run) {
    return { done: false, detail: `${world.source.name} is primary in epoch ${current?.epoch}.` }
  }
  const marker = await world.target.readMarker({ signal: tools.signal })
  if (marker?.epoch !== current.epoch || marker.role !== 'primary') {
    return { done: false, detail: `${world.target.name} is not marked as primary yet.` }
  }
  return { done: true, detail: `${world.target.name} is primary in epoch ${current.epoch}.` }
}

/** The register first: only the run that wins there writes anything anywhere (I1). */
export async function raiseEpoch(world: FailoverWorld, tools: StepTools): Promise<undefined> {
  await refuseDeadTarget(world, tools)
  await world.epochs.begin(world.group, {
    from: world.source.name,
    to: world.target.name,
    expected: world.expectedEpoch,
    by: world.run,
    at: world.now().toISOString(),
  })
  const { epoch, since } = await ownEpoch(world)
  await world.target.writeMarker(
    { group: world.group, role: 'primary', epoch, since },
    { epoch, signal: tools.signal },
  )
}

/** An epoch whose primary is dead as well would only make the way back longer. */
async function refuseDeadTarget(world: FailoverWorld, tools: StepTools): Promise<void> {
  const probe = await world.target.probe('arm', { signal: tools.signal })
  if (probe.healthy) return
  throw new HoldfastError(
    'failover.target-not-ready',
    `${world.target.name} does not answer: ${probe.reason ?? 'no reason given'}.`,
    { kind: 'operator', hint: 'Repair it, then start the same failover again.' },
  )
}
