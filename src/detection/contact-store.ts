import { sql } from 'kysely'
import { type Database, sqlMigration } from '../store/database.ts'
import type { Contact } from './contact.ts'

export const contactMigrations = [
  sqlMigration(
    'contact-1',
    `create table member_contact (
      "group" text not null, observer text not null, member text not null,
      answered_at timestamptz, silent_since timestamptz, whole boolean not null,
      rounds int not null,
      probed_at timestamptz not null, primary key ("group", observer, member))`,
  ),
]

type ContactTables = {
  member_contact: {
    group: string
    observer: string
    member: string
    answered_at: string | null
    silent_since: string | null
    whole: boolean
    rounds: number
    probed_at: string
  }
}

/** What one place has heard of the members, over the restarts of its processes. */
export interface ContactStore {
  read(): Promise<Readonly<Record<string, Contact>>>
  /** Of a round; an older one of another process changes nothing. */
  write(contacts: Readonly<Record<string, Contact>>): Promise<void>
}

/** An observer is a place: what another one does not reach may answer here. */
export function postgresContactStore(
  database: Pick<Database, 'kysely'>,
  { group, observer }: { readonly group: string; readonly observer: string },
): ContactStore {
  const db = database.kysely.withTables<ContactTables>()
  return {
    read: async () => {
      const rows = await db
        .selectFrom('member_contact')
        .selectAll()
        .where('group', '=', group)
        .where('observer', '=', observer)
        .execute()
      return Object.fromEntries(
        rows.map((row) => [
          row.member,
          {
            ...{ answeredAt: row.answered_at, silentSince: row.silent_since },
            ...{ whole: row.whole, rounds: row.rounds, probedAt: row.probed_at },
          },
        ]),
      )
    },
    write: async (contacts) => {
      const rows = Object.entries(contacts).map(([member, contact]) => ({
        ...{ group, observer, member, whole: contact.whole, rounds: contact.rounds },
        ...{ answered_at: contact.answeredAt, silent_since: contact.silentSince },
        probed_at: contact.probedAt,
      }))
      if (rows.length === 0) return
      await db
        .insertInto('member_contact')
        .values(rows)
        .onConflict((conflict) =>
          conflict
            .columns(['group', 'observer', 'member'])
            .doUpdateSet((set) => ({
              answered_at: set.ref('excluded.answered_at'),
              silent_since: set.ref('excluded.silent_since'),
              whole: set.ref('excluded.whole'),
              rounds: set.ref('excluded.rounds'),
              probed_at: set.ref('excluded.probed_at'),
            }))
            .where(sql<boolean>`member_contact.probed_at < excluded.probed_at`),
        )
        .execute()
    },
  }
}
