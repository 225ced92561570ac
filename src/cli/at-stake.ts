import type { ApiClient } from '../api/client.ts'
import type { GroupStatus, ListedJob } from '../api/contract.ts'
import { isHoldfastError } from '../model/errors.ts'
import { endingAfter } from '../workspace/deadline.ts'
import { pointText } from './status-text.ts'
import { countText, durationText } from './text.ts'

/** What a failover that began now would lose, interrupt and leave open. */
export interface AtStake {
  readonly replicationPoint: string | null
  /** Null: unknown, and with it what would be lost. */
  readonly lagMs: number | null
  readonly notProven: number
  /** Null: the controller did not say in time. */
  readonly openJobs: readonly Pick<ListedJob, 'job' | 'state' | 'now'>[] | null
  readonly source: { readonly member: string; readonly health: string }
  /** Whether the old primary can be kept from acting. */
  readonly canFence: boolean
}

/** Nobody waits longer for it when a region is down. */
const jobsWithinMs = 5000
const mostAsked = 200

export async function whatIsAtStake(
  client: Pick<ApiClient, 'jobs'>,
  group: GroupStatus,
  interrupted: AbortSignal,
): Promise<AtStake> {
  const { replicationPoint, lagMs, counts, effectivePrimary } = group
  const health = group.members.find(({ name }) => name === effectivePrimary)?.health ?? 'unknown'
  return {
    ...{ replicationPoint, lagMs },
    notProven: counts.reduce((sum, each) => sum + each.pending + each.failed + each.conflict, 0),
    openJobs: await openJobs(client, group, interrupted),
    source: { member: effectivePrimary, health },
    canFence: health === 'healthy' || health === 'degraded',
  }
}

async function openJobs(
  client: Pick<ApiClient, 'jobs'>,
  { group }: GroupStatus,
  interrupted: AbortSignal,
): Promise<AtStake['openJobs']> {
  const signal = endingAfter(jobsWithinMs, interrupted)
  try {
    // Those that are open come first.
    const { items } = await client.jobs(group, { limit: mostAsked }, { signal })
    return items
      .filter(({ decision }) => decision === 'open')
      .map(({ job, state, now }) => ({ job, state, now }))
  } catch (error) {
    if (interrupted.aborted || !isHoldfastError(error)) throw error
    return null
  }
}

export function atStakeLines(stake: AtStake, group: GroupStatus): string[] {
  const { member } = stake.source
  return [
    `  replication point  ${pointText(group)}`,
    `  would be lost      ${lossText(stake)}`,
    `  open jobs          ${jobsText(stake.openJobs)}`,
    `  exposure           ${
      stake.canFence
        ? `${member} answers and is fenced: moved jobs cancelled, schedules off, traffic taken away`
        : `${member} cannot be fenced while it does not answer; if it is alive, its jobs, schedules and endpoints go on`
    }`,
  ]
}

function lossText({ lagMs, notProven }: AtStake): string {
  const since =
    lagMs === null
      ? 'unknown: nothing says up to when the other side is whole'
      : `what was written in the last ${durationText(lagMs)}`
  return `${since}; ${countText(notProven, 'object')} not proven`
}

const mostNamed = 5

function jobsText(jobs: AtStake['openJobs']): string {
  if (jobs === null) return 'unknown, the controller did not say in time'
  if (jobs.length === 0) return 'none'
  const named = jobs.slice(0, mostNamed).map(({ job, state, now }) => {
    return `${job} (${now.state ?? `${state} when last seen`})`
  })
  const more = jobs.length > mostNamed ? `, and ${jobs.length - mostNamed} more` : ''
  return `${jobs.length}: ${named.join(', ')}${more}`
}
