import { openJobsIn } from '../../jobs/open-jobs.ts'
import { decideJobs } from '../../jobs/resubmit.ts'
import type { Look } from '../../runbook/runbook.ts'
import { readFact, writeFact } from '../facts.ts'
import { ledgerDirection, provenSoFar } from '../ledger-reads.ts'
import type { FailoverWorld } from '../ports.ts'
import { ownEpoch } from './own-epoch.ts'

export async function jobsAreDecided(world: FailoverWorld): Promise<Look> {
  await ownEpoch(world)
  const decisions = await world.jobs.readDecisions(world.run)
  const noted = await readFact(world, 'jobsNoted')
  if (decisions === undefined || noted === undefined) {
    return { done: false, detail: 'Open jobs are not decided about yet.' }
  }
  const moving = decisions.jobs.filter((job) => job.decision === 'resubmit').length
  return { done: true, detail: `Open jobs: ${decisions.jobs.length}, of which move: ${moving}.` }
}

/**
 * In the new epoch and not before: until then other controllers note what is handed in, and whoever has
 * to approve the move may take an hour (I6).
 */
export async function decideOpenJobs(world: FailoverWorld): Promise<undefined> {
  const { epoch } = await ownEpoch(world)
  const direction = ledgerDirection(world)
  const { group, source, target } = direction
  await decideJobs({
    ...{ run: world.run, group, source, target, epoch },
    store: world.jobs,
    policy: world.jobPolicy,
    proven: await provenSoFar(world.ledger, direction),
    now: world.now,
  })
  const before = { leader: source, other: target, epoch: epoch - 1 }
  const { capturedAt } = await openJobsIn(world.jobs, group, before)
  await writeFact(world, 'jobsNoted', { capturedAt })
}
