import { type Kysely, sql } from 'kysely'
import { sqlMigration } from '../store/database.ts'
import { type Direction, directionKey } from './ledger.ts'

/** One small number per direction, so that a million rows do not repeat three names each. */
export const directionMigration = sqlMigration(
  'replication-direction-1',
  `create table replication_direction (
     id integer generated always as identity primary key,
     group_name text not null, source text not null, target text not null,
     point_at timestamptz, point_epoch bigint, runs_since text,
     unique (group_name, source, target))`,
)

export type DirectionTable = {
  replication_direction: {
    id: number
    group_name: string
    source: string
    target: string
    point_at: string | null
    point_epoch: number | null
    runs_since: string | null
  }
}

export interface DirectionIds {
  /** Undefined: nothing was ever written for this direction. */
  idOf(direction: Direction): Promise<number | undefined>
  makeId(direction: Direction): Promise<number>
}

export function directionIds(kysely: Kysely<object>): DirectionIds {
  const db = kysely.withTables<DirectionTable>()
  const ids = new Map<string, number>()

  async function idOf(direction: Direction): Promise<number | undefined> {
    const known = ids.get(directionKey(direction))
    if (known !== undefined) return known
    const row = await db
      .selectFrom('replication_direction')
      .select('id')
      .where('group_name', '=', direction.group)
      .where('source', '=', direction.source)
      .where('target', '=', direction.target)
      .executeTakeFirst()
    if (row) ids.set(directionKey(direction), row.id)
    return row?.id
  }

  async function makeId(direction: Direction): Promise<number> {
    const known = await idOf(direction)
    if (known !== undefined) return known
    await sql`insert into replication_direction (group_name, source, target)
      values (${direction.group}, ${direction.source}, ${direction.target})
      on conflict do nothing`.execute(db)
    return makeId(direction)
  }

  return { idOf, makeId }
}
