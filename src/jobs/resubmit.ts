import { isHoldfastError } from '../model/errors.ts'
import type { JsonObject } from '../model/json.ts'
import { opened, type SealKeeper } from '../workspace/sealing.ts'
import type { Workspace } from '../workspace/workspace.ts'
import type { DecidedJob } from './captured-job.ts'
import { object } from './checkpoint-place.ts'
import { decide, type JobPolicy, originOf, successorName } from './decide.ts'
import type { JobDecisions, JobStore } from './job-store.ts'
import { type Proven, type Resumption, resumptionOf } from './resumption.ts'

/** Decides every captured job of a member once per run; repeating it gives the first decisions. */
export async function decideJobs(context: {
  readonly run: string
  readonly group: string
  readonly source: string
  /** Epoch under which the successors will run. */
  readonly epoch: number
  readonly store: JobStore
  readonly policy: JobPolicy
  readonly proven: Proven
  readonly now: () => Date
}): Promise<JobDecisions> {
  const { run, group, source, epoch, store, policy } = context
  const known = await store.readDecisions(run)
  if (known !== undefined) return known
  const now = context.now()
  const capture = await store.readCapture(group, source)
  const jobs: DecidedJob[] = []
  for (const job of capture?.jobs ?? []) {
    const resumption = await resumptionOf(job, context.proven)
    const { decision, reason } = decide(job, policy, resumption, now)
    const origin = originOf(job)
    const moves = decision === 'resubmit'
    jobs.push({
      job: job.name,
      state: job.state,
      decision,
      reason,
      newName: moves ? successorName(origin, epoch) : null,
      checkpoint: resumption.checkpoint,
      body: moves ? withHistory(resumption, origin, epoch) : job.body,
      resubmittedAs: null,
      at: now.toISOString(),
    })
  }
  return store.decideOnce({ run, group, source, epoch, jobs })
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
 * called: under a fixed name, after looking for it at the target (I6). A job that the target refuses
 * for good becomes a human's task and does not stop the others.
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
  const { run, epoch, target, store } = context
  const name = job.newName
  if (name === null) return
  const options = { epoch, ...signalOf(context) }
  try {
    if (!(await standsAtTarget(job, context)))
      await target.submitJob(name, await opened(target, job.body, options), options)
  } catch (error) {
    if (!isHoldfastError(error) || error.kind !== 'permanent' || error.code === 'epoch.stale') {
      throw error
    }
    const reason = `The other side refused it: ${error.message} (${error.code})`
    await store.markManual(run, job.job, reason, context.now().toISOString())
    return
  }
  await store.markResubmitted(run, job.job, context.now().toISOString())
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
  { body, checkpoint, finished }: Resumption,
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
        ...(finished.length > 0 && { 'holdfast.finished-steps': finished.join(', ') }),
      },
    },
  }
}
