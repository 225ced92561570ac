import { sql } from 'kysely'
import type { Database } from '../store/database.ts'

/** Two controllers, or two people, who start something at the same instant do so one after the other. */
export async function oneAtATime<T>(
  database: Database,
  group: string,
  work: () => Promise<T>,
): Promise<T> {
  return database.kysely.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(hashtext(${`holdfast start ${group}`}))`.execute(
      transaction,
    )
    return work()
  })
}
