import type { Workspace } from '../workspace/workspace.ts'
import { jobPhase } from './job-state.ts'
import type { JobDecisions } from './job-store.ts'
import { stateAt } from './state-at.ts'

export interface StaleCopies {
  /** The member the jobs were moved away from. */
  readonly member: Pick<Workspace, 'getObject' | 'cancelJob'>
  readonly decisions: readonly JobDecisions[]
  /**
   * When the group came back to a member it had left in an outage, before that one was re-protected:
   * its jobs may never have stopped, and their successors here are the second copies.
   */
  readonly cameBack?: {
    readonly to: Pick<Workspace, 'getObject'>
    /** What had been moved away from there. */
    readonly decisions: readonly JobDecisions[]
  }
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
  for (const name of new Set([...moved, ...(await secondCopies(context))])) {
    if (await goesOn(context.member, name, context.signal)) open.push(name)
  }
  return open
}

async function secondCopies(context: StaleCopies): Promise<string[]> {
  const { to, decisions = [] } = context.cameBack ?? {}
  const copies: string[] = []
  for (const { job, resubmittedAs } of decisions.flatMap(({ jobs }) => jobs)) {
    if (to !== undefined && resubmittedAs !== null && (await goesOn(to, job, context.signal)))
      copies.push(resubmittedAs)
  }
  return copies
}

/** It is there, has not ended, and nobody has asked for its end. */
export async function goesOn(
  member: Pick<Workspace, 'getObject'>,
  name: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const state = await stateAt(member, name, signal)
  if (state === undefined) return false
  const phase = jobPhase(state)
  return phase !== 'finished' && phase !== 'ending'
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
