import { createHash } from 'node:crypto'
import type { Direction, LedgerEntry } from '../src/replication/ledger.ts'
import { postgresRecords } from '../src/runbooks/records.ts'
import { openDatabase } from '../src/store/database.ts'

const perWrite = 5000
const startMs = Date.UTC(2026, 0, 1)

/**
 * Rows as passes would leave them, through the ledger's own code, in the store of a controller that
 * does not run: nine in ten are runs, the others blobs and models; nearly all are proven.
 */
export async function fillLedger(
  stateDir: string,
  direction: Direction,
  rows: number,
  note: (line: string) => void,
): Promise<void> {
  const database = await openDatabase({ stateDir })
  try {
    const { ledger } = postgresRecords(database)
    for (let from = 0; from < rows; from += perWrite) {
      const count = Math.min(perWrite, rows - from)
      await ledger.write(
        direction,
        Array.from({ length: count }, (_, i) => entryOf(from + i)),
      )
      if ((from + count) % 100_000 === 0) note(`${from + count} rows of the ledger`)
    }
    // A pass adds its rows over weeks, and the server tends its tables meanwhile.
    await database.pool.query('vacuum analyze replication_ledger')
  } finally {
    await database.close()
  }
}

function entryOf(i: number): LedgerEntry {
  const digest = createHash('sha256').update(String(i)).digest('hex')
  const at = new Date(startMs + i * 1000).toISOString()
  const state = stateOf(i)
  return {
    ...{ object: objectOf(i, digest), kind: kindOf(i), state, epoch: 1, at },
    sourceDigest: digest,
    targetDigest: state === 'proven' ? digest : null,
    sourceVersion: at,
    targetVersion: state === 'proven' ? at : null,
    bytes: kindOf(i) === 'blob' ? (i * 7919) % 5_000_000 : 0,
    error: state === 'failed' ? { code: 'workspace.refused', message: 'the name is taken' } : null,
  }
}

const kindOf = (i: number) => (i % 10 > 0 ? 'run' : i % 20 === 0 ? 'blob' : 'model')

function objectOf(i: number, digest: string): string {
  const kind = kindOf(i)
  if (kind === 'run') return `run/${digest.slice(0, 8)}-${digest.slice(8, 12)}-${i}`
  if (kind === 'model') return `model/team-${i % 300}-model-${Math.floor(i / 100)}/${i % 100}`
  return `blob/workspaceblobstore/${encodeURIComponent(`data/${digest.slice(0, 2)}/part-${i}.parquet`)}`
}

function stateOf(i: number): LedgerEntry['state'] {
  if (i % 50_000 === 7) return 'failed'
  return i % 20_000 === 11 ? 'pending' : 'proven'
}
