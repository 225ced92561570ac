import { type Scene, scene } from '../../replication/testing/worlds.ts'
import { memoryRecords } from '../../runbooks/records.ts'
import { type FaultyWorkspace, faulty } from '../../workspace/decorators/faulty.ts'
import type { Workspace } from '../../workspace/workspace.ts'
import type { Member } from '../members.ts'
import type { ProtectedGroup } from '../protected-group.ts'

export interface MemoryGroup extends Scene {
  /** As the controller sees it: in epoch 1, east is primary. */
  readonly group: ProtectedGroup
  readonly eastAsSeen: FaultyWorkspace
  readonly westAsSeen: FaultyWorkspace
}

/** A protected group of two members in memory, either of which can be cut off. */
export async function memoryGroup(clock?: () => Date): Promise<MemoryGroup> {
  const both = scene()
  const { plan } = both.context
  const records = memoryRecords()
  await records.epochs.establish({ group: plan.group, primary: 'east', epoch: 1, at: '' })
  const eastAsSeen = faulty(both.east)
  const westAsSeen = faulty(both.west)
  const member = (workspace: Workspace): Member => ({
    ...{ plan: plan.members[0] as Member['plan'], caPath: undefined },
    ...{ direct: workspace, workspace, patient: workspace, impatient: workspace },
  })
  const group: ProtectedGroup = {
    ...{ plan, records, clock: clock ?? both.context.clock },
    members: new Map([
      ['east', member(eastAsSeen)],
      ['west', member(westAsSeen)],
    ]),
    endpoints: { gateways: [], traffic: [], configuration: [], here: [] },
    log: { info: () => undefined, warn: () => undefined },
  }
  return { ...both, group, eastAsSeen, westAsSeen }
}
