import { sql, type Transaction } from 'kysely'
import type { JsonObject } from '../model/json.ts'
import { type Database, sqlMigration } from '../store/database.ts'
import { type AuditEntry, type AuditNote, nextEntry } from './audit-entry.ts'
import type { AuditHead } from './audit-head.ts'
import type { HeadKeeper } from './head-keeper.ts'

/** Append-only, chained by hashes; one chain for all groups and controllers of a database. */
export interface AuditLog {
  /** Resolves when the entry is kept; do what it tells of afterwards. */
  append(note: AuditNote): Promise<AuditEntry>
  /** With a change in one transaction: both are kept, or neither. A null note: nothing changed. */
  appendWith<T>(
    change: (
      database: Pick<Database, 'kysely'>,
    ) => Promise<{ readonly result: T; readonly note: AuditNote | null }>,
  ): Promise<T>
  /** In the order that the filter asks for. */
  entries(filter: AuditFilter): Promise<readonly AuditEntry[]>
  /** The newest, of an action of a group when they are given. */
  last(of?: { readonly group: string; readonly action: string }): Promise<AuditEntry | undefined>
}

export interface AuditFilter {
  /** Sequence number to go on behind, in the order asked for. */
  readonly after?: number | undefined
  /** Default: oldest, which is the order of the chain. */
  readonly first?: 'oldest' | 'newest'
  /** ISO 8601 UTC, both included. */
  readonly since?: string | undefined
  readonly until?: string | undefined
  readonly actor?: string | undefined
  /** The whole action, or its beginning up to a dot: `operation` finds `operation.accepted`. */
  readonly action?: string | undefined
  readonly limit: number
}

export const auditMigrations = [
  sqlMigration(
    'audit-1',
    // Text, not jsonb and timestamptz: what was hashed has to come back byte for byte.
    `create table audit_entry (
      seq bigint primary key, at text not null, actor text not null, "group" text not null,
      action text not null, subject text not null, details text not null,
      previous_hash text not null, hash text not null)`,
    `create index on audit_entry ("group", action, seq desc)`,
    // Keeps slips out. Who may drop a trigger can change rows; the hashes are against that.
    `create function refuse_audit_change() returns trigger language plpgsql as
      $$ begin raise exception 'the audit log is append-only'; end $$`,
    `create trigger audit_entry_append_only before update or delete or truncate on audit_entry
      for each statement execute function refuse_audit_change()`,
  ),
]

type AuditRow = Omit<AuditEntry, 'details' | 'previousHash'> & {
  readonly details: string
  readonly previous_hash: string
}
type AuditTables = { audit_entry: AuditRow }

export function postgresAuditLog(
  database: Pick<Database, 'kysely'>,
  options: { readonly now: () => Date; readonly heads: HeadKeeper },
): AuditLog {
  const db = database.kysely.withTables<AuditTables>()
  const { now, heads } = options
  const insert = async (transaction: Transaction<object>, note: AuditNote) => {
    // Two controllers on one database would otherwise both follow the same entry.
    await sql`select pg_advisory_xact_lock(${auditLock})`.execute(transaction)
    const rows = transaction.withTables<AuditTables>()
    const last = await newest(rows.selectFrom('audit_entry').selectAll())
    const entry = nextEntry(last, note, now().toISOString())
    const { details, previousHash, ...columns } = entry
    await rows
      .insertInto('audit_entry')
      .values({ ...columns, details: JSON.stringify(details), previous_hash: previousHash })
      .execute()
    return { entry, leadsOn: await leadsOnFrom(rows, heads.head()) }
  }
  const appendWith: AuditLog['appendWith'] = async (change) => {
    const done = await database.kysely.transaction().execute(async (transaction) => {
      const { result, note } = await change({ kysely: transaction })
      return { result, kept: note === null ? null : await insert(transaction, note) }
    })
    if (done.kept !== null) await heads.advance(done.kept.entry, done.kept.leadsOn)
    return done.result
  }
  return {
    appendWith,
    append: async (note) => {
      const kept = await database.kysely
        .transaction()
        .execute((transaction) => insert(transaction, note))
      await heads.advance(kept.entry, kept.leadsOn)
      return kept.entry
    },
    entries: async ({ after, first = 'oldest', since, until, actor, action, limit }) => {
      let query = db.selectFrom('audit_entry').selectAll()
      if (after !== undefined) query = query.where('seq', first === 'oldest' ? '>' : '<', after)
      if (since !== undefined) query = query.where('at', '>=', since)
      if (until !== undefined) query = query.where('at', '<=', until)
      if (actor !== undefined) query = query.where('actor', '=', actor)
      if (action !== undefined) {
        query = query.where(
          sql<boolean>`(action = ${action} or starts_with(action, ${`${action}.`}))`,
        )
      }
      const rows = query.orderBy('seq', first === 'oldest' ? 'asc' : 'desc').limit(limit)
      return (await rows.execute()).map(toEntry)
    },
    last: (of) => {
      const query = db.selectFrom('audit_entry').selectAll()
      return newest(
        of === undefined
          ? query
          : query.where('group', '=', of.group).where('action', '=', of.action),
      )
    },
  }
}

async function newest(query: ReturnType<typeof allRows>): Promise<AuditEntry | undefined> {
  const row = await query.orderBy('seq', 'desc').limit(1).executeTakeFirst()
  return row === undefined ? undefined : toEntry(row)
}

const allRows = (db: Transaction<AuditTables>) => db.selectFrom('audit_entry').selectAll()

async function leadsOnFrom(
  db: Transaction<AuditTables>,
  head: AuditHead | undefined,
): Promise<boolean> {
  if (head === undefined) return true
  const row = await db
    .selectFrom('audit_entry')
    .select('hash')
    .where('seq', '=', head.seq)
    .executeTakeFirst()
  return row?.hash === head.hash
}

function toEntry({ details, previous_hash: previousHash, ...row }: AuditRow): AuditEntry {
  return { ...row, details: JSON.parse(details) as JsonObject, previousHash }
}

/** Any constant serves, if nobody else uses it: "AUDI" in ASCII. */
const auditLock = 0x41554449
