import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Database, migrate, openDatabase } from '../store/database.ts'
import { memoryBatchBoard } from './memory-batch-board.ts'
import { batchBoardMigrations, postgresBatchBoard } from './postgres-batch-board.ts'
import { blobsNamed, describeBatchBoardContract, termsOf } from './testing/batch-board-contract.ts'

const stateDir = mkdtempSync(join(tmpdir(), 'holdfast-board-'))
let database: Database
beforeAll(async () => {
  database = await openDatabase({ stateDir })
  await migrate(database, batchBoardMigrations)
})
afterAll(async () => {
  await database.close()
  rmSync(stateDir, { recursive: true, force: true })
})

/** Nobody is silent for so long by chance; who has to be is made so. */
const rhythm = { beatMs: 1000, ttlMs: 3_600_000, pollMs: 10 }
const boardOf = (coordinator?: string) =>
  postgresBatchBoard(database, { rhythm, ...(coordinator === undefined ? {} : { coordinator }) })

const memory = memoryBatchBoard()
describeBatchBoardContract('memory', () => memory)
describeBatchBoardContract('postgres', () => boardOf())

describe('a board of several processes', () => {
  const silence = (holder: string) =>
    sql`update replication_batch set beat_at = beat_at - interval '1 day'
      where holder = ${holder}`.execute(database.kysely)

  it('gives what a silent one holds to the next, and tells the silent one when it comes back', async () => {
    const board = boardOf()
    const pass = await board.open(termsOf(randomUUID()))
    await board.put(pass, 1, blobsNamed('a'))
    const first = await board.claim('dead', pass)
    if (first === undefined) throw new Error('nothing to claim')
    expect(await board.claim('live', pass)).toBeUndefined()
    await silence('dead')
    expect(await board.claim('live', pass)).toMatchObject({ number: 1, attempt: 2, by: 'live' })
    const { standing } = await board.beat('dead', { worker: { host: 'h', pid: 1 } })
    expect(standing).toEqual(new Set())
    expect(await board.settle(first, { late: [] })).toBe(false)
  })

  it('gives nothing of a pass whose own process is silent', async () => {
    const board = boardOf()
    const pass = await board.open(termsOf(randomUUID()))
    await board.put(pass, 1, blobsNamed('a'))
    const silent = sql`update replication_pass set beat_at = beat_at - interval '1 day'
      where id = ${pass}`
    await silent.execute(database.kysely)
    expect(await board.claim('live', pass)).toBeUndefined()
    expect(await board.terms(pass)).toBeUndefined()
    await board.beat('who', { coordinates: pass })
    expect(await board.claim('live', pass)).toBeDefined()
  })

  it('opens the next pass of one coordinator only when nobody works for its last one', async () => {
    const [group, coordinator] = [randomUUID(), randomUUID()]
    const before = await boardOf(coordinator).open(termsOf(group))
    await boardOf(coordinator).put(before, 1, blobsNamed('a'))
    const claim = await boardOf().claim('worker', before)
    if (claim === undefined) throw new Error('nothing to claim')
    let opened = false
    const next = boardOf(coordinator)
      .open(termsOf(group))
      .then((pass) => {
        opened = true
        return pass
      })
    // The worker hears that it is over, and lets go.
    await expect
      .poll(async () => (await boardOf().beat('worker', { coordinates: '' })).standing.size)
      .toBe(0)
    expect(opened).toBe(false)
    await boardOf().release(claim)
    expect(await boardOf().terms(await next)).toBeDefined()
    expect(await boardOf().terms(before)).toBeUndefined()
  })

  it('leaves passes of other coordinators and other groups alone', async () => {
    const group = randomUUID()
    const other = await boardOf().open(termsOf(group))
    const elsewhere = await boardOf('same').open(termsOf(randomUUID()))
    await boardOf('same').open(termsOf(group))
    expect(await boardOf().terms(other)).toBeDefined()
    expect(await boardOf().terms(elsewhere)).toBeDefined()
  })

  it('lists workers that live, with what they hold', async () => {
    const board = boardOf()
    const worker = randomUUID()
    const pass = await board.open(termsOf(randomUUID()))
    await board.put(pass, 1, blobsNamed('a'))
    await board.beat(worker, { worker: { host: 'north', pid: 42 } })
    await board.claim(worker, pass)
    const mine = async () => (await board.workers()).filter(({ id }) => id === worker)
    expect(await mine()).toMatchObject([{ host: 'north', pid: 42, holds: 1 }])
    await board.leave(worker)
    expect(await mine()).toEqual([])
  })
})
