import type { Look } from '../../runbook/runbook.ts'
import type { ProtectionRow, ReprotectWorld } from '../ports.ts'
import { refuseOvertakenReprotection } from './own-epoch.ts'
import { pointExists } from './replicate-back.ts'

export async function isProtected(world: ReprotectWorld): Promise<Look> {
  const wanted = await wantedRow(world)
  const row = await world.protection.read(world.group)
  if (row?.epoch !== wanted.epoch || row.state !== wanted.state) {
    return { done: false, detail: 'The new direction is not noted yet.' }
  }
  const direction = `${world.primary.name} is protected by ${world.returning.name}`
  return {
    done: true,
    detail: row.state === 'reversed' ? `${direction}.` : `${direction}, in part.`,
  }
}

export async function markProtected(world: ReprotectWorld): Promise<undefined> {
  await world.protection.write(await wantedRow(world))
}

/** I4: protected is only what a replication point proves. */
async function wantedRow(world: ReprotectWorld): Promise<ProtectionRow> {
  const { epoch } = await refuseOvertakenReprotection(world)
  const { done } = await pointExists(world)
  return {
    group: world.group,
    epoch,
    state: done ? 'reversed' : 'partial',
    at: world.now().toISOString(),
  }
}
