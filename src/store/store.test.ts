import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Database, migrate, openDatabase, sqlMigration } from './database.ts'
import { startEmbeddedPostgres, stopEmbeddedPostgres } from './embedded-postgres.ts'
import { findPostmaster } from './postmaster.ts'
import { lockStateDirectory } from './state-lock.ts'

const folders: string[] = []
function stateFolder(name = 's'): string {
  const folder = join(mkdtempSync(join(tmpdir(), 'holdfast-store-')), name)
  folders.push(folder)
  return folder
}
afterAll(async () => {
  for (const folder of folders) {
    await stopEmbeddedPostgres(folder)
    rmSync(dirname(folder), { recursive: true, force: true })
  }
})

describe('embedded PostgreSQL', () => {
  it('keeps acknowledged rows when its server is killed, and starts again', async () => {
    const stateDir = stateFolder()
    const first = await startEmbeddedPostgres(stateDir)
    expect(first.attached).toBe(false)
    const database = await openDatabase({ url: first.url })
    await database.pool.query('create table kept (n int)')
    await database.pool.query('insert into kept values (41)')
    process.kill(first.pid, 'SIGKILL')
    await database.close()

    const second = await startEmbeddedPostgres(stateDir)
    expect(second.attached).toBe(false)
    const again = await openDatabase({ url: second.url })
    expect((await again.pool.query('select n from kept')).rows).toEqual([{ n: 41 }])
    await again.close()
    await second.stop()
    expect(findPostmaster(join(stateDir, 'postgres', 'data'))).toBeUndefined()
  })

  it('is attached to, not started twice, when the controller before was killed', async () => {
    const stateDir = stateFolder()
    const first = await startEmbeddedPostgres(stateDir)
    const second = await startEmbeddedPostgres(stateDir)
    expect(second).toMatchObject({ attached: true, pid: first.pid, url: first.url })
    expect(await stopEmbeddedPostgres(stateDir)).toBe(true)
    expect(await stopEmbeddedPostgres(stateDir)).toBe(false)
  })

  it('finds a shorter folder for its socket when the state directory has a long path', async () => {
    const stateDir = stateFolder('x'.repeat(120))
    const server = await startEmbeddedPostgres(stateDir)
    const sockets = new URL(server.url).searchParams.get('host') ?? ''
    expect(sockets.startsWith(stateDir)).toBe(false)
    await server.stop()
    rmSync(sockets, { recursive: true })
  })
})

describe('state directory', () => {
  it('belongs to one controller, even when that one was killed', async () => {
    const stateDir = stateFolder()
    const script = `import { lockStateDirectory } from ${JSON.stringify(join(import.meta.dirname, 'state-lock.ts'))}
      lockStateDirectory(${JSON.stringify(stateDir)})
      console.log('locked')
      setInterval(() => undefined, 1000)`
    const holder = spawn(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '-e', script],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    await once(holder.stdout, 'data')
    const refused = (): unknown => {
      try {
        return lockStateDirectory(stateDir)
      } catch (error) {
        return error
      }
    }
    expect(refused()).toMatchObject({ code: 'controller.already-running', kind: 'operator' })
    expect(refused()).toMatchObject({ message: expect.stringContaining(String(holder.pid)) })
    expect(refused()).toMatchObject({ hint: expect.not.stringMatching(/\bkill\b/) })
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    const lock = lockStateDirectory(stateDir, 'failover')
    expect(refused()).toMatchObject({
      code: 'controller.already-running',
      message: expect.stringContaining('`holdfast failover`'),
      hint: expect.stringMatching(/^Wait until it ends/),
    })
    lock.release()
    lockStateDirectory(stateDir).release()
  })
})

describe('database', () => {
  let database: Database
  const stateDir = stateFolder()
  beforeAll(async () => {
    database = await openDatabase({ stateDir })
  })
  afterAll(async () => {
    await database.close()
    expect(findPostmaster(join(stateDir, 'postgres', 'data'))).toBeUndefined()
    expect(existsSync(join(stateDir, 'controller.pid'))).toBe(false)
  })

  it('applies each migration once, whoever comes first, and all of a list or none', async () => {
    const one = sqlMigration('test-1', 'create table one (n int)', 'insert into one values (1)')
    const bad = sqlMigration('test-2', 'create table two (n int)', 'select nonsense')
    await Promise.all([1, 2, 3].map(() => migrate(database, [one])))
    expect((await database.pool.query('select n from one')).rows).toEqual([{ n: 1 }])
    const three = sqlMigration('test-3', 'create table three (n int)')
    await expect(migrate(database, [three, bad])).rejects.toThrow('nonsense')
    expect((await database.pool.query(`select to_regclass('three') as t`)).rows).toEqual([
      { t: null },
    ])
  })

  it('gives back bigint as number and time as ISO text', async () => {
    const result = await database.pool.query(
      `select 9007199254740991::bigint as n, '2026-01-02 03:04:05.678+02'::timestamptz as t`,
    )
    expect(result.rows).toEqual([{ n: 9007199254740991, t: '2026-01-02T01:04:05.678Z' }])
  })

  it('survives losing its idle connections', async () => {
    await database.pool.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()',
    )
    expect((await database.pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })

  it('waits for a server that restarts', async () => {
    await stopEmbeddedPostgres(stateDir)
    const waiting = sql<{ one: number }>`select 1 as one`.execute(database.kysely)
    await startEmbeddedPostgres(stateDir)
    expect((await waiting).rows).toEqual([{ one: 1 }])
  }, 60_000)

  it('says so when the given server does not answer', async () => {
    await expect(
      openDatabase({ url: `postgresql://x@localhost/x?host=${stateDir}` }),
    ).rejects.toMatchObject({ code: 'store.unreachable', kind: 'transient' })
  })

  it('says so when what listens there never says a word', async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const url = `postgresql://x@127.0.0.1:${port}/x`
    await expect(openDatabase({ url, answerWithinMs: 200 })).rejects.toMatchObject({
      code: 'store.unreachable',
    })
    silent.close()
  })
})
