import type { JobsPage, ListedJob } from '../api/contract.ts'
import type { DetectionState } from '../detection/detector.ts'
import type { CapturedJob } from '../jobs/captured-job.ts'
import { object } from '../jobs/checkpoint-place.ts'
import { isOpen } from '../jobs/job-state.ts'
import { type JobDecisions, toJobRow } from '../jobs/job-store.ts'
import { openJobsIn } from '../jobs/open-jobs.ts'
import { isHoldfastError } from '../model/errors.ts'
import { type PageAsked, pageAfter } from './list-pages.ts'
import { memberOf } from './members.ts'
import { courseNow, type ProtectedGroup } from './protected-group.ts'

/** All jobs are asked for together; a member that has not answered by then is not known. */
const answerWithinMs = 10_000

type NotedJob = Omit<ListedJob, 'now'> & { readonly at: string }
/** Where a job is looked for: what was handed in anew at the other member, the rest where it was. */
interface Place {
  readonly member: string
  readonly job: string
}

/**
 * Jobs that were open at the primary and those that moves decided about, newest first. What was noted
 * is old: the state of each is read where it is now, and is unknown where nobody answers (I8).
 */
export async function listJobs(
  group: ProtectedGroup,
  detection: DetectionState,
  asked: PageAsked,
): Promise<JobsPage> {
  const signal = AbortSignal.timeout(answerWithinMs)
  const noted = [...(await openJobs(group)), ...(await decidedJobs(group))]
  const page = pageAfter(noted, ({ row }) => JSON.stringify([row.epoch, row.job]), asked)
  const items = page.items.map(async ({ row, place }) => {
    // Whoever is known to be silent is not waited for.
    const isSilent = detection.members[place.member]?.health === 'unreachable'
    const state = isSilent ? null : await stateAt(group, place, signal)
    return { ...endedSince(row, state), now: { ...place, state } }
  })
  return { items: await Promise.all(items), cursor: page.cursor }
}

interface Noted {
  readonly row: NotedJob
  readonly place: Place
}

async function openJobs(group: ProtectedGroup): Promise<Noted[]> {
  const { primary, secondary, epoch } = await courseNow(group)
  const now = { leader: primary, other: secondary, epoch }
  const { jobs } = await openJobsIn(group.records.jobs, group.plan.group, now)
  return jobs.map((job) => ({
    row: openJobRow(job),
    place: { member: primary, job: job.name },
  }))
}

async function decidedJobs({ plan, records }: ProtectedGroup): Promise<Noted[]> {
  const names = plan.members.map(({ name }) => name)
  const runs = await Promise.all(names.map((name) => records.jobs.decisionsFrom(plan.group, name)))
  return runs
    .flat()
    .sort((a, b) => b.epoch - a.epoch)
    .flatMap((run) => notedOf(run, names.find((name) => name !== run.source) ?? run.source))
}

function notedOf({ source, epoch, restart, jobs }: JobDecisions, other: string): Noted[] {
  const target = restart === true ? source : other
  return jobs.map((job) => {
    const { resubmittedAs } = job
    const place =
      resubmittedAs === null
        ? { member: source, job: job.job }
        : { member: target, job: resubmittedAs }
    return { row: toJobRow(job, epoch), place }
  })
}

/** Null: its member does not answer. */
async function stateAt(
  { members }: ProtectedGroup,
  { member, job }: Place,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    const id = { kind: 'job', path: [job] } as const
    const found = await memberOf(members, member).impatient.getObject(id, { signal })
    if (found === undefined) return 'NotFound'
    return String(object(found.body.properties).status ?? 'Unknown')
  } catch (error) {
    if (isHoldfastError(error)) return null
    throw error
  }
}

/** What has come to its end is not open, whatever was noted. */
function endedSince(row: NotedJob, state: string | null): NotedJob {
  if (row.decision !== 'open' || state === null || (isOpen(state) && state !== 'NotFound'))
    return row
  return { ...row, decision: 'finished', reason: 'It has ended since open jobs were last noted.' }
}

function openJobRow({ name, state, checkpoints, obstacles, capturedAt }: CapturedJob): NotedJob {
  const place = checkpoints === null ? null : `${checkpoints.store}/${checkpoints.prefix}`
  const [obstacle] = obstacles
  return {
    job: name,
    state,
    decision: 'open',
    reason:
      obstacle === undefined
        ? place === null
          ? 'It writes no checkpoints.'
          : `Checkpoints go to ${place}.`
        : `${obstacle.path} stands in the way of running it elsewhere: ${obstacle.reason}.`,
    resubmittedAs: null,
    checkpoint: null,
    epoch: null,
    at: capturedAt,
  }
}
