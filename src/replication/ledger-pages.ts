import { type Expression, type ExpressionBuilder, type Kysely, type SqlBool, sql } from 'kysely'
import { type LedgerFilter, type LedgerPage, nameInIds } from './ledger.ts'
import type { LedgerTables } from './postgres-ledger.ts'

type Db = Kysely<LedgerTables>

/**
 * The objects of a page are chosen from the index alone; only their rows are read whole. However far
 * the page lies in the ledger, and however little of it a filter lets through, that is the difference
 * between half a second and half a minute at a million rows.
 */
export async function pageOfRows(db: Db, direction: number, filter: LedgerFilter & LedgerPage) {
  const { after, skip = 0, limit } = filter
  return db
    .with(
      (cte) => cte('page').materialized(),
      () => {
        const chosen = db
          .selectFrom('replication_ledger')
          .select('object')
          .where((row) => lets(row, direction, filter))
        const rest = after === undefined ? chosen : chosen.where('object', '>', after)
        return rest.orderBy('object').offset(skip).limit(limit)
      },
    )
    .selectFrom('page')
    .innerJoin('replication_ledger as row', (join) =>
      join.onRef('row.object', '=', 'page.object').on('row.direction', '=', direction),
    )
    .selectAll('row')
    .orderBy('page.object')
    .execute()
}

export async function countRows(db: Db, direction: number, filter: LedgerFilter): Promise<number> {
  const { count } = await db
    .selectFrom('replication_ledger')
    .select(sql<number>`count(*)`.as('count'))
    .where((row) => lets(row, direction, filter))
    .executeTakeFirstOrThrow()
  return count
}

function lets(
  row: ExpressionBuilder<LedgerTables, 'replication_ledger'>,
  direction: number,
  { kind, state, name }: LedgerFilter,
) {
  const wanted: Expression<SqlBool>[] = [row('direction', '=', direction)]
  // The kind is what an id begins with, and the index is ordered by ids; `0` comes after `/`.
  if (kind !== undefined)
    wanted.push(row('object', '>=', `${kind}/`), row('object', '<', `${kind}0`))
  if (state !== undefined)
    wanted.push(sql<SqlBool>`state = any(${sql.val([state].flat())}::text[])`)
  if (name !== undefined)
    wanted.push(
      sql<SqlBool>`position(${nameInIds(name)} in replace(lower(object), '%2f', '/')) > 0`,
    )
  return row.and(wanted)
}
