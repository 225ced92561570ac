import { checkpointOutput, object } from '../../../jobs/checkpoint-place.ts'
import { jobPhase } from '../../../jobs/job-state.ts'
import { drillPath } from '../../../model/drill.ts'
import { HoldfastError } from '../../../model/errors.ts'
import { toRunError } from '../../../runbook/durable-engine.ts'
import type { Ending, Look, StepTools } from '../../../runbook/runbook.ts'
import { opened } from '../../../workspace/sealing.ts'
import { type RehearsedJob, readFact, writeFact } from '../../facts.ts'
import type { DrillWorld } from '../../ports.ts'

const retryMs = 250
const defaultStore = 'workspaceblobstore'

export async function rehearsedJobsAreNoted(world: DrillWorld): Promise<Look> {
  if ((await readFact(world, 'rehearsed')) === undefined) {
    return { done: false, detail: 'No job was rehearsed yet.' }
  }
  const jobs = (await readFact(world, 'rehearsedJobs')) ?? []
  const silent = jobs.filter(({ started }) => !started)
  const detail = jobs.length === 0 ? 'No job would move.' : jobs.map((job) => job.detail).join(' ')
  return { done: silent.length === 0, detail }
}

/**
 * Submits all, sees each begin, cancels all: what was seen is noted before the first is cancelled, for
 * a restart could not see it any more. The end of this is the end of what is measured.
 */
export async function rehearseJobs(world: DrillWorld, tools: StepTools): Promise<Ending> {
  const { epoch, target } = world
  const { signal } = tools
  const jobs = (await readFact(world, 'rehearsedJobs')) ?? []
  const seen = await Promise.all(
    jobs.map((job) => (job.started ? job : seeStart(world, job, signal))),
  )
  signal.throwIfAborted()
  await writeFact(world, 'rehearsedJobs', seen)
  await writeFact(world, 'rehearsed', { at: world.now().toISOString() })
  for (const { copy, started } of seen) if (started) await target.cancelJob(copy, { epoch, signal })
  const { done, detail } = await rehearsedJobsAreNoted(world)
  return done ? { done: detail } : { partial: detail }
}

async function seeStart(
  world: DrillWorld,
  job: RehearsedJob,
  signal: AbortSignal,
): Promise<RehearsedJob> {
  try {
    await bringCheckpoint(world, job, signal)
    const { target, epoch } = world
    const body = await opened(target, job.body, { signal })
    await target.submitJob(job.copy, body, { epoch, signal })
    const state = await untilStarted(world, job.copy, signal)
    const started = jobPhase(state) === 'started' || state === 'Completed'
    const from = job.checkpoint === null ? '' : ` with ${job.checkpoint} before it`
    return { ...job, started, detail: `${job.copy} was ${state}${from}.` }
  } catch (error) {
    signal.throwIfAborted()
    return { ...job, started: false, detail: `${job.copy}: ${toRunError(error).message}` }
  }
}

/** The copy looks for its checkpoint in the drill's own folder, so the proven one is put there. */
async function bringCheckpoint(
  { run, target, epoch }: DrillWorld,
  { copy, checkpoint, checkpoints }: RehearsedJob,
  signal: AbortSignal,
): Promise<void> {
  if (checkpoint === null || checkpoints === null) return
  const { store, prefix } = checkpoints
  const blob = await target.getBlob(store, checkpoint, { signal })
  if (blob === undefined) {
    throw new HoldfastError('blob.not-found', `the proven checkpoint ${checkpoint} is not there`)
  }
  const folder = `${drillPath(run)}${copy}/${checkpointOutput}/`
  const name = folder + checkpoint.slice(prefix.length)
  const url = await target.blobReadUrl(store, checkpoint, { signal })
  await target.copyBlob(defaultStore, { ...blob, name }, url, { epoch, signal })
}

async function untilStarted(
  { target, now, sleep, warmLimitMs }: DrillWorld,
  copy: string,
  signal: AbortSignal,
): Promise<string> {
  const limit = now().getTime() + warmLimitMs
  for (;;) {
    const found = await target.getObject({ kind: 'job', path: [copy] }, { signal })
    const state = String(object(found?.body.properties).status ?? 'Unknown')
    const isWaiting = ['unstarted', 'uncertain'].includes(jobPhase(state))
    if (!isWaiting || now().getTime() >= limit) return state
    await sleep(retryMs, signal)
    signal.throwIfAborted()
  }
}
