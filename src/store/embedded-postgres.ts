import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { HoldfastError } from '../model/errors.ts'
import {
  choosePostgresLauncher,
  type Launcher,
  launch,
  loadPostgresPrograms,
  type PostgresPrograms,
} from './postgres-program.ts'
import { findPostmaster, type Postmaster } from './postmaster.ts'

/**
 * A real PostgreSQL inside the state directory (design D3):
 *
 *   <stateDir>/postgres/data     the cluster
 *                      /socket   its Unix socket (elsewhere when the path would be too long)
 *                      /log      what the server says
 *
 * It listens on the Unix socket only and asks for no password: the folder is 0700.
 * Whoever starts it must hold the state directory's lock (`lockStateDirectory`).
 */
export interface EmbeddedPostgres {
  /** For `pg` and DBOS alike. */
  readonly url: string
  readonly pid: number
  /** True: it was already running, left by a controller that was killed. */
  readonly attached: boolean
  /** Ends sessions, writes everything down and waits until the server is gone. */
  stop(): Promise<void>
}

const startLimitMs = 30_000
const pollMs = 20
const user = 'holdfast'

/** Attaches to the running server, else starts it, else creates the cluster and starts it. */
export async function startEmbeddedPostgres(
  stateDir: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<EmbeddedPostgres> {
  const home = join(resolve(stateDir), 'postgres')
  const data = join(home, 'data')
  mkdirSync(home, { recursive: true, mode: 0o700 })
  const running = await attach(home, data, options.signal)
  const server = running ?? (await start(home, data, options.signal))
  return {
    url: postgresUrl(server.socketFolder),
    pid: server.pid,
    attached: running !== undefined,
    stop: async () => {
      await stopEmbeddedPostgres(stateDir)
    },
  }
}

/** Stops the server of this state directory, whoever started it. False: none was running. */
export async function stopEmbeddedPostgres(stateDir: string): Promise<boolean> {
  const home = join(resolve(stateDir), 'postgres')
  const data = join(home, 'data')
  const running = findPostmaster(data)
  if (running === undefined) return false
  signalProcess(running.pid, 'SIGINT') // pg_ctl stop -m fast
  const limit = Date.now() + startLimitMs
  while (findPostmaster(data) !== undefined) {
    if (Date.now() > limit) throw failed(home, 'did not stop in time')
    await delay(pollMs)
  }
  return true
}

/** Undefined: none runs, or the one found was on its way out. */
async function attach(
  home: string,
  data: string,
  signal?: AbortSignal,
): Promise<Postmaster | undefined> {
  const found = findPostmaster(data)
  if (found === undefined) return undefined
  try {
    await untilReady(home, found, signal)
    return found
  } catch (error) {
    if (findPostmaster(data) === undefined) return undefined
    throw error
  }
}

async function start(home: string, data: string, signal?: AbortSignal): Promise<Postmaster> {
  const programs = await loadPostgresPrograms()
  const sockets = socketFolder(home)
  mkdirSync(sockets, { recursive: true, mode: 0o700 })
  refuseForeignFolder(sockets)
  const launcher = await choosePostgresLauncher(programs, [home, sockets])
  if (!existsSync(join(data, 'PG_VERSION'))) await createCluster(home, data, programs, launcher)

  const limit = Date.now() + startLimitMs
  for (;;) {
    signal?.throwIfAborted()
    const logSize = sizeOf(join(home, 'log'))
    const server = {
      pid: spawnPostgres(home, data, sockets, programs, launcher),
      socketFolder: sockets,
    }
    try {
      await untilReady(home, server, signal)
      return server
    } catch (error) {
      // After a SIGKILL of the server, its children need up to a second to let go of the lock file
      // and the shared memory. Deleting the lock file instead would risk the data.
      const lingering = /lock file .* already exists|pre-existing shared memory block/.test(
        readFileSync(join(home, 'log')).subarray(logSize).toString(),
      )
      if (!lingering || Date.now() > limit) throw error
      await delay(100)
    }
  }
}

/** Into a folder of another name first, so that a kill in the middle leaves no half cluster. */
async function createCluster(
  home: string,
  data: string,
  programs: PostgresPrograms,
  launcher: Launcher,
): Promise<void> {
  const unfinished = join(home, 'data.new')
  rmSync(unfinished, { recursive: true, force: true })
  const { command, args, identity } = launch(launcher, programs.initdb, [
    ...['-D', unfinished, '-U', user, '--auth=trust', '--encoding=UTF8', '--locale=C'],
  ])
  const log = openSync(join(home, 'log'), 'a', 0o600)
  const code = await new Promise<number | null>((resolveCode, reject) => {
    const child = spawn(command, args, {
      ...identity,
      env: quietEnvironment(),
      stdio: ['ignore', log, log],
    })
    child.once('error', reject)
    child.once('exit', resolveCode)
  }).finally(() => closeSync(log))
  if (code !== 0) throw failed(home, `could not create its cluster (exit code ${code})`)
  renameSync(unfinished, data)
}

function spawnPostgres(
  home: string,
  data: string,
  sockets: string,
  programs: PostgresPrograms,
  launcher: Launcher,
): number {
  const settings = {
    listen_addresses: '',
    unix_socket_directories: sockets,
    unix_socket_permissions: '0700',
    shared_buffers: '32MB',
    // Statements carry object names and job specifications; the log is no place for them.
    log_min_error_statement: 'panic',
    log_statement: 'none',
  }
  const { command, args, identity } = launch(launcher, programs.postgres, [
    ...['-D', data, '-p', '5432'],
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ])
  const log = openSync(join(home, 'log'), 'a', 0o600)
  try {
    // A session of its own: Ctrl-C in the terminal reaches the controller, which stops the server
    // after its last write, and not the server first.
    const child = spawn(command, args, {
      ...identity,
      cwd: home,
      env: quietEnvironment(),
      detached: true,
      stdio: ['ignore', log, log],
    })
    child.once('error', () => undefined) // seen as a missing pid below
    child.unref()
    if (child.pid === undefined) throw failed(home, 'could not be started')
    return child.pid
  } finally {
    closeSync(log)
  }
}

async function untilReady(home: string, server: Postmaster, signal?: AbortSignal): Promise<void> {
  const limit = Date.now() + startLimitMs
  for (;;) {
    signal?.throwIfAborted()
    if (await answers(server.socketFolder)) return
    if (!isRunning(server.pid)) throw failed(home, 'ended while starting')
    if (Date.now() > limit) throw failed(home, 'does not answer')
    await delay(pollMs)
  }
}

async function answers(sockets: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: postgresUrl(sockets) })
  client.on('error', () => undefined) // the rejection below says the same
  try {
    await client.connect()
    await client.query('select 1')
    return true
  } catch {
    return false // not yet; the caller gives up by time or when the process is gone
  } finally {
    await client.end().catch(() => undefined)
  }
}

function postgresUrl(sockets: string): string {
  return `postgresql://${user}@localhost:5432/postgres?host=${encodeURIComponent(sockets)}`
}

/** The kernel allows 107 bytes for a socket's path. */
function socketFolder(home: string): string {
  const inside = join(home, 'socket')
  const name = `holdfast-${createHash('sha256').update(home).digest('hex').slice(0, 16)}`
  const candidates = [inside, join(tmpdir(), name), join('/tmp', name)]
  const fitting = candidates.find(
    (folder) => Buffer.byteLength(join(folder, '.s.PGSQL.5432')) <= 103,
  )
  if (fitting !== undefined) return fitting
  throw new HoldfastError('store.path-too-long', 'No folder is short enough for a Unix socket.', {
    kind: 'operator',
    hint: 'Choose a shorter state directory.',
    place: home,
  })
}

/** A folder under the shared temporary one may have been put there by somebody else. */
function refuseForeignFolder(folder: string): void {
  const found = lstatSync(folder)
  const mine = process.getuid?.() === 0 || found.uid === process.getuid?.()
  if (found.isDirectory() && mine && (found.mode & 0o077) === 0) return
  throw new HoldfastError('store.folder-not-private', `${folder} can be used by others.`, {
    kind: 'operator',
    hint: `Remove it, or make it yours alone: chmod 700 ${folder}`,
    place: folder,
  })
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function quietEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LANG: 'C', TZ: 'UTC' }
}

function sizeOf(path: string): number {
  return existsSync(path) ? statSync(path).size : 0
}

function failed(home: string, what: string): HoldfastError {
  const log = join(home, 'log')
  const tail = existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n').slice(-3) : []
  return new HoldfastError(
    'store.postgres-failed',
    `The embedded PostgreSQL ${what}.${tail.length > 0 ? ` It said: ${tail.join(' | ')}` : ''}`,
    { kind: 'operator', hint: `Read ${log}.`, place: home },
  )
}
