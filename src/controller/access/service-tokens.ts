import type { CreateToken, ServiceToken } from '../../api/access-contract.ts'
import type { Caller } from '../../api/roles.ts'
import { HoldfastError } from '../../model/errors.ts'
import { type Database, sqlMigration } from '../../store/database.ts'
import { digestOf, newSecret } from './secrets.ts'

/** Tokens of machines: for one group each, until they expire or are revoked. */
export interface ServiceTokens {
  /** The text is in this answer and nowhere else. Throws `token.name-taken` (operator). */
  create(
    group: string,
    token: CreateToken,
    by: string,
  ): Promise<{ readonly token: string; readonly entry: ServiceToken }>
  /** Those that are over included, newest first. */
  list(group: string): Promise<readonly ServiceToken[]>
  /** Throws `token.not-found`. */
  revoke(group: string, name: string, by: string): Promise<ServiceToken>
  /** Undefined: no such token. Throws `request.token-over` when it has expired or was revoked. */
  callerOf(text: string): Promise<Caller | undefined>
}

export const serviceTokenMigrations = [
  sqlMigration(
    'service-token-1',
    `create table service_token (
      "group" text not null, name text not null, role text not null, digest text not null unique,
      created_by text not null, created_at timestamptz not null, expires_at timestamptz not null,
      revoked_by text, revoked_at timestamptz, primary key ("group", name))`,
  ),
]

type Row = {
  group: string
  name: string
  role: ServiceToken['role']
  digest: string
  created_by: string
  created_at: string
  expires_at: string
  revoked_by: string | null
  revoked_at: string | null
}

/** So that a scanner of repositories and logs knows one when it sees it. */
const prefix = 'hft_'

export function serviceTokens(
  database: Pick<Database, 'kysely'>,
  clock: () => Date,
): ServiceTokens {
  const db = database.kysely.withTables<{ service_token: Row }>()
  return {
    create: async (group, { name, role, expiresInMs }, by) => {
      const token = `${prefix}${newSecret()}`
      const row = await db
        .insertInto('service_token')
        .values({
          ...{ group, name, role, digest: digestOf(token), created_by: by },
          created_at: clock().toISOString(),
          expires_at: new Date(clock().getTime() + expiresInMs).toISOString(),
          ...{ revoked_by: null, revoked_at: null },
        })
        .onConflict((conflict) => conflict.doNothing())
        .returningAll()
        .executeTakeFirst()
      if (row === undefined) throw nameTaken(name)
      return { token, entry: shown(row) }
    },
    list: async (group) => {
      const rows = await db
        .selectFrom('service_token')
        .selectAll()
        .where('group', '=', group)
        .orderBy('created_at', 'desc')
        .execute()
      return rows.map(shown)
    },
    revoke: async (group, name, by) => {
      const row = await db
        .updateTable('service_token')
        .set((eb) => ({
          // The first revocation stands: it says since when nobody could use it.
          revoked_at: eb.fn.coalesce('revoked_at', eb.val(clock().toISOString())),
          revoked_by: eb.fn.coalesce('revoked_by', eb.val(by)),
        }))
        .where('group', '=', group)
        .where('name', '=', name)
        .returningAll()
        .executeTakeFirst()
      if (row === undefined) {
        throw new HoldfastError('token.not-found', `There is no token '${name}' of ${group}.`, {
          kind: 'operator',
          hint: 'List them: holdfast token list',
        })
      }
      return shown(row)
    },
    callerOf: async (text) => {
      if (!text.startsWith(prefix)) return undefined
      const row = await db
        .selectFrom('service_token')
        .selectAll()
        .where('digest', '=', digestOf(text))
        .executeTakeFirst()
      if (row === undefined) return undefined
      refuseOver(row, clock())
      const { group, name, role } = row
      return { id: `token:${group}/${name}`, name, via: 'service-token', roles: { [group]: role } }
    },
  }
}

function shown(row: Row): ServiceToken {
  return {
    ...{ name: row.name, group: row.group, role: row.role },
    ...{ createdBy: row.created_by, createdAt: row.created_at, expiresAt: row.expires_at },
    ...{ revokedBy: row.revoked_by, revokedAt: row.revoked_at },
  }
}

function refuseOver(row: Row, now: Date): void {
  const revoked = row.revoked_at !== null
  if (!revoked && Date.parse(row.expires_at) > now.getTime()) return
  throw new HoldfastError(
    'request.token-over',
    revoked ? `The token '${row.name}' was revoked.` : `The token '${row.name}' has expired.`,
    {
      kind: 'operator',
      hint: `An admin makes a new one: holdfast token create --name NAME --role ${row.role}`,
    },
  )
}

function nameTaken(name: string): HoldfastError {
  return new HoldfastError('token.name-taken', `There was a token '${name}' before.`, {
    kind: 'operator',
    hint: 'Choose another name: old ones are kept, so that it stays clear who did what.',
  })
}
