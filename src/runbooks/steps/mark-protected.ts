import type { Look } from '../../runbook/runbook.ts'
import type { ProtectionRow, ReprotectWorld } from '../ports.ts'
import { refuseOvertakenReprotection } from './own-epoch.ts'
import { pointExists } from './replicate-back.ts'
import { isSalvaged } from './salvage.ts'

export async function isProtected(world: ReprotectWorld): Promise<Look> {
  const wanted = await wantedRow(world)
  const row = await world.protection.read(world.group)
  if (row?.epoch !== wanted.epoch || row.state !== wanted.state) {
    return { done: false, detail: 'The new direction is not noted yet.' }
  }
  return {
    done: true,
    detail: `${world.primary.name} is protected by ${world.returning.name}${endings[row.state]}`,
  }
}

const endings: Record<ProtectionRow['state'], string> = {
  reversed: '.',
  partial: ', in part.',
  unsalvaged: ', which still has what is not brought over; run `holdfast reprotect` again.',
}

export async function markProtected(world: ReprotectWorld): Promise<undefined> {
  await world.protection.write(await wantedRow(world))
}

async function wantedRow(world: ReprotectWorld): Promise<ProtectionRow> {
  const { epoch } = await refuseOvertakenReprotection(world)
  return { group: world.group, epoch, state: await stateOf(world), at: world.now().toISOString() }
}

/** I4: protected is only what a replication point proves. I7: and what no side has alone. */
async function stateOf(world: ReprotectWorld): Promise<ProtectionRow['state']> {
  if (!(await isSalvaged(world)).done) return 'unsalvaged'
  return (await pointExists(world)).done ? 'reversed' : 'partial'
}
