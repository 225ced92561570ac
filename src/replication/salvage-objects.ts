import { HoldfastError } from '../model/errors.ts'
import type { FailedObject } from './cold-objects.ts'
import type { Direction, Ledger, LedgerEntry } from './ledger.ts'
import { partsOf } from './paging.ts'
import type { ReplicationContext } from './pass.ts'
import { salvage } from './salvage.ts'

export interface SalvageOptions {
  readonly epoch: number
  readonly signal: AbortSignal
  readonly onProgress: (done: number, total: number | null, bytes: number | null) => void
}

export interface SalvagedObjects {
  /** Brought over in this epoch, by earlier calls, too. */
  readonly salvaged: readonly string[]
  readonly conflicts: readonly { readonly object: string; readonly detail: string }[]
  readonly failed: readonly FailedObject[]
}

/**
 * `context` goes the way replication went before the failover: its source is the returning member,
 * its target the new primary. Nothing there is overwritten (I3, I5). Throws what ended the pass
 * early: half a salvage is no result.
 */
export function salvageObjects(
  context: Omit<ReplicationContext, 'epoch' | 'signal' | 'onProgress'>,
): (options: SalvageOptions) => Promise<SalvagedObjects> {
  const direction: Direction = {
    group: context.group,
    source: context.source.name,
    target: context.target.name,
  }
  return async ({ epoch, signal, onProgress }) => {
    // Its own list beside the ledger's rows, written before the effect: a crash forgets nothing.
    const brought: Direction = { ...direction, target: `${direction.target}#salvage-${epoch}` }
    const result = await salvage({
      ...context,
      ledger: rememberingIntents(context.ledger, direction, brought),
      epoch,
      signal,
      onProgress: ({ objectsDone, objectsTotal, bytesDone }) =>
        onProgress(objectsDone, objectsTotal ?? null, bytesDone),
    })
    if (result.error !== null)
      throw new HoldfastError(result.error.code, result.error.message, {
        kind: result.outcome === 'cancelled' ? 'cancelled' : 'transient',
        hint: 'What was brought over stays; salvage again.',
      })
    const intended = await objectsOf(context.ledger, brought)
    const rows = await readAll(context.ledger, direction, intended)
    return {
      salvaged: intended.filter((object) => rows.get(object)?.state === 'proven'),
      conflicts: result.conflicting.map(({ object }) => ({
        object,
        detail: `${direction.source} and ${direction.target} both have it, with different content since the last pass; each keeps its own.`,
      })),
      failed: result.unproven.flatMap(({ object, state, error }) =>
        state === 'conflict'
          ? []
          : [{ object, ...(error ?? { code: `object.${state}`, message: 'not proven' }) }],
      ),
    }
  }
}

/** An intent is a pending row without an error: it is written right before the effect. */
function rememberingIntents(ledger: Ledger, direction: Direction, brought: Direction): Ledger {
  return {
    ...ledger,
    async write(which, entries) {
      const isOurs = which.source === direction.source && which.target === direction.target
      const intents = entries.filter(({ state, error }) => state === 'pending' && error === null)
      if (isOurs && intents.length > 0) await ledger.write(brought, intents)
      await ledger.write(which, entries)
    },
  }
}

const pageSize = 1000

async function objectsOf(ledger: Pick<Ledger, 'rows'>, direction: Direction): Promise<string[]> {
  const all: string[] = []
  for (let after: string | undefined; ; ) {
    const page = await ledger.rows(direction, {
      limit: pageSize,
      ...(after === undefined ? {} : { after }),
    })
    all.push(...page.map(({ object }) => object))
    if (page.length < pageSize) return all
    after = page.at(-1)?.object
  }
}

async function readAll(
  ledger: Pick<Ledger, 'read'>,
  direction: Direction,
  objects: readonly string[],
): Promise<Map<string, LedgerEntry>> {
  const all = new Map<string, LedgerEntry>()
  for (const part of partsOf(objects, pageSize))
    for (const [object, row] of await ledger.read(direction, part)) all.set(object, row)
  return all
}
