import { type Epoch, staleEpoch } from '../../runbook/epoch-register.ts'
import type { FailoverWorld, ReprotectWorld } from '../ports.ts'

/** The epoch this failover began. Throws `epoch.stale` when it did not begin one or was overtaken. */
export async function ownEpoch(world: FailoverWorld): Promise<Epoch> {
  const current = await world.epochs.current(world.group)
  if (current?.begunBy === world.run) return current
  throw staleEpoch(world.group, world.expectedEpoch + 1, current)
}

/** I1: a run that another failover overtook stops before its next effect. */
export async function refuseOvertaken(world: FailoverWorld): Promise<void> {
  const current = await world.epochs.current(world.group)
  const isMine = current?.begunBy === world.run
  const isUntouched =
    current?.epoch === world.expectedEpoch && current.primary === world.source.name
  if (!isMine && !isUntouched) throw staleEpoch(world.group, world.expectedEpoch, current)
}

export async function refuseOvertakenReprotection(world: ReprotectWorld): Promise<Epoch> {
  const current = await world.epochs.current(world.group)
  if (current?.epoch === world.epoch && current.primary === world.primary.name) return current
  throw staleEpoch(world.group, world.epoch, current)
}
