import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'libsql'
import { RegionError } from '../region-error.ts'

/**
 * Opens the region's one database. WAL with synchronous=FULL: what was acknowledged is on disk
 * (design D2), also when the machine goes down, not only the process.
 */
export function openDatabase(dataDir: string): Database.Database {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const db = new Database(join(dataDir, 'region.db'), { timeout: 5000 })
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  // A batch of a thousand metrics changes a thousand pages, 4 MB. With the defaults it would not fit
  // into memory, and each would be copied from the log into the database before the next begins.
  db.pragma('cache_size = -32000')
  db.pragma('wal_autocheckpoint = 4000')
  return db
}

/**
 * Runs `work` in one transaction; joins the transaction that is already open, because services
 * share one connection and call each other. `work` must be synchronous.
 */
export function inTransaction<T>(db: Database.Database, work: () => T): T {
  if (db.inTransaction) return work()
  db.exec('BEGIN IMMEDIATE')
  let result: T
  try {
    result = work()
    db.exec('COMMIT')
  } catch (error) {
    waiting.delete(db)
    // A full disk has rolled back already; a second ROLLBACK would hide the first error.
    if (db.inTransaction) db.exec('ROLLBACK')
    throw error
  }
  const followers = waiting.get(db) ?? []
  waiting.delete(db)
  for (const follower of followers) follower()
  return result
}

const waiting = new WeakMap<Database.Database, Array<() => void>>()

/**
 * Runs `work` when the open transaction is committed, never when it is rolled back: what is remembered
 * outside the database must not be ahead of it. Call it inside `inTransaction`; `work` must not throw.
 */
export function afterCommit(db: Database.Database, work: () => void): void {
  const followers = waiting.get(db)
  if (followers) followers.push(work)
  else waiting.set(db, [work])
}

/** One migration runs once per database, in its own transaction, in the order given. */
export interface Migration {
  readonly name: string
  readonly sql: string
}

export function migrate(db: Database.Database, migrations: readonly Migration[]): void {
  db.exec('CREATE TABLE IF NOT EXISTS schema_migrations (name TEXT PRIMARY KEY, at TEXT NOT NULL)')
  const done = new Set(
    (db.prepare('SELECT name FROM schema_migrations').all() as { name: string }[]).map(
      (row) => row.name,
    ),
  )
  for (const { name, sql } of migrations) {
    if (done.has(name)) continue
    inTransaction(db, () => {
      db.exec(sql)
      db.prepare('INSERT INTO schema_migrations VALUES (?, ?)').run(name, new Date().toISOString())
    })
  }
}

/**
 * Locks a data directory for this process. The lock is a file lock of a separate SQLite file, so
 * the operating system gives it back when the process dies, `kill -9` included.
 */
export function lockDataDir(dataDir: string): { release(): void } {
  const lock = new Database(join(dataDir, 'region.lock'), { timeout: 0 })
  try {
    lock.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    lock.close()
    throw new RegionError(
      'region.data-dir-in-use',
      `Another region is running on the data directory ${dataDir}.`,
      'Stop that region, or start this one with another --data directory.',
      cause,
    )
  }
  return { release: () => lock.close() }
}
