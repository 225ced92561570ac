import type { CheckpointPlace, DecidedJob } from '../../jobs/captured-job.ts'
import { isOpen } from '../../jobs/job-state.ts'
import { decideRestarts } from '../../jobs/restart.ts'
import { missingSuccessors, type ResubmitContext, resubmitJobs } from '../../jobs/resubmit.ts'
import type { Proven } from '../../jobs/resumption.ts'
import { goesOn } from '../../jobs/stale-copies.ts'
import { stateAt } from '../../jobs/state-at.ts'
import { HoldfastError, isHoldfastError } from '../../model/errors.ts'
import { parseObjectId } from '../../model/object-id.ts'
import type { StepTools } from '../../runbook/runbook.ts'
import { collect } from '../../workspace/pages.ts'
import { readFact } from '../facts.ts'
import { isNewer } from '../ledger-reads.ts'
import type { SwitchoverWorld } from '../ports.ts'
import { setProperties } from './object-changes.ts'
import { untilStopped } from './stopped-jobs.ts'

/**
 * The undo of the quiet: schedules on again, and what was stopped runs again where it ran, in the epoch
 * that goes on. A move that has begun another epoch since has decided about both (I1, I6).
 */
export async function endQuiet(world: SwitchoverWorld, tools: StepTools): Promise<string> {
  const { schedules, jobs } = (await readFact(world, 'quieted')) ?? { schedules: [], jobs: [] }
  const overtaken = await overtakenBy(world)
  if (overtaken !== null) return leaveToOther(world, overtaken)
  await enableSchedules(world, tools, schedules)
  const on = `Schedules of ${world.source.name} on again: ${schedules.length}.`
  if (jobs.length === 0) return on
  const ended = await restartJobs(world, tools, jobs)
  return `${on} ${ended}`
}

async function enableSchedules(
  world: SwitchoverWorld,
  { signal }: StepTools,
  schedules: readonly string[],
): Promise<void> {
  for (const object of schedules) {
    const found = await world.source.getObject(parseObjectId(object), { signal })
    if (found === undefined) continue
    await setProperties(world.source, found, { isEnabled: true }, world.expectedEpoch, signal)
  }
}

async function restartJobs(
  world: SwitchoverWorld,
  tools: StepTools,
  stopped: readonly string[],
): Promise<string> {
  const { group, source, expectedEpoch: epoch, jobPolicy: policy, now, run } = world
  const { signal } = tools
  await endStopped(world, tools, stopped)
  await decideRestarts({
    ...{ run, group, source, epoch, stopped, policy, now, signal },
    store: world.jobs,
    standing: standingAt(world, tools),
  })
  // After the decision is kept: a move that begins its epoch from here on finds it and runs these jobs.
  const overtaken = await overtakenBy(world)
  if (overtaken !== null) return leaveToOther(world, overtaken)
  const context = { run, epoch, target: source, store: world.jobs, now, signal }
  await resubmitJobs(context)
  await refuseMissing(context)
  await world.jobs.markStopped(group, source.name, [])
  await world.captureJobs({ signal })
  return restartSentence((await world.jobs.readDecisions(run))?.jobs ?? [])
}

/**
 * Two copies must not write at once, so the old ones end first. Whether the last of them was told to
 * nobody knows after a crash, so all are told again; one that may not be stopped goes on (I6).
 */
async function endStopped(
  world: SwitchoverWorld,
  tools: StepTools,
  names: readonly string[],
): Promise<void> {
  const ending: string[] = []
  for (const name of names) {
    const runs = await goesOn(world.source, name, tools.signal)
    if (!runs || (await cancelIfAllowed(world, tools, name))) ending.push(name)
  }
  const stillOpen = await untilStopped(world, tools, async () => {
    const open: string[] = []
    for (const name of ending) {
      if (isOpen((await stateAt(world.source, name, tools.signal)) ?? 'Completed')) open.push(name)
    }
    return open
  })
  if (stillOpen.length === 0) return
  throw new HoldfastError(
    'switchover.jobs-still-end',
    `${stillOpen.join(', ')} were told to stop and have not ended yet; started again they would run twice.`,
    { kind: 'operator', hint: 'When they have ended, `holdfast retry` the operation.' },
  )
}

async function cancelIfAllowed(
  world: SwitchoverWorld,
  { signal }: StepTools,
  name: string,
): Promise<boolean> {
  try {
    await world.source.cancelJob(name, { epoch: world.expectedEpoch, signal })
    return true
  } catch (error) {
    const isRefused = isHoldfastError(error) && /^(permanent|operator)$/.test(error.kind)
    if (!isRefused || error.code === 'epoch.stale') throw error
    return false
  }
}

/** Where a job ran nothing has to be proven: what it wrote is there, and is looked for there. */
function standingAt({ source, now }: SwitchoverWorld, { signal }: StepTools): Proven {
  return {
    point: now().toISOString(),
    newest: async ({ store, prefix }: CheckpointPlace) => {
      const blobs = await collect((page) => source.listBlobs(store, { ...page, prefix, signal }))
      const [first, ...others] = blobs.map(({ name, modifiedAt }) => ({ name, at: modifiedAt }))
      return (
        others.reduce((newest, one) => (newest && isNewer(one, newest) ? one : newest), first)
          ?.name ?? null
      )
    },
  }
}

async function overtakenBy(world: SwitchoverWorld): Promise<string | null> {
  const current = await world.epochs.current(world.group)
  if (current?.epoch === world.expectedEpoch && current.primary === world.source.name) return null
  return `${current?.primary} leads in epoch ${current?.epoch}: schedules and jobs are what that move has made of them.`
}

async function leaveToOther(world: SwitchoverWorld, reason: string): Promise<string> {
  const decisions = await world.jobs.readDecisions(world.run)
  const at = world.now().toISOString()
  for (const { job, decision, resubmittedAs } of decisions?.jobs ?? []) {
    if (decision !== 'resubmit' || resubmittedAs !== null) continue
    await world.jobs.markLeft(world.run, job, { decision: 'leave', reason, at })
  }
  return reason
}

/** D8: what was handed in stands there, or the undo has not ended. */
async function refuseMissing(context: ResubmitContext): Promise<void> {
  const missing = await missingSuccessors(context)
  if (missing.length === 0) return
  throw new HoldfastError(
    'switchover.jobs-missing',
    `${missing.join(', ')} were handed in again and are not there.`,
    { kind: 'transient', hint: 'Go on with `holdfast retry`.' },
  )
}

function restartSentence(jobs: readonly DecidedJob[]): string {
  const restarted = jobs.flatMap(({ job, resubmittedAs, checkpoint }) => {
    if (resubmittedAs === null) return []
    return `${job} runs again as ${resubmittedAs}${checkpoint === null ? '' : ` from ${checkpoint}`}`
  })
  const others = jobs.flatMap(({ job, resubmittedAs, reason }) =>
    resubmittedAs === null ? `${job} was not started again: ${reason}` : [],
  )
  return [...(restarted.length === 0 ? [] : [`${restarted.join(', ')}.`]), ...others].join(' ')
}
