import { HoldfastError } from '../../model/errors.ts'
import type { PassResult } from '../../replication/pass.ts'
import type { Ending, Look, StepTools } from '../../runbook/runbook.ts'
import type { ReprotectWorld } from '../ports.ts'
import { refuseOvertakenReprotection } from './own-epoch.ts'

/** A pass can meet objects that change while it works; the next one finds them at rest. */
const passLimit = 3

export async function pointExists(world: ReprotectWorld): Promise<Look> {
  const { epoch } = await refuseOvertakenReprotection(world)
  const point = await world.ledger.readPoint({
    group: world.group,
    source: world.primary.name,
    target: world.returning.name,
  })
  if (point === undefined || point.epoch < epoch) {
    return { done: false, detail: 'There is no replication point in this direction yet.' }
  }
  return { done: true, detail: `Everything in scope as of ${point.at} is proven.` }
}

/** What is still not proven after the last pass, conflicts among it, leaves the group partly protected. */
export async function replicateBack(
  world: ReprotectWorld,
  tools: StepTools,
): Promise<Ending | undefined> {
  const { epoch } = await refuseOvertakenReprotection(world)
  let last: PassResult | undefined
  for (let pass = 1; pass <= passLimit; pass++) {
    const result = await world.replicate({
      epoch,
      signal: tools.signal,
      onProgress: (done, total, bytes) => tools.progress({ done, total, bytes }),
    })
    if (result.outcome === 'complete') return undefined
    tools.signal.throwIfAborted()
    last = result
  }
  if (last?.outcome === 'partial') {
    const { failed, pending, conflicts } = last
    return {
      partial: `${failed} objects failed, ${pending} wait, ${conflicts} are in conflict.`,
    }
  }
  throw new HoldfastError(
    last?.error?.code ?? 'reprotect.pass-failed',
    `Replication did not get through: ${last?.error?.message ?? 'no reason given'}`,
    { kind: 'transient', hint: 'Remedy what it names, then start re-protection again.' },
  )
}
