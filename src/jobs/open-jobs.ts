import type { CapturedJob, DecidedJob } from './captured-job.ts'
import { checkpointPlace } from './checkpoint-place.ts'
import type { JobDecisions, JobStore } from './job-store.ts'

export interface OpenJobs {
  /** When somebody looked; null: never in this epoch. */
  readonly capturedAt: string | null
  readonly jobs: readonly CapturedJob[]
}

/**
 * What is known to be open at the member that leads in an epoch. A capture of an earlier epoch in which
 * it led says nothing: what it names was decided then. Until somebody has looked in this one, the jobs
 * that the move into it handed in are what is known (I6). So are those that a move which was given up
 * has handed in again there, in place of the ones that it had stopped.
 */
export async function openJobsIn(
  store: Pick<JobStore, 'readCapture' | 'decisionsFrom'>,
  group: string,
  { leader, other, epoch }: { readonly leader: string; readonly other: string; epoch: number },
): Promise<OpenJobs> {
  const restarts = inEpoch(await store.decisionsFrom(group, leader), epoch).filter(isMoving)
  const capture = await store.readCapture(group, leader)
  if (capture?.epoch === epoch) {
    return { capturedAt: capture.at, jobs: inPlaceOfStopped(capture.jobs, restarts) }
  }
  const moved = inEpoch(await store.decisionsFrom(group, other), epoch)
  return { capturedAt: null, jobs: moved.filter(wasSubmitted).map(successorOf) }
}

/** No move away from a member begins the epoch in which it leads: from there these are restarts. */
const inEpoch = (decisions: readonly JobDecisions[], epoch: number): DecidedJob[] =>
  decisions.filter((each) => each.epoch === epoch).flatMap(({ jobs }) => jobs)

type Moving = DecidedJob & { readonly newName: string }
const isMoving = (job: DecidedJob): job is Moving =>
  job.decision === 'resubmit' && job.newName !== null
const wasSubmitted = (job: DecidedJob): job is Moving => job.resubmittedAs !== null

/** Whether it was handed in already or not: who had decided to does not do it once it is overtaken. */
function inPlaceOfStopped(
  jobs: readonly CapturedJob[],
  restarts: readonly Moving[],
): readonly CapturedJob[] {
  const names = new Set(jobs.map(({ name }) => name))
  return jobs.flatMap((job) => {
    const restart = restarts.find((each) => each.job === job.name)
    if (restart === undefined) return [job]
    return names.has(restart.newName) ? [] : [successorOf(restart)]
  })
}

function successorOf(job: Moving): CapturedJob {
  const { newName, checkpoint, at } = job
  // Nobody has looked at it since; one that was not handed in cannot have begun.
  const state = job.resubmittedAs === null ? job.state : 'Running'
  const over = overThere(job)
  return {
    ...{ name: newName, state, stateSince: at, capturedAt: at },
    ...{ ...over, checkpoints: checkpointPlace(over.body) },
    ...(checkpoint === null ? {} : { resumedFrom: checkpoint }),
  }
}

type TwoSided = Pick<CapturedJob, 'body' | 'home' | 'obstacles'>

/** Seen from the side that `home` belongs to. There it is at home, so nothing else stands in its way. */
export function overThere({ body, home }: Omit<TwoSided, 'obstacles'>): TwoSided {
  const lost = { path: 'properties', reason: 'its specification of that side is not known whole' }
  return { body: home ?? body, home: body, obstacles: home === null ? [lost] : [] }
}
