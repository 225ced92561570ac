import { missingSuccessors, type ResubmitContext, resubmitJobs } from '../../jobs/resubmit.ts'
import type { Ending, Look, StepTools } from '../../runbook/runbook.ts'
import type { FailoverWorld } from '../ports.ts'
import { ownEpoch } from './own-epoch.ts'

export async function jobsAreResubmitted(world: FailoverWorld, tools: StepTools): Promise<Look> {
  const missing = await missingSuccessors(await contextOf(world, tools))
  if (missing.length > 0) {
    return { done: false, detail: `Jobs not resubmitted yet: ${missing.length}.` }
  }
  return { done: true, detail: await sentence(world) }
}

export async function resubmitOpenJobs(
  world: FailoverWorld,
  tools: StepTools,
): Promise<Ending | undefined> {
  await resubmitJobs(await contextOf(world, tools))
  const refused = (await jobsOf(world)).filter(
    (job) => job.newName !== null && job.decision === 'manual',
  )
  if (refused.length === 0) return undefined
  return { partial: `${refused.map((job) => job.job).join(', ')}: ${refused[0]?.reason}` }
}

async function contextOf(world: FailoverWorld, tools: StepTools): Promise<ResubmitContext> {
  const { epoch } = await ownEpoch(world)
  return {
    run: world.run,
    epoch,
    target: world.target,
    store: world.jobs,
    now: world.now,
    signal: tools.signal,
    onProgress: (done, total) => tools.progress({ done, total, bytes: null }),
  }
}

async function sentence(world: FailoverWorld): Promise<string> {
  const jobs = await jobsOf(world)
  const moved = jobs.filter((job) => job.resubmittedAs !== null)
  const manual = jobs.filter((job) => job.decision === 'manual')
  const names = moved.map((job) => `${job.job} runs as ${job.resubmittedAs}`).join(', ')
  return [
    moved.length === 0 ? 'No job had to move.' : `${names}.`,
    ...(manual.length === 0 ? [] : [`${manual.length} need a human: see the report.`]),
  ].join(' ')
}

async function jobsOf(world: FailoverWorld) {
  return (await world.jobs.readDecisions(world.run))?.jobs ?? []
}
