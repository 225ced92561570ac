import { type Database, sqlMigration } from '../store/database.ts'

export const startKeyMigrations = [
  sqlMigration(
    'start-key-1',
    `create table start_key (
      "group" text not null, key text not null, type text not null, operation text not null,
      at timestamptz not null default now(), primary key ("group", key))`,
  ),
  sqlMigration('start-key-2', 'alter table start_key add column request text'),
]

type StartKeyTables = {
  start_key: {
    group: string
    key: string
    type: string
    operation: string
    request: string | null
  }
}

interface StartKey {
  readonly group: string
  /** What the caller sent as `Idempotency-Key`. */
  readonly key: string
  readonly type: string
  readonly operation: string
  /** Digest of what was asked for; null: an older controller did not note it. */
  readonly request: string | null
}

/**
 * Which operation a caller's key began, so that a request repeated after a lost answer starts nothing
 * (I2, I8): a failover asked for a second time after it ended would otherwise be the next one.
 */
export interface StartKeys {
  read(group: string, key: string): Promise<StartKey | undefined>
  /** Before the start: a crash between the two leaves a key without an operation, which starts it. */
  write(entry: StartKey): Promise<void>
}

export function startKeys(database: Pick<Database, 'kysely'>): StartKeys {
  const db = database.kysely.withTables<StartKeyTables>()
  return {
    read: (group, key) =>
      db
        .selectFrom('start_key')
        .select(['group', 'key', 'type', 'operation', 'request'])
        .where('group', '=', group)
        .where('key', '=', key)
        .executeTakeFirst(),
    write: async (entry) => {
      const { type, operation, request } = entry
      await db
        .insertInto('start_key')
        .values({ ...entry })
        .onConflict((conflict) =>
          conflict.columns(['group', 'key']).doUpdateSet({ type, operation, request }),
        )
        .execute()
    },
  }
}
