import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench, BenchContext, Figure } from './bench.ts'
import { holdfast } from './mlflow/holdfast.ts'
import {
  type Comparison,
  type MeasurementKey,
  measurements,
  type Result,
} from './mlflow/measurements.ts'
import { peer } from './mlflow/peer.ts'
import { benchPython, script } from './mlflow/python.ts'
import { startMlflow } from './mlflow/server.ts'
import type { Way } from './mlflow/ways.ts'

const shapes = {
  wide: { runs: 5000, metrics: 20, points: 50, artifacts: 0, artifactBytes: 0 },
  long: { runs: 200, metrics: 10, points: 10_000, artifacts: 0, artifactBytes: 0 },
  artifacts: { runs: 1000, metrics: 0, points: 0, artifacts: 20, artifactBytes: 100_000 },
} as const
type ShapeName = keyof typeof shapes
const experiments = 10

/**
 * Run history between two self-hosted MLflow servers, the same source and a fresh target each time,
 * compared afterwards by MLflow's own client and by the databases. Variables narrow it further:
 * HOLDFAST_BENCH_RTT_MS (how far away the servers seem to be; default 0, as `0,60`),
 * HOLDFAST_BENCH_WAYS (holdfast,threads,defaults), HOLDFAST_BENCH_PYTHON (one that has MLflow).
 */
export const mlflowHistory: Bench = {
  name: 'mlflow-history',
  what: 'run history between two MLflow servers, beside mlflow-export-import (needs Python 3)',
  async run(context) {
    const python = await benchPython(context.note)
    const done = measurements(context.resume)
    const figures: Figure[] = []
    for (const shape of chosenShapes(context)) {
      const runs = runsOf(context, shape)
      let source: string | undefined
      for (const rttMs of list('RTT_MS', '0').map(Number)) {
        const results = new Map<string, Result>()
        for (const name of list('WAYS', 'holdfast,threads,defaults')) {
          const key = { shape, runs, rttMs, way: name }
          let result = done.find(key)
          if (result === undefined) {
            source ??= await fill(context, python, shape, runs)
            result = await benchFresh(context, python, shape, source, key).catch(
              peerFailed(context, key),
            )
          }
          if (result === undefined) continue
          done.add(key, result)
          results.set(name, result)
          context.note(JSON.stringify({ ...key, ...result }))
        }
        figures.push(...figuresOf(`${shape}, ${runs} runs, ${rttMs} ms away`, runs, results))
      }
      if (source !== undefined) rmSync(source, { recursive: true, force: true })
    }
    return figures
  },
}

function list(name: string, standard: string): string[] {
  return (process.env[`HOLDFAST_BENCH_${name}`] ?? standard).split(',')
}

function chosenShapes({ shapes: wanted }: BenchContext): readonly ShapeName[] {
  const names = Object.keys(shapes) as ShapeName[]
  const unknown = wanted.filter((name) => !(name in shapes))
  if (unknown.length > 0)
    throw new Error(`There is no shape '${unknown.join("', '")}': ${names.join(', ')}.`)
  return wanted.length === 0 ? names : names.filter((name) => wanted.includes(name))
}

function runsOf({ full, runs }: BenchContext, shape: ShapeName): number {
  return runs ?? Math.max(experiments, Math.round(shapes[shape].runs * (full ? 1 : 0.02)))
}

/** A server's folder with the shape in it, written straight into its database. */
async function fill({ dir, note }: BenchContext, python: string, shape: ShapeName, runs: number) {
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

async function benchFresh(
  context: BenchContext,
  python: string,
  shape: ShapeName,
  source: string,
  { rttMs, way: name }: MeasurementKey,
): Promise<Result> {
  const target = join(context.dir, 'target')
  rmSync(target, { recursive: true, force: true })
  await makeFolder(python, target, { ...shapes[shape], experiments: 0, runs: 0 })
  const way = name === 'holdfast' ? holdfast : peer(python, name === 'threads')
  try {
    return await benchWay(python, way, source, target, rttMs)
  } finally {
    rmSync(target, { recursive: true, force: true })
  }
}

/** A peer that breaks off has no figures, and the others still have theirs. */
function peerFailed({ note }: BenchContext, key: MeasurementKey): (error: unknown) => undefined {
  return (error) => {
    if (key.way === 'holdfast') throw error
    note(`${key.shape}: mlflow-export-import, ${key.way}, failed: ${String(error)}`)
  }
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

function figuresOf(where: string, runs: number, results: ReadonlyMap<string, Result>): Figure[] {
  const ours = results.get('holdfast')
  if (ours === undefined) return []
  const lossless = ours.comparison.lossless ? 1 : 0
  const others = ['defaults', 'threads'].flatMap((name): Figure[] => {
    const theirs = results.get(name)
    if (theirs === undefined) return []
    const what = `mlflow-export-import, ${name}`
    const figure = (of: string, unit: Figure['unit'], amount: (one: Result) => number): Figure => ({
      what: `${where}: ${of}`,
      value: amount(ours),
      unit,
      beside: { what, value: amount(theirs) },
    })
    return [
      figure('time', 's', (one) => one.seconds),
      { what: `${where}: times ${name}`, value: theirs.seconds / ours.seconds, unit: 'x' },
      figure('requests per run', 'x', (one) => one.requests / runs),
      figure('servers, processor', 's', (one) => sum(one.serverCpuSeconds)),
      figure('through disk', 'MB', (one) => one.diskBytes / 1e6),
      figure('metric values equal', 'x', (one) => shareEqual(one.comparison)),
    ]
  })
  return [...others, { what: `${where}: lossless`, value: lossless, unit: 'x', atLeast: 1 }]
}

const sum = ({ source, target }: Result['serverCpuSeconds']): number => source + target

function shareEqual({ points }: Comparison): number {
  return points.source === 0 ? 1 : points.equal / points.source
}
