import { setImmediate as nextTurn } from 'node:timers/promises'
import type Database from 'libsql'
import { inTransaction } from '../store/database.ts'

const runsAtOnce = 500

/**
 * Takes away the runs, metrics and experiments of a purged workspace, some at a time, so that the
 * region answers meanwhile. Its number stays with the name: a new workspace of that name starts
 * empty and its clock goes on.
 */
export async function forgetWorkspace(db: Database.Database, ws: number): Promise<void> {
  const some = db.prepare('SELECT run FROM dp_runs WHERE ws = ? LIMIT ?')
  const values = db.prepare(
    'DELETE FROM dp_metric_values WHERE metric IN (SELECT metric FROM dp_metrics WHERE run = ?)',
  )
  const metrics = db.prepare('DELETE FROM dp_metrics WHERE run = ?')
  const runs = db.prepare('DELETE FROM dp_runs WHERE run = ?')
  for (;;) {
    const found = some.all(ws, runsAtOnce) as { run: number }[]
    if (found.length === 0) break
    inTransaction(db, () => {
      for (const { run } of found)
        for (const statement of [values, metrics, runs]) statement.run(run)
    })
    await nextTurn()
  }
  for (const table of ['dp_logged_models', 'dp_experiments'])
    db.prepare(`DELETE FROM ${table} WHERE ws = ?`).run(ws)
}
