import type { BatchResult, Claim } from './batch-board.ts'
import type { Lease } from './batch-executor.ts'
import { counting } from './counting.ts'
import type { ReplicationContext } from './pass.ts'
import { beginPass, emptyTally, type Pass } from './pass-state.ts'
import { batchPass, performBatch } from './perform-batch.ts'
import { RunWriter } from './write-runs.ts'

export type PerformBatch = (claim: Claim, lease: Lease) => Promise<BatchResult>

/** A pass of another process, as a worker performs batches of it. */
export async function joinPass(given: ReplicationContext): Promise<PerformBatch> {
  let requests = 0
  const context = counting(given, () => {
    requests += 1
  })
  const pass = await beginPass(context, 'replicate')
  const writer = new RunWriter()
  return async (claim, lease) => {
    const own: Pass = { ...pass, tally: emptyTally(), unproven: new Map() }
    const late = await performBatch(batchPass(own, claim, lease), writer, claim.work)
    const { objectsTotal: _, ...tally } = own.tally
    const counted = { unproven: [...own.unproven], tally: { ...tally, requests } }
    requests = 0
    return { late, counted }
  }
}
