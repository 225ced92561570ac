import type { LedgerRow } from '../api/contract.ts'
import type { CheckpointPlace } from '../jobs/captured-job.ts'
import type { Proven } from '../jobs/resumption.ts'
import { formatObjectId, parseObjectId } from '../model/object-id.ts'
import type { Direction, Ledger } from '../replication/ledger.ts'
import type { FailoverWorld } from './ports.ts'

const pageSize = 1000

export function ledgerDirection(
  world: Pick<FailoverWorld, 'group'> & Record<'source' | 'target', { readonly name: string }>,
): Direction {
  return { group: world.group, source: world.source.name, target: world.target.name }
}

export async function* allRows(
  ledger: Pick<Ledger, 'rows'>,
  direction: Direction,
  filter: { readonly kind?: string; readonly state?: string; readonly after?: string } = {},
): AsyncGenerator<LedgerRow> {
  let { after } = filter
  for (;;) {
    const page = await ledger.rows(direction, {
      ...filter,
      ...(after === undefined ? {} : { after }),
      limit: pageSize,
    })
    yield* page
    if (page.length < pageSize) return
    after = page.at(-1)?.object
  }
}

/** What jobs may go on from, as it stands in the ledger now. */
export async function provenSoFar(
  ledger: Pick<Ledger, 'rows' | 'readPoint'>,
  direction: Direction,
): Promise<Proven> {
  const point = await ledger.readPoint(direction)
  return {
    point: point?.at ?? null,
    newest: (place) => newestProvenBlob(ledger, direction, place),
  }
}

/** The newest blob under a prefix that was re-read at the target and found equal (I4, I6). */
export async function newestProvenBlob(
  ledger: Pick<Ledger, 'rows'>,
  direction: Direction,
  place: CheckpointPlace,
): Promise<string | null> {
  // Names are percent-encoded one by one, so all ids under a prefix begin with the same text.
  const prefix = formatObjectId({ kind: 'blob', path: [place.store, place.prefix] })
  let newest: { readonly name: string; readonly at: string } | null = null
  for await (const row of allRows(ledger, direction, {
    kind: 'blob',
    state: 'proven',
    after: prefix,
  })) {
    if (!row.object.startsWith(prefix)) break
    const name = parseObjectId(row.object).path[1] ?? ''
    if (newest === null || isNewer({ name, at: row.at }, newest)) newest = { name, at: row.at }
  }
  return newest?.name ?? null
}

/** One pass proves many at nearly one instant; then the higher number in the name is the newer one. */
export function isNewer(
  a: { readonly name: string; readonly at: string },
  b: { readonly name: string; readonly at: string },
): boolean {
  const byName = a.name.localeCompare(b.name, 'en', { numeric: true })
  const sameSecond = Math.abs(Date.parse(a.at) - Date.parse(b.at)) < 1000
  return sameSecond ? byName > 0 : a.at > b.at
}
