import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient } from '../../src/api/client.ts'
import { Processes } from '../../src/cli/demo/processes.ts'
import { openRegionAdmin } from '../../src/cli/region-admin.ts'
import { type Database, openDatabase } from '../../src/store/database.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/store/embedded-postgres.ts'
import { collect } from '../../src/workspace/pages.ts'
import type { MetricValue, Run, Workspace } from '../../src/workspace/workspace.ts'
import {
  createProtectedPair,
  entry,
  type ProtectedPair,
  type RegionPair,
  startRegionPair,
} from './protected-pair.ts'
import { differencesOf, writeText } from './sync-world.ts'

const runs = 1000
const blobs = 300

describe('two workers and a controller on one PostgreSQL', () => {
  let folder: string
  let postgres: EmbeddedPostgres
  let database: Database
  let pair: RegionPair
  let made: ProtectedPair
  let processes: Processes

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-workers-'))
    postgres = await startEmbeddedPostgres(join(folder, 'shared'))
    database = await openDatabase({ url: postgres.url })
    pair = await startRegionPair(folder)
    made = await createProtectedPair(pair, 'shared')
    const env = { ...process.env, HOLDFAST_DATABASE_URL: postgres.url }
    processes = new Processes({ folder, logs: folder, entry, env })
    const east = await made.openEast()
    await fill(east).finally(() => east.close())
  }, 240_000)

  afterAll(async () => {
    await processes?.stopAll()
    await made?.stopGateway()
    await pair?.processes.stopAll()
    await database?.close()
    await postgres?.stop()
    rmSync(folder, { recursive: true, force: true })
  }, 120_000)

  const startWorker = async (name: string): Promise<string> =>
    String((await processes.start(name, ['worker', '--exit-with-parent', '--json'])).id)

  const startController = async () => {
    await processes.start('controller', [
      ...['controller', '--plan', made.planFile, '--state', made.stateDir],
      ...['--listen', '127.0.0.1:0', '--sync-every', '1h', '--probe-every', '1s'],
      ...['--exit-with-parent', '--json'],
    ])
    const note = readFileSync(join(made.stateDir, 'controller.json'), 'utf8')
    return createClient(JSON.parse(note) as Parameters<typeof createClient>[0])
  }

  /** Of the run history alone: the pass has come so far, and what is held has effects. */
  const heldBy = async (worker: string): Promise<number> => {
    const { rows } = await sql<{ held: number }>`select count(*) as held from replication_batch
      where holder = ${worker} and result is null and work ->> 'of' = 'runs'`.execute(
      database.kysely,
    )
    return rows[0]?.held ?? 0
  }

  it('one is killed in the middle of a batch: nothing is lost, and nothing repeated that shows (I2, I4)', async () => {
    const [doomed] = [await startWorker('doomed'), await startWorker('other')]
    const admin = await openRegionAdmin(join(folder, 'west'))
    await admin.call('POST', '/faults', { kind: 'slow', latencyMs: 40, scope: 'region' })
    const client = await startController()
    const workers = async () => (await client.status()).groups[0]?.workers
    await expect.poll(workers, { timeout: 30_000 }).toBe(2)
    // A first pass begins by itself; this one follows it or ends it.
    const { id } = await client.start('shared', 'sync')
    await expect.poll(() => heldBy(doomed), { timeout: 120_000, interval: 20 }).toBeGreaterThan(0)
    await processes.kill('doomed')
    await admin.call('DELETE', '/faults')
    await admin.close()
    const outcome = async () => (await client.operation(id)).outcome
    await expect.poll(outcome, { timeout: 180_000 }).not.toBeNull()
    expect(await client.operation(id)).toMatchObject({ outcome: 'complete', error: null })
    await expect.poll(workers, { timeout: 60_000 }).toBe(1)

    const [east, west] = [await made.openEast(), await made.openWest()]
    try {
      expect(await differencesOf(east, west)).toEqual([])
      // The point says that all is there; it is.
      expect((await client.status()).groups[0]).toMatchObject({ protection: 'protected' })
      expect(await collect((page) => west.listRuns(page))).toHaveLength(
        (await collect((page) => east.listRuns(page))).length,
      )
      const before = await versionsOf(west)
      // Another pass that reads everything again finds nothing to write.
      const again = await client.start('shared', 'sync', { full: true })
      const ended = async () => (await client.operation(again.id)).outcome
      await expect.poll(ended, { timeout: 180_000 }).toBe('complete')
      expect(await versionsOf(west)).toEqual(before)
    } finally {
      await east.close()
      await west.close()
    }
  }, 480_000)
})

/** What changes with every write, though the content stays. */
async function versionsOf(side: Workspace): Promise<string[]> {
  const listed = await collect((page) => side.listRuns(page))
  const stored = await collect((page) => side.listBlobs('workspaceblobstore', page))
  return [
    ...listed.map(({ runId, revision, modifiedAt }) => `${runId} ${revision} ${modifiedAt}`),
    ...stored.map(({ name, etag }) => `${name} ${etag}`),
  ].sort()
}

async function fill(east: Workspace): Promise<void> {
  for (let from = 0; from < runs; from += 100) {
    const some = Array.from({ length: 100 }, (_, i) => runOf(from + i))
    await east.putRuns('history', some, { epoch: 1 })
    await Promise.all(
      some.map(({ runId }) => east.writeMetrics(runId, [...seriesOf(runId)], { epoch: 1 })),
    )
  }
  for (let from = 0; from < blobs; from += 50) {
    const some = Array.from({ length: 50 }, (_, i) => from + i)
    await Promise.all(some.map((i) => writeText(east, `shared/${i}`, `content ${i}`)))
  }
}

const runOf = (n: number): Run => ({
  ...{ runId: `shared-${n}`, experimentName: 'history', status: 'Completed', modifiedAt: '' },
  body: { displayName: `run ${n}`, tags: { n: String(n) } },
})

function* seriesOf(runId: string): Generator<MetricValue> {
  for (let step = 0; step < 5; step += 1)
    yield {
      ...{ name: 'loss', schema: 'azureml.v1.scalar', metricId: `${runId}-${step}`, step },
      ...{ createdUtc: new Date(1_760_000_000_000 + step).toISOString() },
      data: { loss: step / 5 },
    }
}
