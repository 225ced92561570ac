import type { LedgerRow } from '../api/contract.ts'
import { countByKind } from './kind-counts.ts'
import {
  type Direction,
  directionKey,
  type Ledger,
  type LedgerEntry,
  nameInIds,
  type ReplicationPointRow,
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
    async rows(direction, filter) {
      return [...table(direction).values()]
        .filter((entry) => filter.kind === undefined || entry.kind === filter.kind)
        .filter((entry) => filter.state === undefined || entry.state === filter.state)
        .filter(
          ({ object }) =>
            filter.name === undefined || object.toLowerCase().includes(nameInIds(filter.name)),
        )
        .filter((entry) => filter.after === undefined || entry.object > filter.after)
        .sort((a, b) => (a.object < b.object ? -1 : 1))
        .slice(0, filter.limit)
        .map(toRow)
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

function toRow(entry: LedgerEntry): LedgerRow {
  const { object, kind, state, sourceDigest, targetDigest, error, bytes, at } = entry
  return { object, kind, state, sourceDigest, targetDigest, error, bytes, at }
}
