import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { HoldfastError } from '../model/errors.ts'
import { type Database, migrate, openDatabase } from '../store/database.ts'
import { interceptWorkspace, type WorkspaceCall } from '../workspace/decorators/intercept.ts'
import type { MemoryWorkspace } from '../workspace/memory/memory-workspace.ts'
import { collect } from '../workspace/pages.ts'
import type { Run, Workspace } from '../workspace/workspace.ts'
import type { BatchBoard } from './batch-board.ts'
import { BatchExecutor } from './batch-executor.ts'
import { joinPass, type PerformBatch } from './join-pass.ts'
import type { ReplicationContext } from './pass.ts'
import { batchBoardMigrations, postgresBatchBoard } from './postgres-batch-board.ts'
import { replicate } from './replicate.ts'
import { type Content, fill, type Scene, scene } from './testing/worlds.ts'

const stateDir = mkdtempSync(join(tmpdir(), 'holdfast-shared-'))
let database: Database
let board: BatchBoard
let world: Scene

beforeAll(async () => {
  database = await openDatabase({ stateDir })
  await migrate(database, batchBoardMigrations)
})
afterAll(async () => {
  await database.close()
  rmSync(stateDir, { recursive: true, force: true })
})
beforeEach(async () => {
  await sql`delete from replication_pass`.execute(database.kysely)
  await sql`delete from replication_worker`.execute(database.kysely)
  board = postgresBatchBoard(database, {
    rhythm: { beatMs: 20, ttlMs: 3_600_000, pollMs: 5 },
  })
  world = scene({ board })
  await fill(world.east, [...blobs(450), ...runs(450)])
})

const blobs = (count: number): Content[] =>
  Array.from({ length: count }, (_, i) => ({
    ...{ is: 'blob', store: 'workspaceblobstore', name: `b/${i}` },
    ...{ text: `text ${i}`, metadata: { i: String(i) } },
  }))

const runs = (count: number): Content[] =>
  Array.from({ length: count }, (_, i) => ({
    is: 'run',
    run: {
      ...{ runId: `run-${i}`, experimentName: 'e', status: 'Completed', modifiedAt: '' },
      body: { displayName: `run ${i}` },
    },
    values: [],
  }))

/** What a side holds, each thing as often as it is there. */
async function heldBy(side: MemoryWorkspace): Promise<string[]> {
  const listed = await collect((page) => side.listRuns(page))
  const stored = await collect((page) => side.listBlobs('workspaceblobstore', page))
  return [
    ...listed.map(({ runId, body }) => `${runId} ${JSON.stringify(body.displayName)}`),
    ...stored.map(({ name, contentMd5, metadata }) => `${name} ${contentMd5} ${metadata.i}`),
  ].sort()
}

/** Sees each write to the target before it happens. */
function watched(look: (call: WorkspaceCall) => Promise<void> | void): Workspace {
  return interceptWorkspace(world.west, async (call, next) => {
    if (call.writes) await look(call)
    return next()
  })
}

/** A worker as another process runs it; only the process is missing. */
function workerOf(name: string, changes: Partial<ReplicationContext> = {}): BatchExecutor {
  const { onAction: _, board: _board, ...rest } = world.context
  const passes = new Map<string, Promise<PerformBatch>>()
  return new BatchExecutor({
    ...{ board, by: name, as: { worker: { host: name, pid: 1 } }, most: 3 },
    perform: async (claim, lease) => {
      const joined = passes.get(claim.pass) ?? joinPass({ ...rest, ...changes })
      passes.set(claim.pass, joined)
      return (await joined)(claim, lease)
    },
    onFailure: async () => undefined,
  })
}

describe('a pass that workers share', () => {
  it('ends when another process took it for dead and ended it, and waits for nobody (I8)', async () => {
    const target = watched(async ({ operation, signal }) => {
      if (operation !== 'copyBlob' && operation !== 'writeBlob') return
      await sql`update replication_pass set closed = true`.execute(database.kysely)
      // Still under way when the pass hears of it.
      if (!signal?.aborted)
        await new Promise((resolve) => signal?.addEventListener('abort', resolve))
    })
    expect(await replicate({ ...world.context, target })).toMatchObject({
      outcome: 'failed',
      error: { code: 'pass.overtaken' },
    })
    expect(await replicate(world.context)).toMatchObject({ outcome: 'complete' })
  })

  it('is complete and equal, its numbers are those of the whole, and each did a part', async () => {
    const written = new Map<string, number>()
    const counting = (who: string) =>
      watched(({ operation }) => {
        if (operation === 'copyBlob' || operation === 'writeBlob')
          written.set(who, (written.get(who) ?? 0) + 1)
      })
    // The process of the pass waits in its first write until the worker has written.
    let workerWrote: () => void = () => undefined
    const until = new Promise<void>((resolve) => {
      workerWrote = resolve
    })
    const own = counting('pass')
    const target = interceptWorkspace(own, async (call, next) => {
      if (call.operation === 'copyBlob' || call.operation === 'writeBlob') await until
      return next()
    })
    const worker = workerOf('worker', { target: counting('worker') })
    await worker.start()
    const passing = replicate({ ...world.context, target })
    await expect.poll(() => written.get('worker') ?? 0, { timeout: 20_000 }).toBeGreaterThan(0)
    workerWrote()
    const result = await passing
    await worker.stop()
    expect(result).toMatchObject({ outcome: 'complete', created: 901, failed: 0, pending: 0 })
    expect(await heldBy(world.west)).toEqual(await heldBy(world.east))
    expect([...written.values()].reduce((a, b) => a + b)).toBe(450)
    expect(result.replicationPoint).not.toBeNull()
    // Nothing is left of it, and nothing is left to do.
    expect(await replicate(world.context)).toMatchObject({ outcome: 'complete', created: 0 })
    const left = await sql`select from replication_batch`.execute(database.kysely)
    expect(left.rows).toEqual([])
  }, 60_000)

  it('loses nothing with a worker that dies in the middle of a batch, and repeats nothing that shows', async () => {
    const put: string[] = []
    const note = ({ operation, args }: WorkspaceCall) => {
      if (operation === 'putRuns') put.push(...(args[1] as Run[]).map(({ runId }) => runId))
    }
    // It dies when its first write of runs has had its effect: nobody hears of it.
    let writes = 0
    const target = interceptWorkspace(watched(note), async (call, next) => {
      const result = await next()
      if (call.operation === 'putRuns') writes += 1
      return writes > 0 ? new Promise(() => undefined) : result
    })
    const dead = workerOf('dead', { target })
    await dead.start()
    // The process of the pass takes no more than it has in hand until then.
    let died: () => void = () => undefined
    const until = new Promise<void>((resolve) => {
      died = resolve
    })
    const own = interceptWorkspace(watched(note), async (call, next) => {
      if (call.operation === 'putRuns') await until
      return next()
    })
    const passing = replicate({ ...world.context, target: own })
    await expect.poll(() => writes, { timeout: 20_000 }).toBe(1)
    dead.abort(new HoldfastError('test.killed', 'killed'))
    await sql`update replication_batch set beat_at = beat_at - interval '1 day', holder = 'gone'
      where holder = 'dead'`.execute(database.kysely)
    died()
    expect(await passing).toMatchObject({ outcome: 'complete', failed: 0, pending: 0 })
    expect(await heldBy(world.west)).toEqual(await heldBy(world.east))
    // Whoever took over found what was there and wrote nothing again.
    expect(put).toHaveLength(new Set(put).size)
    expect(put).toHaveLength(450)
  }, 60_000)

  it('does not end with a worker that fails: others have its batches', async () => {
    const target = watched(() => {
      throw new HoldfastError('workspace.unreachable', 'not from here', { kind: 'transient' })
    })
    const worker = workerOf('cut off', { target })
    await worker.start()
    expect(await replicate(world.context)).toMatchObject({ outcome: 'complete', failed: 0 })
    await worker.stop()
    expect(await heldBy(world.west)).toEqual(await heldBy(world.east))
  }, 60_000)

  it('is partial while something a worker had is not proven, and the point stays (I4)', async () => {
    const refuse = ({ operation, args }: WorkspaceCall) => {
      const names = JSON.stringify(args.slice(0, 2))
      if (operation === 'copyBlob' && names.includes('"b/7"'))
        throw new HoldfastError('blob.refused', 'not this one')
    }
    const worker = workerOf('worker', { target: watched(refuse) })
    await worker.start()
    const result = await replicate({ ...world.context, target: watched(refuse) })
    await worker.stop()
    expect(result).toMatchObject({ outcome: 'partial', failed: 1, replicationPoint: null })
    expect(await replicate(world.context)).toMatchObject({ outcome: 'complete', created: 1 })
  }, 60_000)

  it('lets go of what it holds when the pass ends early', async () => {
    const stop = new AbortController()
    let begun = 0
    const worker = workerOf('worker', {
      target: watched(async () => {
        begun += 1
      }),
    })
    await worker.start()
    const target = watched(async () => {
      begun += 1
      if (begun > 20) stop.abort(new HoldfastError('test.ended', 'ended', { kind: 'cancelled' }))
    })
    const result = await replicate({ ...world.context, target, signal: stop.signal })
    expect(result.outcome).toBe('cancelled')
    // The next one opens only when nobody works for the first, and completes it.
    expect(await replicate(world.context)).toMatchObject({ outcome: 'complete' })
    await worker.stop()
    expect(await heldBy(world.west)).toEqual(await heldBy(world.east))
  }, 60_000)
})
