import type { Look } from '../../runbook/runbook.ts'
import { type ChosenPoint, readFact, writeFact } from '../facts.ts'
import { ledgerDirection } from '../ledger-reads.ts'
import type { FailoverWorld } from '../ports.ts'
import { refuseOvertaken } from './own-epoch.ts'

export async function pointIsChosen(world: FailoverWorld): Promise<Look> {
  await refuseOvertaken(world)
  const point = await readFact(world, 'point')
  if (point === undefined) return { done: false, detail: 'No replication point is chosen yet.' }
  return { done: true, detail: pointSentence(point) }
}

/** Written down before anything changes: from here on the source can only be a memory (I7). */
export async function choosePoint(world: FailoverWorld): Promise<undefined> {
  const direction = ledgerDirection(world)
  await writeFact(world, 'point', {
    replicationPoint: (await world.ledger.readPoint(direction))?.at ?? null,
    chosenAt: world.now().toISOString(),
    counts: await world.ledger.counts(direction),
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
