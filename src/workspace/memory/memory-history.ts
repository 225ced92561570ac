import { randomUUID } from 'node:crypto'
import { digestJson } from '../../model/canonical.ts'
import { HoldfastError } from '../../model/errors.ts'
import { isObject } from '../../model/field-path.ts'
import type { Json, JsonObject } from '../../model/json.ts'
import { metricsOf } from '../metrics-of.ts'
import { refuseChangedRuns } from '../run-version.ts'
import type { Experiment, MetricValue, Run, Workspace } from '../workspace.ts'
import {
  begin,
  copyOf,
  type MemoryWorld,
  nextTime,
  notFound,
  ordinal,
  pageOf,
} from './memory-world.ts'

type HistoryOperations = Pick<
  Workspace,
  | 'listExperiments'
  | 'putExperiment'
  | 'listRuns'
  | 'getRun'
  | 'getRuns'
  | 'putRuns'
  | 'readMetrics'
  | 'readMetricsOf'
  | 'writeMetrics'
>

export function memoryHistory(world: MemoryWorld): HistoryOperations {
  const operations: HistoryOperations = {
    async listExperiments(options) {
      await begin(world, options)
      const sorted = [...world.experiments.values()].sort((a, b) => compare(a.name, b.name))
      return pageOf(sorted, (one) => one.name, options)
    },

    async putExperiment(experiment, options) {
      await begin(world, options)
      ensureExperiment(world, experiment.name)
      const experimentId = world.experiments.get(experiment.name)?.experimentId
      world.experiments.set(experiment.name, {
        ...experiment,
        ...(experimentId === undefined ? {} : { experimentId }),
      })
      const { epoch } = options
      world.writes.push({ operation: 'putExperiment', target: experiment.name, epoch })
    },

    async listRuns(options = {}) {
      await begin(world, options)
      const since = Date.parse(options.modifiedSince ?? '1970-01-01T00:00:00Z')
      const position = (run: Run) => `${run.experimentName}\0${run.modifiedAt}\0${run.runId}`
      const runs = [...world.runs.values()]
        .filter((run) => Date.parse(run.modifiedAt) >= since)
        .filter(({ experimentName }) => experimentName === (options.experiment ?? experimentName))
        .sort((a, b) => compare(position(a), position(b)))
      const page = pageOf(runs, position, options)
      return { ...page, items: page.items.map(presentRun) }
    },

    async getRun(runId, options) {
      await begin(world, options)
      const run = world.runs.get(runId)
      return run === undefined ? undefined : presentRun(run)
    },

    async getRuns(runs, options) {
      await begin(world, options)
      return runs.flatMap(({ runId }) => {
        const run = world.runs.get(runId)
        return run === undefined ? [] : [presentRun(run)]
      })
    },

    async putRuns(experimentName, given, options) {
      await begin(world, options)
      if (given.length > 100) throw tooMany('runs', 100)
      ensureExperiment(world, experimentName)
      const runs = given.map((run) => named(world, run))
      refuseChangedRuns(runs, options, world.runs)
      for (const run of runs) checkImmutable(world, run)
      for (const run of runs) mergeRun(world, experimentName, run)
      const { epoch } = options
      for (const run of runs) world.writes.push({ operation: 'putRuns', target: run.runId, epoch })
      return runs.map((run) => run.runId)
    },

    async readMetrics(runId, options) {
      await begin(world, options)
      const values = (world.metrics.get(runId) ?? []).map((value, index) => ({ value, index }))
      const page = pageOf(values, (one) => ordinal(one.index), options)
      return { ...page, items: page.items.map((one) => structuredClone(one.value)) }
    },

    async readMetricsOf(runs, options) {
      return metricsOf(operations.readMetrics, runs, options)
    },

    async writeMetrics(runId, values, options) {
      await begin(world, options)
      if (values.length > 250) throw tooMany('metric values', 250)
      const run = world.runs.get(runId)
      if (run === undefined) throw notFound(world, `run ${runId}`)
      if (addMetrics(world, runId, values)) touch(world, run)
      const { epoch } = options
      world.writes.push({ operation: 'writeMetrics', target: runId, epoch })
    },
  }
  return operations
}

/** A workspace that mints ids names new runs itself, and knows every other. */
function named(world: MemoryWorld, run: Run): Run {
  if (!world.mintsRunIds) return run
  if (run.runId === '') return { ...run, runId: randomUUID().replaceAll('-', '') }
  if (!world.runs.has(run.runId)) throw notFound(world, `run ${run.runId}`)
  return run
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function tooMany(what: string, most: number): HoldfastError {
  return new HoldfastError('workspace.too-many', `At most ${most} ${what} in one call`)
}

function ensureExperiment(world: MemoryWorld, name: string): void {
  if (world.experiments.has(name)) return
  const experiment: Experiment = {
    name,
    experimentId: `${world.name}-experiment-${world.experiments.size + 1}`,
    archived: false,
    tags: {},
  }
  world.experiments.set(name, experiment)
}

/** Properties and parameters may be added to, never changed (run history v1.0). */
function checkImmutable(world: MemoryWorld, run: Run): void {
  const existing = world.runs.get(run.runId)
  if (existing === undefined) return
  for (const field of ['properties', 'parameters'] as const) {
    const before = objectAt(existing.body, field)
    const after = objectAt(run.body, field)
    const changed = Object.keys(before).find(
      (key) =>
        after[key] !== undefined && digestJson(after[key]) !== digestJson(before[key] ?? null),
    )
    if (changed === undefined) continue
    throw new HoldfastError('run.immutable', `${field}.${changed} of run ${run.runId} is set`, {
      place: run.runId,
    })
  }
}

function objectAt(body: JsonObject, field: string): JsonObject {
  const value = body[field]
  return isObject(value) ? value : {}
}

function mergeRun(world: MemoryWorld, experimentName: string, run: Run): void {
  const existing = world.runs.get(run.runId)
  const { revision, lastModifiedUtc, ...old } = existing?.body ?? {}
  const { revision: _r, lastModifiedUtc: _l, ...given } = copyOf(run.body)
  const body: Record<string, Json | undefined> = { ...old }
  for (const [key, value] of Object.entries(given)) {
    const before = body[key]
    body[key] = isObject(value) && isObject(before) ? { ...before, ...value } : value
  }
  body.runId = run.runId
  body.status = run.status
  if (existing !== undefined && digestJson(body) === digestJson(old)) return
  const modifiedAt = nextTime(world)
  const newRevision = (existing?.revision ?? 0) + 1
  world.runs.set(run.runId, {
    runId: run.runId,
    experimentName: existing?.experimentName ?? experimentName,
    status: run.status,
    body: { ...body, revision: newRevision, lastModifiedUtc: modifiedAt },
    revision: newRevision,
    modifiedAt,
    ...origin(existing ?? run),
  })
}

/** Written once, with the run (I10). */
function origin(run: Run): Pick<Run, 'origin'> {
  return run.origin === undefined ? {} : { origin: run.origin }
}

function touch(world: MemoryWorld, run: Run): void {
  const modifiedAt = nextTime(world)
  const revision = (run.revision ?? 0) + 1
  const body = { ...run.body, revision, lastModifiedUtc: modifiedAt }
  world.runs.set(run.runId, { ...run, body, revision, modifiedAt })
}

function addMetrics(world: MemoryWorld, runId: string, values: readonly MetricValue[]): boolean {
  const held = world.metrics.get(runId) ?? []
  const known = new Set(held.map((value) => value.metricId))
  const fresh = values.filter((value) => {
    if (known.has(value.metricId)) return false
    known.add(value.metricId)
    return true
  })
  world.metrics.set(runId, [...held, ...structuredClone(fresh)])
  return fresh.length > 0
}

function presentRun(run: Run): Run {
  return { ...run, body: copyOf(run.body) }
}
