import { type Database, sqlMigration } from '../../store/database.ts'
import type { PendingSignIn } from './identity-provider.ts'
import { digestOf, newSecret } from './secrets.ts'

interface Begun extends PendingSignIn {
  /** Own address to go to afterwards. */
  readonly to: string
}

/** Sign-ins that left for the identity provider. Each comes back once. */
export interface PendingSignIns {
  /** The value of the cookie that the same browser has to come back with. */
  put(begun: Begun): Promise<string>
  /** Takes it out, so that a second answer with the same state finds nothing. */
  take(cookie: string): Promise<Begun | undefined>
}

export const pendingLimitMs = 10 * 60_000

export const pendingSignInMigrations = [
  sqlMigration(
    'pending-sign-in-1',
    `create table pending_sign_in (
      digest text primary key, begun jsonb not null, begun_at timestamptz not null)`,
  ),
]

export function pendingSignIns(
  database: Pick<Database, 'kysely'>,
  clock: () => Date,
): PendingSignIns {
  const db = database.kysely.withTables<{
    pending_sign_in: { digest: string; begun: Begun; begun_at: string }
  }>()
  const limit = () => new Date(clock().getTime() - pendingLimitMs).toISOString()
  return {
    put: async (begun) => {
      await db.deleteFrom('pending_sign_in').where('begun_at', '<', limit()).execute()
      const cookie = newSecret()
      await db
        .insertInto('pending_sign_in')
        .values({ digest: digestOf(cookie), begun, begun_at: clock().toISOString() })
        .execute()
      return cookie
    },
    take: async (cookie) => {
      const row = await db
        .deleteFrom('pending_sign_in')
        .where('digest', '=', digestOf(cookie))
        .returning(['begun', 'begun_at'])
        .executeTakeFirst()
      return row !== undefined && row.begun_at > limit() ? row.begun : undefined
    },
  }
}
