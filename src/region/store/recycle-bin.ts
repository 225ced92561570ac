import type Database from 'libsql'
import { idKey } from '../arm/arm-path.ts'
import { inTransaction, type Migration, migrate } from './database.ts'

/** A soft-deleted resource: out of reach with everything below it, and as it was. */
export interface BinnedResource {
  readonly id: string
  readonly name: string
  readonly type: string
  readonly body: Record<string, unknown>
  readonly deletedAt: Date
  /** When it is gone for good. */
  readonly purgeAt: Date
}

/** What was deleted and can come back. Synchronous and durable, as the store it takes from. */
export interface RecycleBin {
  /** Moves a resource and everything below it here. */
  take(id: string, deletedAt: Date, purgeAt: Date): void
  get(id: string): BinnedResource | undefined
  /** Of one type, the oldest first. */
  list(type: string): BinnedResource[]
  /** Brings back what `take` took; false when there is nothing. */
  restore(id: string): boolean
  purge(id: string): void
  /** Those whose time to be purged has come. */
  due(now: Date): BinnedResource[]
}

const migrations: readonly Migration[] = [
  {
    name: 'recycle-bin-1',
    sql: `
      CREATE TABLE binned (
        key TEXT PRIMARY KEY,
        type_key TEXT NOT NULL,
        deleted_at INTEGER NOT NULL,
        purge_at INTEGER NOT NULL
      );
      CREATE INDEX binned_by_purge ON binned (purge_at);`,
  },
]

interface Row {
  id: string
  name: string
  type: string
  body: string
  deleted_at: number
  purge_at: number
}

/**
 * The rows stay in `resources`, with this before their keys: no path and no list reaches them, and
 * ids, order and secrets are what they were when they come back.
 */
const aside = '~'

export function openRecycleBin(db: Database.Database): RecycleBin {
  migrate(db, migrations)
  const move = db.prepare(
    `UPDATE resources SET key = ? || substr(key, ?), parent_key = ? || substr(parent_key, ?),
       type_key = ? || substr(type_key, ?)
     WHERE key = ? OR (key >= ? AND key < ?)`,
  )
  const insert = db.prepare('INSERT INTO binned VALUES (?, ?, ?, ?)')
  const remove = db.prepare('DELETE FROM binned WHERE key = ?')
  const erase = db.prepare('DELETE FROM resources WHERE key = ? OR (key >= ? AND key < ?)')
  const select = (where: string) =>
    db.prepare(
      `SELECT r.id, r.name, r.type, r.body, b.deleted_at, b.purge_at
       FROM binned b JOIN resources r ON r.key = '${aside}' || b.key WHERE ${where}
       ORDER BY b.deleted_at, b.rowid`,
    )
  const byKey = select('b.key = ?')
  const byType = select('b.type_key = ?')
  const dueBy = select('b.purge_at <= ?')
  const typeOf = db.prepare('SELECT type_key FROM resources WHERE key = ?')
  const subtree = (key: string) => [key, `${key}/`, `${key}0`] as const

  return {
    take(id, deletedAt, purgeAt) {
      inTransaction(db, () => {
        const key = idKey(id)
        const { type_key } = typeOf.get(key) as { type_key: string }
        insert.run(key, type_key, deletedAt.getTime(), purgeAt.getTime())
        move.run(aside, 1, aside, 1, aside, 1, ...subtree(key))
      })
    },
    get(id) {
      const row = byKey.get(idKey(id)) as Row | undefined
      return row && toBinned(row)
    },
    list: (type) => (byType.all(type.toLowerCase()) as Row[]).map(toBinned),
    restore(id) {
      return inTransaction(db, () => {
        const key = idKey(id)
        if (remove.run(key).changes === 0) return false
        move.run('', 2, '', 2, '', 2, ...subtree(`${aside}${key}`))
        return true
      })
    },
    purge(id) {
      inTransaction(db, () => {
        erase.run(...subtree(`${aside}${idKey(id)}`))
        remove.run(idKey(id))
      })
    },
    due: (now) => (dueBy.all(now.getTime()) as Row[]).map(toBinned),
  }
}

function toBinned(row: Row): BinnedResource {
  const { id, name, type, body, deleted_at, purge_at } = row
  return {
    id,
    name,
    type,
    body: JSON.parse(body) as Record<string, unknown>,
    deletedAt: new Date(deleted_at),
    purgeAt: new Date(purge_at),
  }
}
