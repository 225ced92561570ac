import { type Generated, sql } from 'kysely'
import type { Json } from '../model/json.ts'
import { type Database, sqlMigration } from '../store/database.ts'
import type { Journal, Run, RunHeader } from './journal.ts'
import { accepted, fold, type RunEvent } from './run-state.ts'

export const journalMigrations = [
  sqlMigration(
    'journal-1',
    `create table runbook_run (
      id text primary key, "group" text not null, header jsonb not null,
      seq bigint generated always as identity)`,
    `create index on runbook_run ("group", seq desc)`,
    `create table runbook_event (
      seq bigint generated always as identity primary key,
      run text not null references runbook_run (id), event jsonb not null)`,
    `create index on runbook_event (run, seq)`,
    `create table runbook_fact (
      run text not null references runbook_run (id), key text not null, value jsonb not null,
      primary key (run, key))`,
  ),
]

type JournalTables = {
  runbook_run: { id: string; group: string; header: unknown; seq: Generated<number> }
  runbook_event: { seq: Generated<number>; run: string; event: unknown }
  runbook_fact: { run: string; key: string; value: unknown }
}

export function postgresJournal(database: Pick<Database, 'kysely'>): Journal {
  const db = database.kysely.withTables<JournalTables>()
  const events = async (runIds: readonly string[]): Promise<Map<string, RunEvent[]>> => {
    const byRun = new Map<string, RunEvent[]>(runIds.map((id) => [id, []]))
    if (runIds.length === 0) return byRun
    const rows = await db
      .selectFrom('runbook_event')
      .select(['run', 'event'])
      .where('run', 'in', runIds)
      .orderBy('seq')
      .execute()
    for (const row of rows) byRun.get(row.run)?.push(row.event as RunEvent)
    return byRun
  }
  const withStates = async (headers: readonly RunHeader[]): Promise<Run[]> => {
    const byRun = await events(headers.map((header) => header.id))
    return headers.map((header) => ({
      header,
      state: fold(accepted(header.steps, header.acceptedAt), byRun.get(header.id) ?? []),
    }))
  }
  return {
    create: async (header) => {
      await db
        .insertInto('runbook_run')
        .values({ id: header.id, group: header.group, header: JSON.stringify(header) })
        .onConflict((conflict) => conflict.column('id').doNothing())
        .execute()
    },
    append: async (run, event) => {
      await db
        .insertInto('runbook_event')
        .values({ run, event: JSON.stringify(event) })
        .execute()
    },
    events: async (runId) => (await events([runId])).get(runId) ?? [],
    read: async (runId) => {
      const row = await db
        .selectFrom('runbook_run')
        .select('header')
        .where('id', '=', runId)
        .executeTakeFirst()
      return row === undefined ? undefined : (await withStates([row.header as RunHeader]))[0]
    },
    list: async ({ group, runbook, since, before, limit = 100 } = {}) => {
      let query = db.selectFrom('runbook_run').select('header').orderBy('seq', 'desc').limit(limit)
      if (group !== undefined) query = query.where('group', '=', group)
      if (runbook !== undefined) query = query.where(sql<boolean>`header->>'runbook' = ${runbook}`)
      if (since !== undefined) query = query.where(sql<boolean>`header->>'acceptedAt' >= ${since}`)
      if (before !== undefined) {
        query = query.where('seq', '<', (runs) =>
          runs.selectFrom('runbook_run').select('seq').where('id', '=', before),
        )
      }
      return withStates((await query.execute()).map((row) => row.header as RunHeader))
    },
    writeFact: async (run, key, value) => {
      const text = JSON.stringify(value)
      await db
        .insertInto('runbook_fact')
        .values({ run, key, value: text })
        .onConflict((conflict) => conflict.columns(['run', 'key']).doUpdateSet({ value: text }))
        .execute()
    },
    readFact: async (run, key) => {
      const row = await db
        .selectFrom('runbook_fact')
        .select('value')
        .where('run', '=', run)
        .where('key', '=', key)
        .executeTakeFirst()
      return row?.value as Json | undefined
    },
  }
}
