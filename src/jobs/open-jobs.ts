import type { CapturedJob, DecidedJob } from './captured-job.ts'
import { checkpointPlace } from './checkpoint-place.ts'
import type { JobStore } from './job-store.ts'

export interface OpenJobs {
  /** When somebody looked; null: never in this epoch. */
  readonly capturedAt: string | null
  readonly jobs: readonly CapturedJob[]
}

/**
 * What is known to be open at the member that leads in an epoch. A capture of an earlier epoch in which
 * it led says nothing: what it names was decided then. Until somebody has looked in this one, the jobs
 * that the move into it handed in are what is known (I6).
 */
export async function openJobsIn(
  store: Pick<JobStore, 'readCapture' | 'decisionsFrom'>,
  group: string,
  { leader, other, epoch }: { readonly leader: string; readonly other: string; epoch: number },
): Promise<OpenJobs> {
  const capture = await store.readCapture(group, leader)
  if (capture?.epoch === epoch) return { capturedAt: capture.at, jobs: capture.jobs }
  const moves = await store.decisionsFrom(group, other)
  const moved = moves.filter((move) => move.epoch === epoch).flatMap(({ jobs }) => jobs)
  return { capturedAt: null, jobs: moved.flatMap(successorOf) }
}

/** Where it came from it is at home again, so nothing else stands in its way there. */
function successorOf({ resubmittedAs, home, body, checkpoint, at }: DecidedJob): CapturedJob[] {
  if (resubmittedAs === null) return []
  const lost = { path: 'properties', reason: 'its specification of that side is not known whole' }
  const there = home ?? body
  return [
    {
      ...{ name: resubmittedAs, state: 'Running', stateSince: at, capturedAt: at },
      ...{ body: there, home: body, obstacles: home === null ? [lost] : [] },
      checkpoints: checkpointPlace(there),
      ...(checkpoint === null ? {} : { resumedFrom: checkpoint }),
    },
  ]
}
