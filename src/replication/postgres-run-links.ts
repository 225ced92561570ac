import { type Kysely, sql } from 'kysely'
import { type Migration, sqlMigration } from '../store/database.ts'
import type { RunLink, RunLinks } from '../workspace/run-links.ts'

export const runLinkMigrations: readonly Migration[] = [
  sqlMigration(
    'replication-run-links-1',
    `create table run_link (
       group_name text not null, copy_member text not null, copy_run text not null,
       origin_member text not null, origin_run text not null,
       primary key (group_name, copy_member, copy_run))`,
    'create index run_link_origin on run_link (group_name, origin_run, origin_member)',
    'create index run_link_copy on run_link (group_name, copy_run)',
  ),
]

interface StoredLink {
  readonly copy_member: string
  readonly copy_run: string
  readonly origin_member: string
  readonly origin_run: string
}

/** The run links of a running controller. Run `runLinkMigrations` first. */
export function postgresRunLinks(database: { readonly kysely: Kysely<object> }): RunLinks {
  const db = database.kysely
  return {
    async find(group, from, to, runIds) {
      if (runIds.length === 0) return new Map()
      const ids = sql.val([...runIds])
      const { rows } = await sql<{ here: string; there: string }>`
        select origin_run as here, copy_run as there from run_link
          where group_name = ${group} and origin_member = ${from} and copy_member = ${to}
            and origin_run = any(${ids}::text[])
        union all
        select copy_run, origin_run from run_link
          where group_name = ${group} and copy_member = ${from} and origin_member = ${to}
            and copy_run = any(${ids}::text[])
        order by here, there`.execute(db)
      // Were there ever two copies of one run, all callers must agree on one of them.
      const found = new Map<string, string>()
      for (const { here, there } of rows) if (!found.has(here)) found.set(here, there)
      return found
    },

    async add(group, links) {
      if (links.length === 0) return
      await sql`insert into run_link (group_name, copy_member, copy_run, origin_member, origin_run)
        select ${group}, copy_member, copy_run, origin_member, origin_run
        from json_to_recordset(${JSON.stringify(links.map(toStored))}::json) as row
          (copy_member text, copy_run text, origin_member text, origin_run text)
        on conflict do nothing`.execute(db)
    },

    async resolve(group, runId) {
      const { rows } = await sql<StoredLink>`
        select copy_member, copy_run, origin_member, origin_run from run_link
        where group_name = ${group} and (origin_run = ${runId} or copy_run = ${runId})
        order by copy_member, copy_run`.execute(db)
      return rows.map(toLink)
    },
  }
}

function toStored({ origin, copy }: RunLink): StoredLink {
  return {
    copy_member: copy.member,
    copy_run: copy.runId,
    origin_member: origin.member,
    origin_run: origin.runId,
  }
}

function toLink(row: StoredLink): RunLink {
  return {
    origin: { member: row.origin_member, runId: row.origin_run },
    copy: { member: row.copy_member, runId: row.copy_run },
  }
}
