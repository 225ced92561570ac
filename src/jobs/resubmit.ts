import { isHoldfastError } from '../model/errors.ts'
import type { JsonObject } from '../model/json.ts'
import { opened, type SealKeeper } from '../workspace/sealing.ts'
import type { Workspace } from '../workspace/workspace.ts'
import type { CapturedJob, DecidedJob } from './captured-job.ts'
import { object } from './checkpoint-place.ts'
import { decide, type JobPolicy, originOf, successorName } from './decide.ts'
import type { JobDecisions, JobStore, LeftJob } from './job-store.ts'
import { openJobsIn } from './open-jobs.ts'
import { type Proven, type Resumption, resumptionOf } from './resumption.ts'
import { goesOn } from './stale-copies.ts'

/**
 * Decides every open job of a member once per run; repeating it gives the first decisions. Called when
 * the epoch is raised: no capture that was begun before comes after it (I6).
 */
export async function decideJobs(context: {
  readonly run: string
  readonly group: string
  readonly source: string
  readonly target: string
  /** Epoch under which the successors will run. */
  readonly epoch: number
  readonly store: JobStore
  readonly policy: JobPolicy
  readonly proven: Proven
  readonly now: () => Date
}): Promise<JobDecisions> {
  const { run, group, source, target, epoch, store } = context
  const known = await store.readDecisions(run)
  if (known !== undefined) return known
  await store.closeCaptures(group, source, epoch)
  const before = { leader: source, other: target, epoch: epoch - 1 }
  const { jobs: open } = await openJobsIn(store, group, before)
  const jobs: DecidedJob[] = []
  const nameOf = (origin: string) => successorName(origin, epoch)
  for (const job of open) {
    jobs.push(decided(job, await resumptionOf(job, context.proven), { ...context, nameOf }))
  }
  return store.decideOnce({ run, group, source, epoch, jobs })
}

export function decided(
  job: CapturedJob,
  resumption: Resumption,
  context: {
    readonly epoch: number
    readonly policy: JobPolicy
    readonly now: () => Date
    /** What a job that moves is called, by the name it had first. */
    readonly nameOf: (origin: string) => string
  },
): DecidedJob {
  const now = context.now()
  const { decision, reason } = decide(job, context.policy, resumption, now)
  const origin = originOf(job)
  const moves = decision === 'resubmit'
  const noted = (body: JsonObject): JsonObject =>
    moves ? withHistory({ ...resumption, body }, origin, context.epoch) : body
  return {
    ...{ job: job.name, state: job.state, decision, reason },
    newName: moves ? context.nameOf(origin) : null,
    checkpoint: resumption.checkpoint,
    body: noted(moves ? resumption.body : job.body),
    home: resumption.home === null ? null : noted(resumption.home),
    ...{ resubmittedAs: null, at: now.toISOString() },
  }
}

export interface ResubmitContext {
  readonly run: string
  readonly epoch: number
  readonly target: Pick<Workspace, 'name' | 'getObject' | 'submitJob'> & SealKeeper
  readonly store: JobStore
  readonly now: () => Date
  readonly signal?: AbortSignal
  readonly onProgress?: (done: number, total: number) => void
}

/**
 * Submits every job that was decided to move, exactly once however often and from wherever this is
 * called: under a fixed name, after looking for it at the target (I6). A job that never stopped there is
 * left to go on. One that the target refuses for good becomes a human's task and does not stop the others.
 */
export async function resubmitJobs(context: ResubmitContext): Promise<void> {
  const moving = await movingJobs(context)
  for (const [index, job] of moving.entries()) {
    context.onProgress?.(index, moving.length)
    if (job.resubmittedAs === null || !(await standsAtTarget(job, context))) {
      await resubmitOne(job, context)
    }
  }
  context.onProgress?.(moving.length, moving.length)
}

/** Jobs that were decided to move and do not exist at the target, asked from the target itself. */
export async function missingSuccessors(context: ResubmitContext): Promise<readonly string[]> {
  const missing: string[] = []
  for (const job of await movingJobs(context)) {
    if (job.resubmittedAs === null || !(await standsAtTarget(job, context))) missing.push(job.job)
  }
  return missing
}

async function resubmitOne(job: DecidedJob, context: ResubmitContext): Promise<void> {
  const { run, store } = context
  const left = (await standsAtTarget(job, context)) ? undefined : await submit(job, context)
  const at = context.now().toISOString()
  if (left === undefined) await store.markResubmitted(run, job.job, at)
  else await store.markLeft(run, job.job, { ...left, at })
}

/** Why it was not submitted, if it was not. */
async function submit(
  job: DecidedJob,
  context: ResubmitContext,
): Promise<Omit<LeftJob, 'at'> | undefined> {
  const { epoch, target } = context
  const copy = await copyAtTarget(job, context)
  if (copy !== undefined)
    return { decision: 'leave', reason: `It goes on at ${target.name} as ${copy}.` }
  try {
    const options = { epoch, ...signalOf(context) }
    const body = await opened(target, job.body, options)
    await target.submitJob(job.newName ?? job.job, body, options)
    return undefined
  } catch (error) {
    if (!isHoldfastError(error) || error.kind !== 'permanent' || error.code === 'epoch.stale') {
      throw error
    }
    return {
      decision: 'manual',
      reason: `The other side refused it: ${error.message} (${error.code})`,
    }
  }
}

/** What had been moved away from the target in an outage may never have stopped there. */
async function copyAtTarget(
  { job, body }: DecidedJob,
  { run, store, target, signal }: ResubmitContext,
): Promise<string | undefined> {
  const group = (await store.readDecisions(run))?.group ?? ''
  const origin = originOf({ name: job, body })
  const left = await store.decisionsFrom(group, target.name)
  const names = left
    .flatMap(({ jobs }) => jobs)
    .filter((one) => originOf({ name: one.job, body: one.body }) === origin)
    .map((one) => one.job)
  for (const name of new Set(names)) if (await goesOn(target, name, signal)) return name
  return undefined
}

async function movingJobs({ run, store }: ResubmitContext): Promise<readonly DecidedJob[]> {
  const decisions = await store.readDecisions(run)
  return decisions?.jobs.filter((job) => job.decision === 'resubmit') ?? []
}

async function standsAtTarget(job: DecidedJob, context: ResubmitContext): Promise<boolean> {
  if (job.newName === null) return false
  const id = { kind: 'job', path: [job.newName] } as const
  return (await context.target.getObject(id, signalOf(context))) !== undefined
}

function signalOf({ signal }: { readonly signal?: AbortSignal }): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}

function withHistory(
  { body, checkpoint, progress }: Resumption,
  origin: string,
  epoch: number,
): JsonObject {
  const properties = object(body.properties)
  return {
    ...body,
    properties: {
      ...properties,
      tags: {
        ...object(properties.tags),
        'holdfast.origin': origin,
        'holdfast.epoch': String(epoch),
        'holdfast.checkpoint': checkpoint ?? 'none',
        ...(progress !== null && { 'holdfast.after': progress.after }),
      },
    },
  }
}
