import { HoldfastError, isCode, isHoldfastError } from '../model/errors.ts'
import type { Marker } from '../workspace/workspace.ts'
import { currentEpoch, type ProtectedGroup } from './protected-group.ts'

/** A member that does not answer must not keep a controller from starting. */
const askLimitMs = 5000

/**
 * Gives the group its first epoch. When the controller's own state is new but the members are not,
 * their markers say where the group is (I10); a lost epoch is never begun a second time.
 */
export async function establishEpoch(group: ProtectedGroup): Promise<void> {
  const { plan, records, clock } = group
  if ((await records.epochs.current(plan.group)) !== undefined) return
  const markers = await readMarkers(group)
  const primaries = markers.filter(({ marker }) => marker.role === 'primary')
  const newest = primaries.sort((a, b) => b.marker.epoch - a.marker.epoch)[0]
  await records.epochs.establish({
    group: plan.group,
    primary: newest?.member ?? startOf(group),
    epoch: newest?.marker.epoch ?? 1,
    at: clock().toISOString(),
  })
}

/**
 * Marks members that carry no marker yet. Throws `epoch.stale` when a member knows a newer epoch than
 * this controller: another one leads the group, and nothing may be written from here (I1).
 */
export async function markMembers(group: ProtectedGroup, signal: AbortSignal): Promise<void> {
  const { epoch, primary, since } = await currentEpoch(group)
  for (const [name, { workspace }] of group.members) {
    const marker = await workspace.readMarker({ signal })
    if (marker !== undefined) {
      refuseOtherGroup(group, name, marker)
      if (marker.epoch > epoch) throw ledByAnother(name, marker, epoch)
      continue
    }
    const role = name === primary ? 'primary' : 'secondary'
    await workspace.writeMarker({ group: group.plan.group, role, epoch, since }, { epoch, signal })
  }
}

async function readMarkers(group: ProtectedGroup): Promise<{ member: string; marker: Marker }[]> {
  const found = await Promise.all(
    [...group.members].map(async ([member, { direct }]) => {
      const marker = await direct
        .readMarker({ signal: AbortSignal.timeout(askLimitMs) })
        .catch(onlyIfSilent)
      if (marker === undefined) return []
      refuseOtherGroup(group, member, marker)
      return [{ member, marker }]
    }),
  )
  return found.flat()
}

/** Silence is an answer here; a refusal (permissions, no such workspace) is for a human. */
function onlyIfSilent(error: unknown): undefined {
  const silent =
    isHoldfastError(error) && (error.kind === 'transient' || error.kind === 'cancelled')
  if (!silent && !isCode(error, 'workspace.answer-lost')) throw error
}

function startOf({ plan }: ProtectedGroup): string {
  const start = plan.members.find(({ role }) => role === 'primary')
  if (start === undefined) throw new Error('a checked plan has a primary')
  return start.name
}

function refuseOtherGroup({ plan }: ProtectedGroup, member: string, marker: Marker): void {
  if (marker.group === plan.group) return
  throw new HoldfastError(
    'member.other-group',
    `${member} belongs to the failover group '${marker.group}', not to '${plan.group}'.`,
    {
      kind: 'operator',
      place: member,
      hint: 'Protect it with one group only: correct `group` or `members` in the plan file.',
    },
  )
}

function ledByAnother(member: string, marker: Marker, epoch: number): HoldfastError {
  return new HoldfastError(
    'epoch.stale',
    `${member} is in epoch ${marker.epoch}; this controller knows epoch ${epoch} only.`,
    {
      place: member,
      hint: 'Another controller leads this group. Use its state directory, or stop it for good and start this one with an empty one.',
    },
  )
}
