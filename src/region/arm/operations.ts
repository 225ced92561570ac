import { randomUUID } from 'node:crypto'
import type Database from 'libsql'
import type { ArmResource, Caller } from '../context.ts'
import { type Migration, migrate } from '../store/database.ts'

/**
 *   InProgress ──> Succeeded
 *        └───────> Failed
 *
 * Operations are rows, so that a client's poll, and the work itself, go on after `kill -9`.
 */
export interface Operation {
  readonly id: string
  readonly resourceId: string
  readonly type: string
  readonly work: OperationWork
  readonly status: 'InProgress' | 'Succeeded' | 'Failed'
  readonly error: OperationError | undefined
  readonly startedAt: string
  readonly endedAt: string | undefined
}
export type OperationWork =
  | { readonly kind: 'put'; readonly change: 'created' | 'updated'; readonly actor: Caller }
  /** The resources as they were, deepest first; and ids whose content in the bin goes as well. */
  | {
      readonly kind: 'delete'
      readonly removed: readonly ArmResource[]
      readonly purged?: readonly string[]
    }
  | { readonly kind: 'action' }
export interface OperationError {
  readonly status: number
  readonly code: string
  readonly message: string
}

export interface Operations {
  start(resourceId: string, type: string, work: OperationWork): Operation
  settle(id: string, error?: OperationError): void
  get(id: string): Operation | undefined
  unsettled(): Operation[]
}

const migrations: readonly Migration[] = [
  {
    name: 'operations-1',
    sql: `
      CREATE TABLE operations (
        id TEXT PRIMARY KEY,
        resource_id TEXT NOT NULL,
        type TEXT NOT NULL,
        work TEXT NOT NULL,
        status TEXT NOT NULL,
        error TEXT,
        started_at TEXT NOT NULL,
        ended_at TEXT
      );
      CREATE INDEX operations_unsettled ON operations (started_at) WHERE status = 'InProgress';`,
  },
]

interface Row {
  id: string
  resource_id: string
  type: string
  work: string
  status: Operation['status']
  error: string | null
  started_at: string
  ended_at: string | null
}

export function openOperations(options: {
  readonly db: Database.Database
  readonly clock: () => Date
}): Operations {
  const { db, clock } = options
  migrate(db, migrations)
  const insert = db.prepare(
    `INSERT INTO operations (id, resource_id, type, work, status, started_at)
     VALUES (?, ?, ?, ?, 'InProgress', ?)`,
  )
  // What was removed may hold secrets, so it is forgotten as soon as the work is done.
  const end = db.prepare(
    `UPDATE operations SET status = ?, error = ?, ended_at = ?, work = '{"kind":"action"}'
     WHERE id = ?`,
  )
  const byId = db.prepare('SELECT * FROM operations WHERE id = ?')
  const open = db.prepare(
    `SELECT * FROM operations WHERE status = 'InProgress' ORDER BY started_at, rowid`,
  )
  const operations: Operations = {
    start(resourceId, type, work) {
      const id = randomUUID()
      insert.run(id, resourceId, type, JSON.stringify(work), clock().toISOString())
      return toOperation(byId.get(id) as Row)
    },
    settle(id, error) {
      const status = error ? 'Failed' : 'Succeeded'
      end.run(status, error ? JSON.stringify(error) : null, clock().toISOString(), id)
    },
    get(id) {
      const row = byId.get(id) as Row | undefined
      return row && toOperation(row)
    },
    unsettled: () => (open.all() as Row[]).map(toOperation),
  }
  return operations
}

function toOperation(row: Row): Operation {
  return {
    id: row.id,
    resourceId: row.resource_id,
    type: row.type,
    work: JSON.parse(row.work) as OperationWork,
    status: row.status,
    error: row.error === null ? undefined : (JSON.parse(row.error) as OperationError),
    startedAt: row.started_at,
    endedAt: row.ended_at ?? undefined,
  }
}
