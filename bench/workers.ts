import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { openRegionAdmin } from '../src/cli/region-admin.ts'
import { replicate } from '../src/replication/replicate.ts'
import { postgresRecords, recordMigrations } from '../src/runbooks/records.ts'
import { type Database, migrate, openDatabase } from '../src/store/database.ts'
import type { Bench, Figure } from './bench.ts'
import { type BenchRegion, fillInChild, holdfast, openRegion, planOf } from './bench-region.ts'

const wires = [
  { name: 'as fast as this machine', latencyMs: 0 },
  { name: '250 ms away', latencyMs: 250 },
] as const
const mostWorkers = 2

/** The first pass of the same content into an empty workspace, with more and more workers. */
export const workers: Bench = {
  name: 'workers',
  what: 'first pass of run history with 0, 1 and 2 `holdfast worker`s beside it, near and far',
  async run({ full, dir, note }) {
    const size = full
      ? { runs: 10_000, metricsPerRun: 1, assets: 0 }
      : { runs: 1200, metricsPerRun: 1, assets: 0 }
    const east = await openRegion(join(dir, 'east'), 'ws-east', (dataDir, id) => {
      note(`filling with ${size.runs} runs`)
      return fillInChild(dataDir, id, size)
    })
    const database = await openDatabase({ stateDir: join(dir, 'state') })
    await migrate(database, recordMigrations)
    const helpers: ChildProcess[] = []
    const figures: Figure[] = []
    try {
      for (let count = 0; count <= mostWorkers; count += 1) {
        if (count > 0) helpers.push(await startWorker(database.url))
        for (const wire of wires) {
          note(`${count} workers, regions ${wire.name}`)
          const folder = join(dir, `west-${count}-${wire.latencyMs}`)
          const seconds = await firstPass(database, east, folder, wire.latencyMs)
          const what = `${size.runs} runs, regions ${wire.name}, workers: ${count}`
          const alone = figures.find((one) => one.what === `${what.slice(0, -1)}0`)
          figures.push({
            ...{ what, value: seconds, unit: 's' },
            ...(alone === undefined ? {} : { beside: { what: 'without', value: alone.value } }),
          })
        }
      }
      return figures
    } finally {
      await Promise.all(helpers.map(ended))
      await database.close()
      await east.close()
    }
  },
}

async function firstPass(
  database: Database,
  east: BenchRegion,
  folder: string,
  latencyMs: number,
): Promise<number> {
  const west = await openRegion(folder, 'ws-west')
  const away = [await slowed(east, latencyMs), await slowed(west, latencyMs)]
  try {
    const { ledger, definitions, batches } = postgresRecords(database)
    const group = folder
    const plan = { ...planOf(folder, { 'ws-east': east, 'ws-west': west }), group }
    const begin = performance.now()
    const result = await replicate({
      ...{ group, plan, ledger, definitions, epoch: 1, board: batches },
      ...{ source: east.workspace, target: west.workspace, clock: () => new Date() },
    })
    if (result.outcome !== 'complete') throw new Error(`it ended ${JSON.stringify(result)}`)
    return (performance.now() - begin) / 1000
  } finally {
    for (const near of away) await near()
    await west.close()
  }
}

/** Each answer of the region takes so much longer; gives what ends it. */
async function slowed({ dataDir }: BenchRegion, latencyMs: number): Promise<() => Promise<void>> {
  const admin = await openRegionAdmin(dataDir)
  if (latencyMs > 0)
    await admin.call('POST', '/faults', { kind: 'slow', latencyMs, scope: 'region' })
  return async () => {
    await admin.call('DELETE', '/faults')
    await admin.close()
  }
}

async function startWorker(databaseUrl: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [holdfast, 'worker', '--exit-with-parent', '--json'], {
    env: { ...process.env, HOLDFAST_DATABASE_URL: databaseUrl },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  await once(createInterface({ input: child.stdout }), 'line')
  return child
}

async function ended(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  await exit
}
