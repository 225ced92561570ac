import { execFileSync } from 'node:child_process'
import { appendFileSync, chownSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import {
  choosePostgresLauncher,
  launch,
  loadPostgresPrograms,
} from '../../src/store/postgres-program.ts'
import { nodes } from './network.ts'
import { Station } from './station.ts'

export const databaseUrl = `postgresql://holdfast@${nodes.postgres}:5432/postgres`

/** A PostgreSQL of its own, reached over the network, as several controllers share one. */
export async function preparePostgres(folder: string): Promise<Station> {
  const home = join(folder, 'postgres')
  mkdirSync(home, { recursive: true })
  const programs = await loadPostgresPrograms()
  const launcher = await choosePostgresLauncher(programs, [home])
  if (launcher.uid !== undefined) chownSync(home, launcher.uid, launcher.gid ?? launcher.uid)
  const data = join(home, 'data')
  const init = launch(launcher, programs.initdb, [
    ...['-D', data, '-U', 'holdfast', '--auth=trust', '--encoding=UTF8', '--locale=C'],
  ])
  execFileSync(init.command, init.args, { ...init.identity, stdio: 'ignore' })
  appendFileSync(join(data, 'pg_hba.conf'), 'host all all 10.199.0.0/24 trust\n')
  const server = launch(launcher, programs.postgres, [
    ...['-D', data, '-p', '5432', '-c', `listen_addresses=${nodes.postgres}`],
    ...['-c', `unix_socket_directories=${home}`, '-c', 'shared_buffers=32MB'],
    // A peer that vanished without a word must not keep its locks for two hours.
    ...['-c', 'tcp_keepalives_idle=5', '-c', 'tcp_keepalives_interval=1'],
    ...['-c', 'tcp_keepalives_count=3', '-c', 'tcp_user_timeout=8000'],
  ])
  return new Station({
    ...{ node: 'postgres', folder: home, log: join(folder, 'postgres.log'), env: process.env },
    words: [...asUser(server.identity.uid), server.command, ...server.args],
    ready: untilDatabaseAnswers,
    // Fast shutdown: it does not wait until the last client has gone.
    endSignal: 'SIGINT',
  })
}

/** `ip netns exec` needs root, so the change of user comes after it. */
function asUser(uid: number | undefined): string[] {
  return uid === undefined ? [] : ['setpriv', `--reuid=${uid}`, '--clear-groups', '--']
}

async function untilDatabaseAnswers(): Promise<void> {
  for (;;) {
    const client = new pg.Client({
      connectionString: databaseUrl,
      connectionTimeoutMillis: 1000,
    })
    client.on('error', () => undefined)
    try {
      await client.connect()
      await client.query('select 1')
      return
    } catch {
      await delay(50)
    } finally {
      await client.end().catch(() => undefined)
    }
  }
}
