import { type Kysely, sql, type Transaction } from 'kysely'
import type { Migration } from '../store/database.ts'
import { sqlMigration } from '../store/database.ts'
import { type DirectionTable, directionIds, directionMigration } from './direction-ids.ts'
import { countByKind } from './kind-counts.ts'
import type { Ledger, LedgerEntry, ReplicationPointRow } from './ledger.ts'
import { ledgerCountMigration } from './ledger-counts.ts'
import { countRows, pageOfRows } from './ledger-pages.ts'
import { partsOf } from './paging.ts'
import { laterPoint } from './replication-point.ts'

export const ledgerMigrations: readonly Migration[] = [
  directionMigration,
  sqlMigration(
    'ledger-1',
    // Collation "C": paging by `after` must not depend on the server's locale.
    `create table replication_ledger (
       direction integer not null references replication_direction (id),
       object text collate "C" not null, kind text not null, state text not null,
       source_digest text, target_digest text, source_version text, target_version text,
       bytes bigint not null, error_code text, error_message text,
       epoch bigint not null, at timestamptz not null,
       primary key (direction, object))`,
    `create index replication_ledger_state on replication_ledger (direction, kind, state)
       include (bytes)`,
  ),
  sqlMigration(
    'ledger-2',
    // With the state beside it the key alone answers what a filter asks: reading a million whole rows
    // to show two hundred takes minutes.
    `create unique index replication_ledger_key on replication_ledger (direction, object)
       include (state)`,
    `alter table replication_ledger drop constraint replication_ledger_pkey,
       add primary key using index replication_ledger_key`,
  ),
  ledgerCountMigration,
]

export type LedgerTables = DirectionTable & {
  replication_ledger_count: {
    direction: number
    kind: string
    state: string
    count: number
    bytes: number
  }
  replication_ledger: {
    direction: number
    object: string
    kind: string
    state: LedgerEntry['state']
    source_digest: string | null
    target_digest: string | null
    source_version: string | null
    target_version: string | null
    bytes: number
    error_code: string | null
    error_message: string | null
    epoch: number
    at: string
  }
}
type StoredEntry = Omit<LedgerTables['replication_ledger'], 'direction'>

/** Rows of one upsert statement: large enough to be fast, small enough for one parameter. */
const rowsPerStatement = 5000

/** The ledger of a running controller. Run `ledgerMigrations` first. */
export function postgresLedger(database: { readonly kysely: Kysely<object> }): Ledger {
  const db = database.kysely.withTables<LedgerTables>()
  const { idOf, makeId } = directionIds(database.kysely)

  return {
    async read(direction, objects) {
      const id = await idOf(direction)
      if (id === undefined || objects.length === 0) return new Map()
      const rows = await db
        .selectFrom('replication_ledger')
        .selectAll()
        .where('direction', '=', id)
        .where(sql<boolean>`object = any(${sql.val([...objects])}::text[])`)
        .execute()
      return new Map(rows.map((row) => [row.object, toEntry(row)]))
    },

    async write(direction, entries) {
      if (entries.length === 0) return
      const id = await makeId(direction)
      // One row per object: a statement cannot update the same row twice.
      const rows = [...new Map(entries.map((entry) => [entry.object, toStored(entry)])).values()]
      await db.transaction().execute(async (transaction) => {
        for (const part of partsOf(rows, rowsPerStatement)) {
          await upsert(transaction, id, part)
        }
      })
    },

    async rows(direction, filter) {
      const id = await idOf(direction)
      if (id === undefined) return []
      const rows = await pageOfRows(db, id, filter)
      return rows.map((row) => {
        const { epoch: _, sourceVersion: _s, targetVersion: _t, ...shown } = toEntry(row)
        return shown
      })
    },

    async count(direction, filter) {
      const id = await idOf(direction)
      return id === undefined ? 0 : countRows(db, id, filter)
    },

    async counts(direction) {
      const id = await idOf(direction)
      if (id === undefined) return []
      const rows = await db
        .selectFrom('replication_ledger_count')
        .select(['kind', 'state', 'count', 'bytes'])
        .where('direction', '=', id)
        .where('count', '>', 0)
        .execute()
      return countByKind(rows)
    },

    async readPoint(direction) {
      const id = await idOf(direction)
      if (id === undefined) return undefined
      return pointOf(db, id)
    },

    async advancePoint(direction, point) {
      const id = await makeId(direction)
      await db.transaction().execute(async (transaction) => {
        await sql`select 1 from replication_direction where id = ${id} for update`.execute(
          transaction,
        )
        const { at, epoch, runsSince } = laterPoint(await pointOf(transaction, id), point)
        await transaction
          .updateTable('replication_direction')
          .set({ point_at: at, point_epoch: epoch, runs_since: runsSince })
          .where('id', '=', id)
          .execute()
      })
    },
  }
}

async function pointOf(
  db: Kysely<LedgerTables>,
  id: number,
): Promise<ReplicationPointRow | undefined> {
  const row = await db
    .selectFrom('replication_direction')
    .select(['point_at', 'point_epoch', 'runs_since'])
    .where('id', '=', id)
    .executeTakeFirst()
  if (!row || row.point_at === null || row.point_epoch === null) return undefined
  return { at: row.point_at, epoch: row.point_epoch, runsSince: row.runs_since }
}

async function upsert(
  transaction: Transaction<LedgerTables>,
  direction: number,
  rows: readonly StoredEntry[],
): Promise<void> {
  await sql`insert into replication_ledger (direction, object, kind, state, source_digest,
      target_digest, source_version, target_version, bytes, error_code, error_message, epoch, at)
    select ${direction}::integer, object, kind, state, source_digest, target_digest,
      source_version, target_version, bytes, error_code, error_message, epoch, at
    from json_to_recordset(${JSON.stringify(rows)}::json) as row (object text, kind text,
      state text, source_digest text, target_digest text, source_version text,
      target_version text, bytes bigint, error_code text, error_message text, epoch bigint,
      at timestamptz)
    on conflict (direction, object) do update set kind = excluded.kind, state = excluded.state,
      source_digest = excluded.source_digest, target_digest = excluded.target_digest,
      source_version = excluded.source_version, target_version = excluded.target_version,
      bytes = excluded.bytes, error_code = excluded.error_code,
      error_message = excluded.error_message, epoch = excluded.epoch, at = excluded.at`.execute(
    transaction,
  )
}

function toStored(entry: LedgerEntry): StoredEntry {
  return {
    object: entry.object,
    kind: entry.kind,
    state: entry.state,
    source_digest: entry.sourceDigest,
    target_digest: entry.targetDigest,
    source_version: entry.sourceVersion,
    target_version: entry.targetVersion,
    bytes: entry.bytes,
    error_code: entry.error?.code ?? null,
    // PostgreSQL text holds no NUL; a message from a service may.
    error_message: entry.error?.message.replaceAll('\0', '') ?? null,
    epoch: entry.epoch,
    at: entry.at,
  }
}

function toEntry(row: StoredEntry): LedgerEntry {
  return {
    object: row.object,
    kind: row.kind,
    state: row.state,
    sourceDigest: row.source_digest,
    targetDigest: row.target_digest,
    sourceVersion: row.source_version,
    targetVersion: row.target_version,
    bytes: row.bytes,
    error:
      row.error_code === null ? null : { code: row.error_code, message: row.error_message ?? '' },
    epoch: row.epoch,
    at: row.at,
  }
}
