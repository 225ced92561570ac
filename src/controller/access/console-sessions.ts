import { type Database, sqlMigration } from '../../store/database.ts'
import type { Claims } from './role-rules.ts'
import { digestOf, newSecret } from './secrets.ts'

/** A browser that somebody signed in. */
export interface ConsoleSession {
  /** `link`: whoever held the keys of the state directory. */
  readonly by: 'link' | 'sign-in'
  readonly id: string
  readonly name: string
  /** What roles are made of, anew with each call: the rules may have changed since. */
  readonly claims: Claims
}

export interface ConsoleSessions {
  /** The value of a new cookie. Never one that the browser had before (fixation). */
  begin(session: ConsoleSession): Promise<string>
  /** `use` keeps it from becoming idle. */
  find(cookie: string, use: boolean): Promise<ConsoleSession | undefined>
  end(cookie: string): Promise<void>
}

/** From sign-in to the next one, however busy it is. */
export const sessionLimitMs = 12 * 3_600_000
/** Without a call. */
export const idleLimitMs = 2 * 3_600_000
/** Uses closer together than this are one. */
const useEveryMs = 60_000

export const consoleSessionMigrations = [
  sqlMigration(
    'console-session-1',
    `create table console_session (
      digest text primary key, session jsonb not null,
      begun_at timestamptz not null, used_at timestamptz not null)`,
  ),
]

type Tables = {
  console_session: { digest: string; session: ConsoleSession; begun_at: string; used_at: string }
}

export function consoleSessions(
  database: Pick<Database, 'kysely'>,
  clock: () => Date,
): ConsoleSessions {
  const db = database.kysely.withTables<Tables>()
  const ago = (ms: number) => new Date(clock().getTime() - ms).toISOString()
  const end = async (cookie: string) => {
    await db.deleteFrom('console_session').where('digest', '=', digestOf(cookie)).execute()
  }
  return {
    begin: async (session) => {
      await db
        .deleteFrom('console_session')
        .where((eb) =>
          eb.or([eb('begun_at', '<', ago(sessionLimitMs)), eb('used_at', '<', ago(idleLimitMs))]),
        )
        .execute()
      const cookie = newSecret()
      const now = clock().toISOString()
      const row = { digest: digestOf(cookie), session, begun_at: now, used_at: now }
      await db.insertInto('console_session').values(row).execute()
      return cookie
    },
    find: async (cookie, use) => {
      const row = await db
        .selectFrom('console_session')
        .select(['session', 'used_at'])
        .where('digest', '=', digestOf(cookie))
        .where('begun_at', '>', ago(sessionLimitMs))
        .where('used_at', '>', ago(idleLimitMs))
        .executeTakeFirst()
      if (use && row !== undefined && row.used_at < ago(useEveryMs)) {
        await db
          .updateTable('console_session')
          .set({ used_at: clock().toISOString() })
          .where('digest', '=', digestOf(cookie))
          .execute()
      }
      return row?.session
    },
    end,
  }
}
