import { type Kysely, sql } from 'kysely'
import type { JsonObject } from '../model/json.ts'
import { type Migration, sqlMigration } from '../store/database.ts'
import type { Definition, DefinitionStore } from './definitions.ts'
import { directionIds } from './direction-ids.ts'

/** To be run after `ledgerMigrations`, which make the directions. */
export const definitionMigrations: readonly Migration[] = [
  sqlMigration(
    'replication-definitions-1',
    // `json`, not `jsonb`: a document comes back byte for byte as it was captured.
    `create table replication_definition (
       direction integer not null references replication_direction (id),
       object text collate "C" not null, kind text not null, body json not null,
       digest text not null, epoch bigint not null, at timestamptz not null,
       primary key (direction, object))`,
  ),
  sqlMigration(
    'replication-definitions-2',
    // Kept before secrets were sealed: another digest makes the next pass write them anew (I9).
    `update replication_definition set digest = ''
       where body::text ~* 'environment_?variables|[?&]sig=|AccountKey=|SharedAccess|Password=|://[^/@ :]+:[^/@ ]+@'`,
  ),
]

type DefinitionTables = {
  replication_definition: {
    direction: number
    object: string
    kind: string
    body: JsonObject
    digest: string
    epoch: number
    at: string
  }
}

export function postgresDefinitions(database: {
  readonly kysely: Kysely<object>
}): DefinitionStore {
  const db = database.kysely.withTables<DefinitionTables>()
  const { idOf, makeId } = directionIds(database.kysely)
  const rowsOf = (id: number) =>
    db
      .selectFrom('replication_definition')
      .select(['object', 'kind', 'body', 'digest', 'epoch', 'at'])
      .where('direction', '=', id)

  return {
    async write(direction, definitions) {
      if (definitions.length === 0) return
      const id = await makeId(direction)
      const rows = [...new Map(definitions.map((one) => [one.object, one])).values()]
      await sql`insert into replication_definition (direction, object, kind, body, digest, epoch, at)
        select ${id}::integer, object, kind, body, digest, epoch, at
        from json_to_recordset(${JSON.stringify(rows)}::json) as row (object text, kind text,
          body json, digest text, epoch bigint, at timestamptz)
        on conflict (direction, object) do update set kind = excluded.kind, body = excluded.body,
          digest = excluded.digest, epoch = excluded.epoch, at = excluded.at`.execute(db)
    },
    async read(direction, objects) {
      const id = await idOf(direction)
      if (id === undefined || objects.length === 0) return new Map()
      const rows = await rowsOf(id)
        .where(sql<boolean>`object = any(${sql.val([...objects])}::text[])`)
        .execute()
      return new Map(rows.map((row) => [row.object, row satisfies Definition]))
    },
    async list(direction, { kind, after, limit }) {
      const id = await idOf(direction)
      if (id === undefined) return []
      let query = rowsOf(id)
      if (kind !== undefined) query = query.where('kind', '=', kind)
      if (after !== undefined) query = query.where('object', '>', after)
      return query.orderBy('object').limit(limit).execute()
    },
  }
}
