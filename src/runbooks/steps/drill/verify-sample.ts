import { createHash } from 'node:crypto'
import type { LedgerRow } from '../../../api/contract.ts'
import { canReread, type Reread, reread } from '../../../replication/reread.ts'
import { toRunError } from '../../../runbook/durable-engine.ts'
import type { Ending, Look, StepTools } from '../../../runbook/runbook.ts'
import { readFact, type SampleResult, writeFact } from '../../facts.ts'
import { allRows, ledgerDirection } from '../../ledger-reads.ts'
import type { FailedObject } from '../../outcomes.ts'
import type { DrillWorld } from '../../ports.ts'

export async function sampleIsRead(world: DrillWorld): Promise<Look> {
  const sample = await readFact(world, 'sample')
  if (sample === undefined) return { done: false, detail: 'No sample was read yet.' }
  return { done: sample.different.length === 0, detail: sentence(sample) }
}

export async function verifySample(world: DrillWorld, tools: StepTools): Promise<Ending> {
  const rows = await chooseSample(world)
  const different: FailedObject[] = []
  for (const [index, row] of rows.entries()) {
    tools.progress({ done: index, total: rows.length, bytes: null })
    const found = await readAgain(world, row, tools)
    if (!found.equal)
      different.push({ object: row.object, code: found.code, message: found.message })
  }
  const sample: SampleResult = { equal: rows.length - different.length, different }
  await writeFact(world, 'sample', sample)
  return different.length === 0 ? { done: sentence(sample) } : { partial: sentence(sample) }
}

/** The same objects for the same drill, others for the next one; read without holding them all. */
async function chooseSample({ sampleSize, ...world }: DrillWorld): Promise<LedgerRow[]> {
  let chosen: { readonly rank: string; readonly row: LedgerRow }[] = []
  for await (const row of allRows(world.ledger, ledgerDirection(world), { state: 'proven' })) {
    if (!canReread(row)) continue
    const rank = createHash('sha256').update(`${world.run} ${row.object}`).digest('hex')
    chosen.push({ rank, row })
    if (chosen.length >= 2 * sampleSize + 100) chosen = smallestOf(chosen, sampleSize)
  }
  return smallestOf(chosen, sampleSize).map(({ row }) => row)
}

function smallestOf<T extends { readonly rank: string }>(all: readonly T[], count: number): T[] {
  return [...all].sort((a, b) => (a.rank < b.rank ? -1 : 1)).slice(0, count)
}

/** Passes go on: what differs from a row that changed meanwhile is compared with the new row. */
async function readAgain(
  world: DrillWorld,
  row: LedgerRow,
  { signal }: StepTools,
): Promise<Reread> {
  const found = await tryReread(world, row, signal)
  if (found.equal) return found
  const now = await rowNow(world, row)
  if (now?.state !== 'proven') return { equal: true }
  return now.at === row.at ? found : tryReread(world, now, signal)
}

async function tryReread(world: DrillWorld, row: LedgerRow, signal: AbortSignal): Promise<Reread> {
  try {
    return await reread(world.target, row, { signal })
  } catch (error) {
    signal.throwIfAborted()
    const { code, message } = toRunError(error)
    return { equal: false, code, message }
  }
}

async function rowNow(world: DrillWorld, row: LedgerRow): Promise<LedgerRow | undefined> {
  for await (const now of allRows(world.ledger, ledgerDirection(world), {
    kind: row.kind,
    after: row.object.slice(0, -1),
  })) {
    if (now.object >= row.object) return now.object === row.object ? now : undefined
  }
  return undefined
}

function sentence({ equal, different }: SampleResult): string {
  const [first] = different
  if (first === undefined) return `Read again and equal: ${equal} objects.`
  return `Not what was proven: ${different.length} of ${equal + different.length}, first ${first.object}: ${first.message}.`
}
