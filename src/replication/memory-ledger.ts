import type { LedgerRow } from '../api/contract.ts'
import { countByKind } from './kind-counts.ts'
import {
  type Direction,
  directionKey,
  type Ledger,
  type LedgerEntry,
  type LedgerFilter,
  nameInIds,
  type ReplicationPointRow,
  searchable,
} from './ledger.ts'
import { laterPoint } from './replication-point.ts'

/** The ledger in memory: for tests, and for one-shot comparisons that leave nothing behind. */
export function memoryLedger(): Ledger {
  const tables = new Map<string, Map<string, LedgerEntry>>()
  const points = new Map<string, ReplicationPointRow>()

  const table = (direction: Direction): Map<string, LedgerEntry> => {
    const key = directionKey(direction)
    const found = tables.get(key) ?? new Map<string, LedgerEntry>()
    tables.set(key, found)
    return found
  }

  return {
    async read(direction, objects) {
      const entries = table(direction)
      return new Map(
        objects.flatMap((object) => {
          const entry = entries.get(object)
          return entry ? [[object, entry] as const] : []
        }),
      )
    },
    async write(direction, entries) {
      const known = table(direction)
      for (const entry of entries) known.set(entry.object, structuredClone(entry))
    },
    async rows(direction, { after, skip = 0, limit, ...filter }) {
      return [...table(direction).values()]
        .filter((entry) => passes(entry, filter))
        .filter(({ object }) => after === undefined || object > after)
        .sort((a, b) => (a.object < b.object ? -1 : 1))
        .slice(skip, skip + limit)
        .map(toRow)
    },
    async count(direction, filter) {
      return [...table(direction).values()].filter((entry) => passes(entry, filter)).length
    },
    async counts(direction) {
      return countByKind(
        [...table(direction).values()].map((entry) => ({
          kind: entry.kind,
          state: entry.state,
          count: 1,
          bytes: entry.bytes,
        })),
      )
    },
    async readPoint(direction) {
      return points.get(directionKey(direction))
    },
    async advancePoint(direction, point) {
      const key = directionKey(direction)
      points.set(key, laterPoint(points.get(key), point))
    },
  }
}

function passes(entry: LedgerEntry, { kind, state, name }: LedgerFilter): boolean {
  return (
    (kind === undefined || entry.kind === kind) &&
    (state === undefined || [state].flat().includes(entry.state)) &&
    (name === undefined || searchable(entry.object).includes(nameInIds(name)))
  )
}

function toRow(entry: LedgerEntry): LedgerRow {
  const { object, kind, state, sourceDigest, targetDigest, error, bytes, at } = entry
  return { object, kind, state, sourceDigest, targetDigest, error, bytes, at }
}
