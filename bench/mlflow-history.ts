import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench, BenchContext, Figure } from './bench.ts'
import { holdfast } from './mlflow/holdfast.ts'
import { peer } from './mlflow/peer.ts'
import { benchPython, script } from './mlflow/python.ts'
import { startMlflow } from './mlflow/server.ts'
import type { Way, Work } from './mlflow/ways.ts'

const shapes = {
  wide: { runs: 5000, metrics: 20, points: 50, artifacts: 0, artifactBytes: 0 },
  long: { runs: 200, metrics: 10, points: 10_000, artifacts: 0, artifactBytes: 0 },
  artifacts: { runs: 1000, metrics: 0, points: 0, artifacts: 20, artifactBytes: 100_000 },
} as const
type ShapeName = keyof typeof shapes
const experiments = 10

interface Comparison {
  readonly lossless: boolean
  readonly [key: string]: unknown
}
interface Result extends Work {
  readonly requests: number
  readonly serverCpuSeconds: { readonly source: number; readonly target: number }
  readonly comparison: Comparison
}

/**
 * Run history between two self-hosted MLflow servers, the same source and a fresh target each time,
 * compared afterwards by MLflow's own client and by the databases. Variables narrow it:
 * HOLDFAST_BENCH_SCALE (of the number of runs), HOLDFAST_BENCH_SHAPES (wide,long,artifacts),
 * HOLDFAST_BENCH_RTT_MS (how far away the servers seem to be; default 0 and 60),
 * HOLDFAST_BENCH_WAYS (holdfast,threads,defaults), HOLDFAST_BENCH_PYTHON (one that has MLflow).
 */
export const mlflowHistory: Bench = {
  name: 'mlflow-history',
  what: 'run history between two MLflow servers, beside mlflow-export-import (needs Python 3)',
  async run(context) {
    const python = await benchPython(context.note)
    const figures: Figure[] = []
    for (const shape of list('SHAPES', 'wide,long,artifacts') as ShapeName[]) {
      const source = await fill(context, python, shape)
      for (const rttMs of list('RTT_MS', '0,60').map(Number))
        figures.push(...(await benchShape(context, python, shape, source, rttMs)))
      rmSync(source, { recursive: true, force: true })
    }
    return figures
  },
}

function list(name: string, standard: string): string[] {
  return (process.env[`HOLDFAST_BENCH_${name}`] ?? standard).split(',')
}

/** A server's folder with the shape in it, written straight into its database. */
async function fill({ dir, full, note }: BenchContext, python: string, shape: ShapeName) {
  const scale = Number(process.env.HOLDFAST_BENCH_SCALE ?? (full ? 1 : 0.02))
  const runs = Math.max(experiments, Math.round(shapes[shape].runs * scale))
  note(`${shape}: filling a server with ${runs} runs`)
  const wanted = { ...shapes[shape], experiments, runs }
  return makeFolder(python, join(dir, `source-${shape}`), wanted)
}

async function makeFolder(python: string, folder: string, shape: object): Promise<string> {
  mkdirSync(folder)
  await script(python, 'fill.py', [
    ...[join(folder, 'mlflow.db'), join(folder, 'artifacts')],
    JSON.stringify(shape),
  ])
  return folder
}

async function benchShape(
  context: BenchContext,
  python: string,
  shape: ShapeName,
  source: string,
  rttMs: number,
): Promise<Figure[]> {
  const empty = join(context.dir, 'empty')
  await makeFolder(python, empty, { ...shapes[shape], experiments: 0, runs: 0 })
  const results = new Map<string, Result>()
  for (const name of list('WAYS', 'holdfast,threads,defaults')) {
    const target = join(context.dir, 'target')
    cpSync(empty, target, { recursive: true })
    const way = name === 'holdfast' ? holdfast : peer(python, name === 'threads')
    const result = await benchWay(python, way, source, target, rttMs)
    results.set(name, result)
    context.note(JSON.stringify({ shape, rttMs, way: name, ...result }))
    rmSync(target, { recursive: true, force: true })
  }
  rmSync(empty, { recursive: true, force: true })
  return figuresOf(`${shape}, ${rttMs} ms away`, results)
}

async function benchWay(
  python: string,
  way: Way,
  sourceFolder: string,
  targetFolder: string,
  rttMs: number,
): Promise<Result> {
  const source = await startMlflow(python, sourceFolder, rttMs)
  const target = await startMlflow(python, targetFolder, rttMs)
  try {
    const work = await way(source, target, targetFolder)
    const requests = source.requests() + target.requests()
    const cpu = { source: source.cpuSeconds(), target: target.cpuSeconds() }
    const comparison = await script<Comparison>(python, 'compare.py', [
      ...[source.directUrl, source.database, target.directUrl, target.database],
      ...[source.artifacts, target.artifacts],
    ])
    return { requests, ...work, serverCpuSeconds: cpu, comparison }
  } finally {
    await Promise.all([source.stop(), target.stop()])
  }
}

function figuresOf(where: string, results: ReadonlyMap<string, Result>): Figure[] {
  const ours = results.get('holdfast')
  if (ours === undefined) return []
  const lossless = ours.comparison.lossless ? 1 : 0
  const others = ['defaults', 'threads'].flatMap((name): Figure[] => {
    const theirs = results.get(name)
    if (theirs === undefined) return []
    const beside = { what: `mlflow-export-import, ${name}`, value: theirs.seconds }
    return [
      { what: `${where}: Holdfast`, value: ours.seconds, unit: 's', beside },
      { what: `${where}: times ${name}`, value: theirs.seconds / ours.seconds, unit: 'x' },
    ]
  })
  return [...others, { what: `${where}: lossless`, value: lossless, unit: 'x', atLeast: 1 }]
}
