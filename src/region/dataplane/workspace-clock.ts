import type Database from 'libsql'
import type { Micros } from './instant.ts'

export interface WorkspaceClock {
  /** Number of the workspace in this database, given at first use. `workspaceId` in any case. */
  numberOf(workspaceId: string): number
  /** The ARM id, in lower case, of a workspace that has a number. */
  idOf(ws: number): string
  /**
   * The next instant of a workspace: now, or just after the last one. Call it inside the transaction
   * of the change it stamps; instants then rise in the order of the commits.
   */
  next(ws: number): Micros
}

export function workspaceClock(db: Database.Database, clock: () => Date): WorkspaceClock {
  const find = db.prepare('SELECT ws FROM dp_workspaces WHERE key = ?')
  const keyOf = db.prepare('SELECT key FROM dp_workspaces WHERE ws = ?')
  const insert = db.prepare('INSERT INTO dp_workspaces (key) VALUES (?) RETURNING ws')
  const advance = db.prepare(
    'UPDATE dp_workspaces SET last_modified = max(last_modified + 1, ?) WHERE ws = ? RETURNING last_modified',
  )
  const numbers = new Map<string, number>()
  return {
    numberOf(workspaceId) {
      const key = workspaceId.replace(/\/+$/, '').toLowerCase()
      const known = numbers.get(key)
      if (known !== undefined) return known
      const row = (find.get(key) ?? insert.get(key)) as { ws: number }
      // Remembered only once it is sure to stay: an open transaction may still be rolled back.
      if (!db.inTransaction) numbers.set(key, row.ws)
      return row.ws
    },
    idOf: (ws) => (keyOf.get(ws) as { key: string }).key,
    next(ws) {
      const row = advance.get(clock().getTime() * 1000, ws) as { last_modified: number }
      return row.last_modified
    },
  }
}
