import { sqlMigration } from '../store/database.ts'

const perState = (rows: string, sign: '' | '-') =>
  `select direction, kind, state, ${sign}1 as count, ${sign}bytes as bytes from ${rows}`

const addUp = (rows: string) => `
  insert into replication_ledger_count (direction, kind, state, count, bytes)
  select direction, kind, state, sum(count), sum(bytes) from (${rows}) as changes
  group by direction, kind, state having sum(count) <> 0 or sum(bytes) <> 0
  order by direction, kind, state
  on conflict (direction, kind, state) do update
    set count = replication_ledger_count.count + excluded.count,
        bytes = replication_ledger_count.bytes + excluded.bytes`

const trigger = (event: string, tables: string, rows: string) => [
  `create function replication_ledger_${event}() returns trigger language plpgsql as $$
   begin ${addUp(rows)}; return null; end $$`,
  `create trigger replication_ledger_${event} after ${event} on replication_ledger
     referencing ${tables} for each statement execute function replication_ledger_${event}()`,
]

/**
 * Every status says how many objects are proven, and status is asked for all the time: counting a
 * million rows anew took half a second of the server each time. The database itself adds up, in the
 * transaction of each write, whoever writes; so the sums are never older than the rows (I8). Sorted,
 * so that two writers take the lines in one order.
 */
export const ledgerCountMigration = sqlMigration(
  'ledger-3',
  `create table replication_ledger_count (
     direction integer not null references replication_direction (id),
     kind text not null, state text not null, count bigint not null, bytes bigint not null,
     primary key (direction, kind, state)) with (fillfactor = 50)`,
  `lock table replication_ledger in share row exclusive mode`,
  addUp(perState('replication_ledger', '')),
  ...trigger('insert', 'new table as written', perState('written', '')),
  ...trigger(
    'update',
    'old table as former new table as written',
    `${perState('written', '')} union all ${perState('former', '-')}`,
  ),
  ...trigger('delete', 'old table as former', perState('former', '-')),
)
