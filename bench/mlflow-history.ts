import { execFile, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { defaultStrategies } from '../src/plan/strategy-of.ts'
import {
  definitionMigrations,
  postgresDefinitions,
} from '../src/replication/postgres-definitions.ts'
import { ledgerMigrations, postgresLedger } from '../src/replication/postgres-ledger.ts'
import { postgresRunLinks, runLinkMigrations } from '../src/replication/postgres-run-links.ts'
import { replicate } from '../src/replication/replicate.ts'
import { migrate, openDatabase } from '../src/store/database.ts'
import { retrying } from '../src/workspace/decorators/retrying.ts'
import { openMlflowWorkspace } from '../src/workspace/mlflow/mlflow-workspace.ts'
import { type BenchServer, startMlflow } from './mlflow/server.ts'

/**
 * Run history between two self-hosted MLflow servers, Holdfast against mlflow-export-import: the same
 * source, a fresh target each time, compared afterwards by MLflow's own client and the databases.
 *
 *   node --import tsx bench/mlflow-history.ts [--scale 0.1] [--shape wide] [--rtt 0] [--ways holdfast,peer]
 */

const { values: flags } = parseArgs({
  options: {
    scale: { type: 'string', default: '1' },
    shape: { type: 'string', multiple: true, default: ['wide', 'long', 'artifacts'] },
    rtt: { type: 'string', default: '0' },
    ways: { type: 'string', default: 'holdfast,threads,default' },
    experiments: { type: 'string', default: '10' },
  },
})

const shapes = {
  wide: { runs: 5000, metrics: 20, points: 50, artifacts: 0, artifactBytes: 0 },
  long: { runs: 200, metrics: 10, points: 10_000, artifacts: 0, artifactBytes: 0 },
  artifacts: { runs: 1000, metrics: 0, points: 0, artifacts: 20, artifactBytes: 100_000 },
} as const
type ShapeName = keyof typeof shapes

interface Result {
  readonly way: string
  readonly seconds: number
  readonly requests: number
  readonly diskBytes: number
  readonly comparison: { readonly lossless: boolean; readonly [key: string]: unknown }
  readonly notes?: Readonly<Record<string, unknown>>
}

const run = promisify(execFile)
const here = import.meta.dirname

/** A Python with MLflow and the peer; made once, from `requirements.txt`. */
async function findPython(): Promise<string> {
  const given = process.env.HOLDFAST_BENCH_PYTHON
  if (given !== undefined) return given
  const folder = resolve(here, '..', 'node_modules', '.cache', 'holdfast-bench-mlflow')
  const python = join(folder, 'bin', 'python')
  if (existsSync(python)) return python
  console.error('Installing MLflow and mlflow-export-import for this bench …')
  await run('python3', ['-m', 'venv', folder])
  await run(python, ['-m', 'pip', 'install', '-q', '-r', join(here, 'mlflow', 'requirements.txt')])
  return python
}

async function benchShape(python: string, name: ShapeName): Promise<void> {
  const scale = Number(flags.scale)
  const shape = { ...shapes[name], experiments: Number(flags.experiments) }
  const scaled = { ...shape, runs: Math.max(shape.experiments, Math.round(shape.runs * scale)) }
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'))
  try {
    const source = join(folder, 'source')
    mkdirSync(source)
    const database = join(source, 'mlflow.db')
    await run(python, [
      ...[join(here, 'mlflow', 'fill.py'), database, join(source, 'artifacts')],
      JSON.stringify(scaled),
    ])
    const empty = join(folder, 'empty')
    mkdirSync(empty)
    const nothing = { ...scaled, runs: 0, experiments: 0 }
    await run(python, [
      ...[join(here, 'mlflow', 'fill.py'), join(empty, 'mlflow.db'), join(empty, 'artifacts')],
      JSON.stringify(nothing),
    ])
    const results: Result[] = []
    for (const way of flags.ways.split(',')) {
      const target = join(folder, `target-${way}`)
      cpSync(empty, target, { recursive: true })
      results.push(await benchWay(python, way, source, target))
      console.log(
        JSON.stringify({ shape: name, scale, rttMs: Number(flags.rtt), ...results.at(-1) }),
      )
    }
    printRatios(name, results)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function benchWay(
  python: string,
  way: string,
  sourceFolder: string,
  targetFolder: string,
): Promise<Result> {
  const rtt = Number(flags.rtt)
  const servers = [
    await startMlflow(python, sourceFolder, rtt),
    await startMlflow(python, targetFolder, rtt),
  ] as const
  const [source, target] = servers
  try {
    const work = way === 'holdfast' ? holdfast : peer(python, way === 'threads')
    const done = await work(source, target, targetFolder)
    const requests = source.requests() + target.requests()
    const { stdout } = await run(python, [
      join(here, 'mlflow', 'compare.py'),
      ...[source.url, source.database, target.url, target.database],
      ...[source.artifacts, target.artifacts],
    ])
    const comparison = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as Result['comparison']
    return { way, requests, ...done, comparison }
  } finally {
    for (const server of servers) await server.stop()
  }
}

type Work = Pick<Result, 'seconds' | 'diskBytes' | 'notes'>

async function holdfast(source: BenchServer, target: BenchServer, folder: string): Promise<Work> {
  const stateDir = join(folder, 'state')
  const database = await openDatabase({ stateDir })
  try {
    await migrate(database, [...ledgerMigrations, ...definitionMigrations, ...runLinkMigrations])
    const open = (name: string, url: string) => retrying(openMlflowWorkspace({ name, url, folder }))
    const east = open('east', source.url)
    const west = open('west', target.url)
    const context = {
      group: 'bench',
      plan: plan(source.url, target.url),
      source: east,
      target: west,
      ledger: postgresLedger(database),
      definitions: postgresDefinitions(database),
      runLinks: postgresRunLinks(database),
      epoch: 1,
      clock: () => new Date(),
    }
    const cpu = process.cpuUsage()
    const started = performance.now()
    const first = await replicate(context)
    const seconds = (performance.now() - started) / 1000
    const used = process.cpuUsage(cpu)
    const requests = source.requests() + target.requests()
    const again = performance.now()
    const second = await replicate(context)
    const secondSeconds = (performance.now() - again) / 1000
    await Promise.all([east.close(), west.close()])
    return {
      seconds,
      diskBytes: 0,
      notes: {
        outcome: first.outcome,
        failed: first.failed,
        error: first.error,
        requests,
        ownCpuSeconds: (used.user + used.system) / 1e6,
        rssMb: Math.round(process.memoryUsage().rss / 2 ** 20),
        secondPass: {
          seconds: secondSeconds,
          outcome: second.outcome,
          created: second.created,
          updated: second.updated,
          requests: source.requests() + target.requests() - requests,
        },
      },
    }
  } finally {
    await database.close()
  }
}

function plan(source: string, target: string) {
  const member = { cloud: 'AzureCloud' }
  return {
    apiVersion: 'holdfast/v1' as const,
    group: 'bench',
    folder: '/',
    objectives: { rtoMs: 1, rpoMs: 1 },
    members: [
      { ...member, name: 'east', workspace: source, role: 'primary' as const },
      { ...member, name: 'west', workspace: target, role: 'secondary' as const },
    ],
    strategies: defaultStrategies,
    map: {},
    endpoints: [],
    jobs: { resubmit: 'none' as const },
    decide: { automatic: false, graceMs: 1, cooldownMs: 1 },
    drill: { everyMs: 1 },
  }
}

function peer(python: string, threads: boolean) {
  return async (source: BenchServer, target: BenchServer, folder: string): Promise<Work> => {
    const output = join(folder, 'export')
    const bin = dirname(python)
    const more = threads ? ['--use-threads', 'True'] : []
    const started = performance.now()
    await command(
      join(bin, 'export-experiments'),
      ['--experiments', 'all', '--output-dir', output, ...more],
      source.url,
    )
    const exported = performance.now()
    await command(join(bin, 'import-experiments'), ['--input-dir', output, ...more], target.url)
    const ended = performance.now()
    // Written once and read once.
    const diskBytes = 2 * (await sizeOf(output))
    return {
      seconds: (ended - started) / 1000,
      diskBytes,
      notes: {
        exportSeconds: (exported - started) / 1000,
        importSeconds: (ended - exported) / 1000,
      },
    }
  }
}

function command(program: string, args: readonly string[], trackingUri: string): Promise<void> {
  return new Promise((done, fail) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, MLFLOW_TRACKING_URI: trackingUri },
    })
    let errors = ''
    child.stderr.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-4000)
    })
    child.once('error', fail)
    child.once('exit', (code) =>
      code === 0 ? done() : fail(new Error(`${program} ended with ${code}: ${errors}`)),
    )
  })
}

async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}

function printRatios(shape: string, results: readonly Result[]): void {
  const ours = results.find((one) => one.way === 'holdfast')
  for (const { way, seconds, requests, comparison } of results) {
    const ratio = ours === undefined ? '' : `${(seconds / ours.seconds).toFixed(1)}x`
    console.error(
      `${shape} ${way}: ${seconds.toFixed(1)} s ${ratio}, ${requests} requests, lossless ${comparison.lossless}`,
    )
  }
}

const python = await findPython()
for (const shape of flags.shape) await benchShape(python, shape as ShapeName)
