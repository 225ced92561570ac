import { sql } from 'kysely'
import { type Database, sqlMigration } from '../store/database.ts'
import { type Epoch, type EpochRegister, isSameBeginning, staleEpoch } from './epoch-register.ts'

export const epochMigrations = [
  sqlMigration(
    'epoch-1',
    `create table epoch (
      "group" text not null, epoch integer not null, "primary" text not null, previous text,
      since timestamptz not null, begun_by text, primary key ("group", epoch))`,
  ),
]

type EpochTables = {
  epoch: {
    group: string
    epoch: number
    primary: string
    previous: string | null
    since: string
    begun_by: string | null
  }
}

export function postgresEpochRegister(database: Pick<Database, 'kysely'>): EpochRegister {
  const db = database.kysely.withTables<EpochTables>()
  const toEpoch = (row: EpochTables['epoch']): Epoch => ({
    group: row.group,
    epoch: row.epoch,
    primary: row.primary,
    previous: row.previous,
    since: row.since,
    begunBy: row.begun_by,
  })
  const select = (group: string) => db.selectFrom('epoch').selectAll().where('group', '=', group)
  const current = async (group: string): Promise<Epoch | undefined> => {
    const row = await select(group).orderBy('epoch', 'desc').limit(1).executeTakeFirst()
    return row === undefined ? undefined : toEpoch(row)
  }
  return {
    current,
    history: async (group) => (await select(group).orderBy('epoch').execute()).map(toEpoch),
    establish: async ({ group, primary, at, epoch = 1 }) => {
      // The primary key makes one of two concurrent first rows win only when both say the same
      // epoch; the condition refuses a second first row of another one.
      await sql`insert into epoch ("group", epoch, "primary", since)
        select ${group}, ${epoch}::int, ${primary}, ${at}::timestamptz
        where not exists (select 1 from epoch where "group" = ${group})
        on conflict do nothing`.execute(db)
      const first = await current(group)
      if (first === undefined) throw staleEpoch(group, epoch, undefined)
      return first
    },
    begin: async (group, { from, to, expected, by, at }) => {
      // Compare and set in one statement: the row of the next epoch can exist only once.
      await sql`insert into epoch ("group", epoch, "primary", previous, since, begun_by)
        select "group", epoch + 1, ${to}, "primary", ${at}::timestamptz, ${by}
        from epoch where "group" = ${group} and epoch = ${expected} and "primary" = ${from}
          and not exists (select 1 from epoch later
            where later."group" = ${group} and later.epoch > ${expected})
        on conflict do nothing`.execute(db)
      const now = await current(group)
      if (now !== undefined && isSameBeginning(now, { to, expected, by })) return now
      throw staleEpoch(group, expected, now)
    },
  }
}
