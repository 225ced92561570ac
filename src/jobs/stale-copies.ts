import type { Workspace } from '../workspace/workspace.ts'
import { object } from './checkpoint-place.ts'
import { jobPhase } from './job-state.ts'
import type { JobDecisions } from './job-store.ts'

export interface StaleCopies {
  /** The member the jobs were moved away from. */
  readonly member: Pick<Workspace, 'getObject' | 'cancelJob'>
  readonly decisions: readonly JobDecisions[]
  readonly epoch: number
  readonly signal?: AbortSignal
}

/**
 * Jobs that run, or are about to run, in another region, and are not being cancelled here yet (I6).
 * Jobs that nobody resubmits are not among them: here is the only place where they can end.
 */
export async function openStaleCopies(context: StaleCopies): Promise<readonly string[]> {
  const moved = context.decisions.flatMap(({ jobs }) =>
    jobs.filter((job) => job.decision === 'resubmit').map((job) => job.job),
  )
  const open: string[] = []
  for (const name of new Set(moved)) {
    const found = await context.member.getObject({ kind: 'job', path: [name] }, signalOf(context))
    if (found === undefined) continue
    const phase = jobPhase(String(object(found.body.properties).status ?? 'Unknown'))
    if (phase !== 'finished' && phase !== 'ending') open.push(name)
  }
  return open
}

export async function cancelStaleCopies(context: StaleCopies): Promise<number> {
  const open = await openStaleCopies(context)
  for (const name of open) {
    await context.member.cancelJob(name, { epoch: context.epoch, ...signalOf(context) })
  }
  return open.length
}

function signalOf({ signal }: StaleCopies): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}
