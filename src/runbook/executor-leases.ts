import { type Kysely, sql } from 'kysely'
import { sqlMigration } from '../store/database.ts'

export const leaseMigrations = [
  sqlMigration(
    'executor-lease-1',
    'create table executor_lease (executor text primary key, beat_at timestamptz not null)',
  ),
]

/** Which controllers live, by the clock of the database that they share. */
export interface ExecutorLeases {
  /** This one lives. */
  beat(): Promise<void>
  /** Those that have not said so for `ttlMs`, or never. */
  deadOf(executors: readonly string[]): Promise<readonly string[]>
  /** This one ends in order: nobody needs to wait for its silence. */
  release(): Promise<void>
}

export function executorLeases(
  database: { readonly kysely: Kysely<object> },
  options: { readonly executor: string; readonly ttlMs: number },
): ExecutorLeases {
  const { kysely } = database
  const { executor, ttlMs } = options
  return {
    beat: async () => {
      await sql`insert into executor_lease (executor, beat_at) values (${executor}, now())
        on conflict (executor) do update set beat_at = now()`.execute(kysely)
    },
    deadOf: async (executors) => {
      const live = await sql<{ executor: string }>`select executor from executor_lease
        where beat_at > now() - make_interval(secs => ${ttlMs / 1000}::float)`.execute(kysely)
      const living = new Set(live.rows.map((row) => row.executor))
      return executors.filter((one) => one !== executor && !living.has(one))
    },
    release: async () => {
      await sql`delete from executor_lease where executor = ${executor}`.execute(kysely)
    },
  }
}
