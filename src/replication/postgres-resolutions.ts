import { type Kysely, sql } from 'kysely'
import type { JsonObject } from '../model/json.ts'
import { type Migration, sqlMigration } from '../store/database.ts'
import { directionIds } from './direction-ids.ts'
import type { KeptContent, Resolution, ResolutionStore } from './resolutions.ts'

/** To be run after `ledgerMigrations`, which make the directions. */
export const resolutionMigrations: readonly Migration[] = [
  sqlMigration(
    'replication-resolution-1',
    `create table replication_resolution (
       direction integer not null references replication_direction (id),
       object text collate "C" not null, keep text not null,
       source_digest text, target_digest text, at timestamptz not null,
       primary key (direction, object))`,
  ),
  sqlMigration(
    'replication-kept-1',
    `create table replication_kept (
       direction integer not null references replication_direction (id),
       object text collate "C" not null, kind text not null, side text not null,
       digest text not null, body json not null, at timestamptz not null,
       primary key (direction, object, side, digest))`,
  ),
  sqlMigration(
    'replication-resolution-2',
    // Until then a decision for the target left both as they were; it must not begin to write now.
    `update replication_resolution set keep = 'both' where keep = 'target'`,
  ),
]

type ResolutionTables = {
  replication_resolution: {
    direction: number
    object: string
    keep: Resolution['keep']
    source_digest: string | null
    target_digest: string | null
    at: string
  }
  replication_kept: {
    direction: number
    object: string
    kind: string
    side: KeptContent['side']
    digest: string
    body: JsonObject
    at: string
  }
}

export function postgresResolutions(database: {
  readonly kysely: Kysely<object>
}): ResolutionStore {
  const db = database.kysely.withTables<ResolutionTables>()
  const { idOf, makeId } = directionIds(database.kysely)
  return {
    async resolve(direction, { object, keep, sourceDigest, targetDigest, at }) {
      const decided = { keep, source_digest: sourceDigest, target_digest: targetDigest, at }
      await db
        .insertInto('replication_resolution')
        .values({ direction: await makeId(direction), object, ...decided })
        .onConflict((conflict) => conflict.columns(['direction', 'object']).doUpdateSet(decided))
        .execute()
    },
    async resolutions(direction) {
      const id = await idOf(direction)
      if (id === undefined) return []
      const rows = await db
        .selectFrom('replication_resolution')
        .selectAll()
        .where('direction', '=', id)
        .execute()
      return rows.map(({ object, keep, source_digest, target_digest, at }) => ({
        ...{ object, keep, sourceDigest: source_digest, targetDigest: target_digest, at },
      }))
    },
    async keep(direction, { object, kind, side, digest, body, at }) {
      const id = await makeId(direction)
      await sql`insert into replication_kept (direction, object, kind, side, digest, body, at)
        values (${id}, ${object}, ${kind}, ${side}, ${digest}, ${JSON.stringify(body)}::json, ${at})
        on conflict do nothing`.execute(db)
    },
    async discard(direction, { object, side, digest }) {
      const id = await idOf(direction)
      if (id === undefined) return
      await db
        .deleteFrom('replication_kept')
        .where('direction', '=', id)
        .where('object', '=', object)
        .where('side', '=', side)
        .where('digest', '=', digest)
        .execute()
    },
    async kept(direction, object) {
      const id = await idOf(direction)
      if (id === undefined) return []
      let query = db
        .selectFrom('replication_kept')
        .select(['object', 'kind', 'side', 'digest', 'body', 'at'])
        .where('direction', '=', id)
      if (object !== undefined) query = query.where('object', '=', object)
      return query
        .orderBy('at', 'desc')
        .orderBy('object')
        .orderBy('side')
        .orderBy('digest')
        .execute()
    },
  }
}
