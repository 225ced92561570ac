import { setTimeout as delay } from 'node:timers/promises'
import { Kysely, PostgresDialect, sql, type Transaction } from 'kysely'
import pg from 'pg'
import { HoldfastError } from '../model/errors.ts'
import { startEmbeddedPostgres } from './embedded-postgres.ts'
import { lockStateDirectory } from './state-lock.ts'

/**
 * The controller's database. Parts narrow `kysely` to their own tables:
 * `database.kysely.withTables<LedgerTables>()`.
 *
 * Values as they come back: `bigint` is a number, `timestamptz` is ISO 8601 UTC text, `jsonb` is parsed.
 */
export interface Database {
  readonly kysely: Kysely<object>
  readonly pool: pg.Pool
  /** For DBOS, which keeps connections of its own. It may hold a password (I9): never print it. */
  readonly url: string
  /** Closes connections; an embedded server is stopped and its state directory unlocked. */
  close(): Promise<void>
}

/** One change of the schema. `name` is `<part>-<number>`; it is recorded, so it is never renamed. */
export interface Migration {
  readonly name: string
  up(transaction: Transaction<object>): Promise<void>
}

export type OpenDatabaseOptions = { readonly signal?: AbortSignal } & (
  | {
      readonly url: string
      /** How long the first answer may take. Default: 30 s. */
      readonly answerWithinMs?: number
    }
  /** `command`: what this process does, for whoever comes second. */
  | { readonly stateDir: string; readonly command?: string }
)

/**
 * Opens the given server, or the embedded one of a state directory, which it locks first.
 * Throws `store.unreachable` (transient), `controller.already-running`, `store.postgres-failed`.
 */
export async function openDatabase(options: OpenDatabaseOptions): Promise<Database> {
  if ('url' in options) {
    const { url, answerWithinMs = firstAnswerMs } = options
    return connect(url, async () => undefined, answerWithinMs)
  }
  const lock = lockStateDirectory(options.stateDir, options.command)
  try {
    const server = await startEmbeddedPostgres(options.stateDir, options)
    const stop = async () => {
      try {
        await server.stop()
      } finally {
        lock.release()
      }
    }
    return await connect(server.url, stop, firstAnswerMs)
  } catch (error) {
    lock.release()
    throw error
  }
}

async function connect(
  url: string,
  afterClose: () => Promise<void>,
  answerWithinMs: number,
): Promise<Database> {
  const pool = new pg.Pool({
    connectionString: url,
    max: 10,
    keepAlive: true,
    // A server that vanished does not answer any more; the system's own two hours would be a hang.
    keepAliveInitialDelayMillis: quietMs,
    types: { getTypeParser: typeParser },
  })
  // A broken idle connection would otherwise end the process. The pool replaces it, and a query
  // that needs the server gets the failure itself.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  try {
    await askOnce(url, answerWithinMs)
  } catch (cause) {
    await pool.end()
    await afterClose()
    throw unreachable(cause)
  }
  const patient = { connect: () => connectPatiently(pool), end: () => pool.end() }
  const kysely = new Kysely<object>({ dialect: new PostgresDialect({ pool: patient }) })
  let closing: Promise<void> | undefined
  return {
    kysely,
    pool,
    url,
    close: () => {
      closing ??= kysely.destroy().finally(afterClose)
      return closing
    },
  }
}

/** How long a connection is quiet before the system asks whether its other end lives, in milliseconds. */
const quietMs = 5000
/** How long a server may take that nobody has reached yet, in milliseconds. */
const firstAnswerMs = 30_000

/** A connection of its own: its limits must not hold for queries that may take their time. */
function askOnce(url: string, limitMs: number): Promise<unknown> {
  const limits = { connectionTimeoutMillis: limitMs, query_timeout: limitMs }
  return withClient({ connectionString: url, ...limits }, (client) => client.query('select 1'))
}

/** A connection for one piece of work, beside the pool. */
export async function withClient<T>(
  config: pg.ClientConfig,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client(config)
  client.on('error', () => undefined) // the query rejects as well
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** How long a server that restarts is waited for, and between two tries, in milliseconds. */
const restartMs = 20_000
const nextTryMs = 200
/** No connection was made, so nothing can have happened: refused, no socket, "starting up". */
const restarting = new Set(['ECONNREFUSED', 'ENOENT', '57P03'])

/**
 * A restart of the server takes a second or two. It must not fail a failover in the middle, for then
 * a human has to ask for the rest.
 */
async function connectPatiently(pool: pg.Pool): Promise<pg.PoolClient> {
  const until = performance.now() + restartMs
  for (;;) {
    try {
      return await pool.connect()
    } catch (cause) {
      if (!restarting.has(String((cause as { code?: unknown }).code))) throw cause
      if (performance.now() > until) throw unreachable(cause)
      await delay(nextTryMs)
    }
  }
}

function unreachable(cause: unknown): HoldfastError {
  return new HoldfastError('store.unreachable', 'The controller database does not answer.', {
    kind: 'transient',
    hint: 'Check HOLDFAST_DATABASE_URL and that its server runs.',
    cause,
  })
}

/** Applies what is missing, in the given order, all or nothing; concurrent callers wait. */
export async function migrate(
  database: Pick<Database, 'kysely'>,
  migrations: readonly Migration[],
): Promise<void> {
  await database.kysely.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(${migrationLock})`.execute(transaction)
    await sql`create table if not exists holdfast_migration (
      name text primary key, at timestamptz not null default now())`.execute(transaction)
    const applied = await sql<{
      name: string
    }>`select name from holdfast_migration`.execute(transaction)
    const names = new Set(applied.rows.map((row) => row.name))
    for (const migration of migrations) {
      if (names.has(migration.name)) continue
      names.add(migration.name)
      await migration.up(transaction)
      await sql`insert into holdfast_migration (name) values (${migration.name})`.execute(
        transaction,
      )
    }
  })
}

/** A migration written as SQL statements. */
export function sqlMigration(name: string, ...statements: readonly string[]): Migration {
  return {
    name,
    up: async (transaction) => {
      for (const statement of statements) await sql.raw(statement).execute(transaction)
    },
  }
}

/** Any constant serves, if nobody else uses it: "HOLD" in ASCII. */
const migrationLock = 0x484f4c44

const typeParser: pg.CustomTypesConfig['getTypeParser'] = (oid, format) => {
  if (oid === pg.types.builtins.INT8) return Number
  if (oid === pg.types.builtins.TIMESTAMPTZ) {
    return (text: string) => new Date(text).toISOString()
  }
  return pg.types.getTypeParser(oid, format)
}
