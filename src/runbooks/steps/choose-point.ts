import { decideJobs } from '../../jobs/resubmit.ts'
import type { Look } from '../../runbook/runbook.ts'
import { type ChosenPoint, readFact, writeFact } from '../facts.ts'
import { ledgerDirection, provenSoFar } from '../ledger-reads.ts'
import type { FailoverWorld } from '../ports.ts'
import { refuseOvertaken } from './own-epoch.ts'

export async function pointIsChosen(world: FailoverWorld): Promise<Look> {
  await refuseOvertaken(world)
  const point = await readFact(world, 'point')
  const decisions = await world.jobs.readDecisions(world.run)
  if (point === undefined || decisions === undefined) {
    return { done: false, detail: 'No replication point is chosen yet.' }
  }
  const moving = decisions.jobs.filter((job) => job.decision === 'resubmit').length
  return {
    done: true,
    detail: `${pointSentence(point)} Open jobs: ${decisions.jobs.length}, of which move: ${moving}.`,
  }
}

/** Written down before anything changes: from here on the source can only be a memory (I7). */
export async function choosePoint(world: FailoverWorld): Promise<undefined> {
  const direction = ledgerDirection(world)
  const decisions = await decideJobs({
    run: world.run,
    group: world.group,
    source: world.source.name,
    epoch: world.expectedEpoch + 1,
    store: world.jobs,
    policy: world.jobPolicy,
    proven: await provenSoFar(world.ledger, direction),
    now: world.now,
  })
  const capture = await world.jobs.readCapture(world.group, decisions.source)
  await writeFact(world, 'point', {
    replicationPoint: (await world.ledger.readPoint(direction))?.at ?? null,
    chosenAt: world.now().toISOString(),
    counts: await world.ledger.counts(direction),
    jobsCapturedAt: capture?.at ?? null,
  })
}

function pointSentence(point: ChosenPoint): string {
  const total = (pick: 'proven' | 'failed' | 'pending' | 'conflict'): number =>
    point.counts.reduce((sum, count) => sum + count[pick], 0)
  const proof = `${total('proven')} objects are proven, ${total('failed') + total('pending')} are not.`
  if (point.replicationPoint === null) return `There is no replication point; ${proof}`
  const ageMs = Date.parse(point.chosenAt) - Date.parse(point.replicationPoint)
  return `The replication point is ${point.replicationPoint}, ${Math.round(ageMs / 1000)} s ago; ${proof}`
}
