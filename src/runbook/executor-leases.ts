import { type Kysely, sql } from 'kysely'
import { sqlMigration } from '../store/database.ts'

export const leaseMigrations = [
  sqlMigration(
    'executor-lease-1',
    'create table executor_lease (executor text primary key, beat_at timestamptz not null)',
  ),
  sqlMigration(
    'executor-lease-2',
    'alter table executor_lease add column released boolean not null default false',
  ),
]

/** Which controllers live, by the clock of the database that they share. */
export interface ExecutorLeases {
  /** This one lives. */
  beat(): Promise<void>
  /** Those that have not said so for `ttlMs`, or never. */
  deadOf(executors: readonly string[]): Promise<readonly string[]>
  /** Of all executors whose names begin so. */
  signsOf(prefix: string): Promise<SignsOfLife>
  /** This one ends in order: nobody needs to wait for its silence. */
  release(): Promise<void>
}

export interface SignsOfLife {
  /** One of them lives. */
  readonly alive: boolean
  /** When the last one that was heard of was; null: none ever was. */
  readonly lastAt: string | null
}

export function executorLeases(
  database: { readonly kysely: Kysely<object> },
  options: {
    readonly executor: string
    readonly ttlMs: number
    /** Something else keeps everybody else away from this database: then they are dead, however young. */
    readonly alone?: boolean
  },
): ExecutorLeases {
  const { kysely } = database
  const { executor, ttlMs, alone = false } = options
  const isLive = sql<boolean>`(not released and beat_at > now() - make_interval(secs => ${ttlMs / 1000}::float)
    and (executor = ${executor} or not ${alone}::boolean))`
  return {
    beat: async () => {
      await sql`insert into executor_lease (executor, beat_at) values (${executor}, now())
        on conflict (executor) do update set beat_at = now(), released = false`.execute(kysely)
    },
    deadOf: async (executors) => {
      const live = await sql<{ executor: string }>`select executor from executor_lease
        where ${isLive}`.execute(kysely)
      const living = new Set(live.rows.map((row) => row.executor))
      return executors.filter((one) => one !== executor && !living.has(one))
    },
    signsOf: async (prefix) => {
      const { rows } = await sql<{ alive: boolean | null; last_at: string | null }>`
        select bool_or(${isLive}) as alive, max(beat_at) as last_at from executor_lease
        where starts_with(executor, ${prefix})`.execute(kysely)
      return { alive: rows[0]?.alive ?? false, lastAt: rows[0]?.last_at ?? null }
    },
    release: async () => {
      // Kept, so that others can say when it was heard of last.
      await sql`update executor_lease set beat_at = now(), released = true
        where executor = ${executor}`.execute(kysely)
      await sql`delete from executor_lease
        where released and beat_at < now() - interval '30 days'`.execute(kysely)
    },
  }
}
