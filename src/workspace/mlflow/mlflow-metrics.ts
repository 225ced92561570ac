import { HoldfastError } from '../../model/errors.ts'
import type { JsonObject } from '../../model/json.ts'
import type { MetricValue, Page, PageOptions, Run, Workspace, WriteOptions } from '../workspace.ts'
import type { MlflowHttp } from './mlflow-http.ts'
import type { MlflowRuns } from './mlflow-runs.ts'
import { array, object, seriesOf, text } from './run-document.ts'
import { StandingValues } from './standing-values.ts'

/** The most that one answer of the bulk read holds; beyond it the answer is cut without a word. */
const valuesPerRead = 25_000
export const scalarSchema = 'azureml.v1.scalar'

type RunValues = Awaited<ReturnType<Workspace['readMetricsOf']>>['items'][number]

/** Where a read of many runs stands: which series, from which of its runs, and where inside that run. */
interface SeriesWalk {
  readonly key: number
  readonly run: number
  readonly inner?: string
}

export class MlflowMetrics {
  readonly #http: MlflowHttp
  readonly #runs: MlflowRuns
  readonly #standing = new StandingValues((runId, key) => this.#seriesPages(runId, key))
  /** The bulk read belongs to the server's web interface; behind some proxies it is missing. */
  #hasBulk = true

  constructor(http: MlflowHttp, runs: MlflowRuns) {
    this.#http = http
    this.#runs = runs
  }

  async read(runId: string, options: PageOptions = {}): Promise<Page<MetricValue>> {
    const run = await this.#runs.get(runId, options)
    if (run === undefined) return { items: [] }
    const page = await this.readOf([run], options)
    const items = page.items.flatMap((part) => part.values)
    return { items, ...(page.cursor === undefined ? {} : { cursor: page.cursor }) }
  }

  /** One series of all the runs that have it per page. */
  async readOf(runs: readonly Run[], options: PageOptions = {}): Promise<Page<RunValues>> {
    const holders = holdersOf(runs)
    const keys = [...holders.keys()].sort()
    const at: SeriesWalk =
      options.cursor === undefined ? { key: 0, run: 0 } : (JSON.parse(options.cursor) as SeriesWalk)
    const key = keys[at.key]
    if (key === undefined) return { items: [] }
    const ids = (holders.get(key) ?? []).slice(at.run)
    const { items, next } =
      this.#hasBulk && at.inner === undefined
        ? await this.#bulk(key, ids, at, options)
        : await this.#single(key, ids, at, options)
    const isDone = next === undefined && at.key + 1 >= keys.length
    return {
      items,
      ...(isDone ? {} : { cursor: JSON.stringify(next ?? { key: at.key + 1, run: 0 }) }),
    }
  }

  async write(runId: string, values: readonly MetricValue[], options: WriteOptions): Promise<void> {
    // A run that was made a moment ago holds nothing yet.
    const isFresh = this.#runs.isFresh(runId)
    const missing = isFresh ? values : await this.#standing.missing(runId, values)
    if (missing.length === 0) return
    try {
      await this.#log(runId, missing, options)
    } catch (error) {
      this.#standing.forget()
      throw error
    }
  }

  async #log(runId: string, values: readonly MetricValue[], options: WriteOptions): Promise<void> {
    const body = { run_id: runId, metrics: values.map(toMetric) }
    await this.#runs.whileActive(
      runId,
      async () => {
        await this.#http.json({
          method: 'POST',
          path: '/api/2.0/mlflow/runs/log-batch',
          body,
          place: `metrics of run/${runId}`,
          signal: options.signal,
          effect: 'repeatable',
        })
      },
      options,
    )
  }

  async *#seriesPages(runId: string, key: string): AsyncGenerator<readonly MetricValue[]> {
    for (let inner: string | undefined = ''; inner !== undefined; ) {
      const page: { items: RunValues[]; next?: SeriesWalk } = await this.#single(
        key,
        [runId],
        { key: 0, run: 0, inner },
        {},
      )
      yield page.items.flatMap((part) => part.values)
      inner = page.next?.inner
    }
  }

  async #bulk(
    key: string,
    runIds: readonly string[],
    at: SeriesWalk,
    options: PageOptions,
  ): Promise<{ items: RunValues[]; next?: SeriesWalk }> {
    const query = new URLSearchParams({ metric_key: key, max_results: String(valuesPerRead) })
    for (const runId of runIds) query.append('run_id', runId)
    const body = await this.#http
      .json({
        method: 'GET',
        path: `/ajax-api/2.0/mlflow/metrics/get-history-bulk?${query}`,
        place: `metric ${key}`,
        signal: options.signal,
        effect: 'none',
      })
      .catch((error: unknown) => {
        if (!(error instanceof HoldfastError) || error.code !== 'object.not-found') throw error
        this.#hasBulk = false
        return undefined
      })
    if (body === undefined) return this.#single(key, runIds, at, options)
    const rows = array(body.metrics)
    const items = byRun(rows)
    if (rows.length < valuesPerRead) return { items }
    // Cut: the last run of the answer may have more, and everything behind it is missing.
    const last = items.pop()
    const done = runIds.indexOf(last?.runId ?? '')
    return {
      items,
      next: { key: at.key, run: at.run + done, ...(items.length > 0 ? {} : { inner: '' }) },
    }
  }

  async #single(
    key: string,
    runIds: readonly string[],
    at: SeriesWalk,
    options: PageOptions,
  ): Promise<{ items: RunValues[]; next?: SeriesWalk }> {
    const [runId] = runIds
    if (runId === undefined) return { items: [] }
    const query = new URLSearchParams({
      metric_key: key,
      run_id: runId,
      max_results: String(valuesPerRead),
    })
    if (at.inner) query.set('page_token', at.inner)
    const body = await this.#http.json({
      method: 'GET',
      path: `/api/2.0/mlflow/metrics/get-history?${query}`,
      place: `metric ${key} of run/${runId}`,
      signal: options.signal,
      effect: 'none',
    })
    const values = array(body?.metrics).map((row) => toValue(object(row)))
    const inner = text(body?.next_page_token)
    const items = [{ runId, values }]
    if (inner !== '') return { items, next: { ...at, inner } }
    return runIds.length > 1 ? { items, next: { key: at.key, run: at.run + 1 } } : { items }
  }
}

/** The runs that have each series, in the order in which the bulk read answers them. */
function holdersOf(runs: readonly Run[]): Map<string, string[]> {
  const holders = new Map<string, string[]>()
  const sorted = [...runs].sort((a, b) => (a.runId < b.runId ? -1 : 1))
  for (const run of sorted) {
    for (const key of seriesOf(run)) {
      const ids = holders.get(key)
      if (ids === undefined) holders.set(key, [run.runId])
      else ids.push(run.runId)
    }
  }
  return holders
}

function byRun(rows: readonly unknown[]): RunValues[] {
  const parts: { runId: string; values: MetricValue[] }[] = []
  let part: { runId: string; values: MetricValue[] } | undefined
  for (const one of rows) {
    const row = one as JsonObject
    const runId = text(row.run_id)
    if (part?.runId !== runId) {
      part = { runId, values: [] }
      parts.push(part)
    }
    part.values.push(toValue(row))
  }
  return parts
}

function toValue(row: JsonObject): MetricValue {
  const name = text(row.key)
  const step = Number(row.step ?? 0)
  const timestamp = Number(row.timestamp ?? 0)
  if (!Number.isSafeInteger(step) || Math.abs(timestamp) > 8.64e15) {
    // Rounded on both sides it would look equal and be wrong (I4).
    throw new HoldfastError(
      'metric.number-too-large',
      `the metric '${name}' has step ${String(row.step)} at ${String(row.timestamp)}, which cannot be copied exactly`,
    )
  }
  return {
    name,
    schema: scalarSchema,
    metricId: '',
    createdUtc: isoTime(timestamp),
    step,
    // Protobuf leaves out what is zero.
    data: { [name]: row.value ?? 0 },
  }
}

/** Most values of a page fall into the second of the one before. */
let cached = { second: Number.NaN, prefix: '' }

function isoTime(ms: number): string {
  const second = Math.floor(ms / 1000)
  if (second !== cached.second)
    cached = { second, prefix: new Date(second * 1000).toISOString().slice(0, -4) }
  return `${cached.prefix}${String(ms - second * 1000).padStart(3, '0')}Z`
}

function toMetric(value: MetricValue): JsonObject {
  return {
    key: value.name,
    value: value.data[value.name] ?? 0,
    timestamp: Date.parse(value.createdUtc),
    step: value.step ?? 0,
  }
}
