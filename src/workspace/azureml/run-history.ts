import { writableRun } from '../../model/canonical.ts'
import { HoldfastError, isCode } from '../../model/errors.ts'
import { isObject } from '../../model/field-path.ts'
import type { Json, JsonObject } from '../../model/json.ts'
import { readCursor } from '../pages.ts'
import { lookBeforeWriting } from '../run-version.ts'
import type {
  CallOptions,
  Experiment,
  ListRunsOptions,
  MetricValue,
  Page,
  PageOptions,
  PutRunsOptions,
  Run,
  RunName,
  WriteOptions,
} from '../workspace.ts'
import type { HttpClient } from './http-client.ts'
import { text } from './json-reads.ts'

/** Run history v1.0 and metrics v2.0 of one workspace (facts, section 3; design D5). */
export class RunHistory {
  readonly #http: HttpClient
  readonly #history: string
  readonly #metric: string
  readonly #experimentNames = new Map<string, Promise<string>>()

  /** `apiOrigin`: base of the data plane; `workspaceId`: ARM id. */
  constructor(http: HttpClient, apiOrigin: string, workspaceId: string) {
    this.#http = http
    this.#history = `${apiOrigin}/history/v1.0${workspaceId}`
    this.#metric = `${apiOrigin}/metric/v2.0${workspaceId}`
  }

  async experiments(options: PageOptions = {}): Promise<Page<Experiment>> {
    const body = await this.#post(
      `${this.#history}/experiments:query`,
      { viewType: 'All', top: options.pageSize ?? 100, ...continued(options) },
      'experiments',
      options,
    )
    return page(body, (document) => toExperiment(document))
  }

  async putExperiment(experiment: Experiment, options: WriteOptions): Promise<void> {
    const place = `experiment/${experiment.name}`
    const url = `${this.#history}/experiments/${encodeURIComponent(experiment.name)}`
    await this.#http.send({
      method: 'POST',
      url,
      body: {},
      place,
      signal: options.signal,
      accept: [409],
    })
    await this.#http.send({
      method: 'PATCH',
      url,
      body: {
        archive: experiment.archived,
        tags: experiment.tags,
        ...(experiment.description === undefined ? {} : { description: experiment.description }),
      },
      place,
      signal: options.signal,
    })
  }

  /**
   * Run history queries inside one experiment only, so experiments follow one another; the cursor
   * holds those still to read.
   */
  async runs(options: ListRunsOptions = {}): Promise<Page<Run>> {
    const state: RunWalk =
      options.cursor === undefined
        ? startOf(options)
        : readCursor<RunWalk>(options.cursor, ['experiments'])
    const [current, ...rest] = state.experiments
    if (current === undefined) {
      const found = await this.experiments({
        ...(options.signal ? { signal: options.signal } : {}),
        ...(state.more ? { cursor: state.more } : {}),
      })
      return runsWalked([], { experiments: found.items.map((one) => one.name), more: found.cursor })
    }
    const body = await this.#post(
      `${this.#history}/experiments/${encodeURIComponent(current)}/runs:query`,
      {
        orderBy: 'lastModifiedUtc asc',
        top: options.pageSize ?? 500,
        ...(options.modifiedSince === undefined
          ? {}
          : { filter: `lastModifiedUtc ge ${options.modifiedSince}` }),
        ...(state.inner === undefined ? {} : { continuationToken: state.inner }),
      },
      `runs of experiment ${current}`,
      options,
    ).catch((error: unknown) => {
      if (options.experiment !== undefined && isCode(error, 'object.not-found')) return {}
      throw error
    })
    const documents = page(body, (document) => document)
    const runs = documents.items.map((document) => toRun(document, current))
    return runsWalked(
      runs,
      documents.cursor === undefined
        ? { experiments: rest, more: state.more }
        : { ...state, inner: documents.cursor },
    )
  }

  async run(runId: string, options: CallOptions = {}): Promise<Run | undefined> {
    const answer = await this.#http.send({
      method: 'GET',
      url: `${this.#history}/runs/${encodeURIComponent(runId)}`,
      place: `run/${runId}`,
      signal: options.signal,
      accept: [404],
    })
    if (answer.status === 404 || !isObject(answer.body)) return undefined
    return toRun(answer.body, await this.#experimentName(text(answer.body.experimentId), options))
  }

  /** One request for all of them, whatever their experiments. */
  async runsById(runs: readonly RunName[], options: CallOptions = {}): Promise<readonly Run[]> {
    const requests = runs.map(({ runId }) => [runId, { runId, selectRunMetadata: true }])
    const body = await this.#post(
      `${this.#history}/batchrundata`,
      { requests: Object.fromEntries(requests) },
      'runs',
      options,
    )
    const [found, failed] = [entriesOf(body.successfulResults), entriesOf(body.failedResults)]
    const answered = new Map([...found, ...failed])
    // Absence is an answer; what failed otherwise, or was left out, says why when it is asked alone.
    const alone = runs.filter(({ runId }) => !(found.has(runId) || isAbsence(answered.get(runId))))
    const documents = [...found.values()].flatMap((one) =>
      isObject(one.runMetadata) ? [one.runMetadata] : [],
    )
    return Promise.all([
      ...documents.map(async (document) =>
        toRun(document, await this.#experimentName(text(document.experimentId), options)),
      ),
      ...alone.map(({ runId }) => this.run(runId, options)),
    ]).then((all) => all.filter((run) => run !== undefined))
  }

  /** Documents of the direct children of a run; none when it is not there. */
  async children(runId: string, options: PageOptions = {}): Promise<Page<JsonObject>> {
    const query = new URLSearchParams({ $top: String(options.pageSize ?? 500) })
    if (options.cursor !== undefined) query.set('$continuationToken', options.cursor)
    const answer = await this.#http.send({
      method: 'GET',
      url: `${this.#history}/runs/${encodeURIComponent(runId)}/children?${query}`,
      place: `children of run/${runId}`,
      signal: options.signal,
      accept: [404],
    })
    if (answer.status === 404 || !isObject(answer.body)) return { items: [] }
    return page(answer.body, (document) => document)
  }

  async putRuns(
    experimentName: string,
    runs: readonly Run[],
    options: PutRunsOptions,
  ): Promise<readonly string[]> {
    await lookBeforeWriting(runs, options, (names, call) => this.runsById(names, call))
    const answer = await this.#http.send({
      method: 'PATCH',
      url: `${this.#history}/experiments/${encodeURIComponent(experimentName)}/batch/runs`,
      body: {
        runs: runs.map((run) => ({
          ...writableRun(run.body),
          runId: run.runId,
          status: run.status,
        })),
      },
      place: `runs of experiment ${experimentName}`,
      signal: options.signal,
    })
    const errors =
      isObject(answer.body) && isObject(answer.body.errors)
        ? Object.entries(answer.body.errors)
        : []
    const [first] = errors
    if (first !== undefined) {
      throw new HoldfastError(
        'run.refused',
        `${errors.length} of ${runs.length} runs were refused: ${errorText(first[1])}`,
        { place: `run/${first[0]}` },
      )
    }
    return runs.map((run) => run.runId)
  }

  /**
   * The service reads one series at a time. The cursor holds the series still to read, so that a page
   * is one request and a run with many series needs no memory for them.
   */
  async metrics(runId: string, options: PageOptions = {}): Promise<Page<MetricValue>> {
    const state: MetricWalk =
      options.cursor === undefined
        ? { series: [], more: '' }
        : readCursor<MetricWalk>(options.cursor, ['series'])
    const [current, ...rest] = state.series
    if (current === undefined) return this.#series(runId, state.more ?? '', options)
    const body = await this.#post(
      `${this.#metric}/runs/${encodeURIComponent(runId)}/full`,
      {
        metricName: current.name,
        ...(current.namespace === '' ? {} : { metricNamespace: current.namespace }),
        ...(state.inner === undefined ? {} : { continuationToken: state.inner }),
      },
      `metrics of run/${runId}`,
      options,
    )
    const values = (Array.isArray(body.value) ? body.value : [])
      .filter(isObject)
      .map((value) => toMetricValue(runId, current, value))
    const inner = typeof body.continuationToken === 'string' ? body.continuationToken : undefined
    return walked(
      values,
      inner === undefined ? { series: rest, more: state.more } : { ...state, inner },
    )
  }

  async writeMetrics(
    runId: string,
    values: readonly MetricValue[],
    options: WriteOptions,
  ): Promise<void> {
    const bySeries = new Map<string, MetricValue[]>()
    for (const value of values) {
      const key = `${value.schema}\n${value.name}`
      const series = bySeries.get(key)
      if (series) series.push(value)
      else bySeries.set(key, [value])
    }
    const answer = await this.#http.send({
      method: 'POST',
      url: `${this.#metric}/runs/${encodeURIComponent(runId)}/batch`,
      body: {
        values: [...bySeries.values()].map((series) => ({
          name: series[0]?.name,
          columns: columnsOf(series),
          properties: { uxMetricType: series[0]?.schema },
          value: series.map(({ metricId, createdUtc, step, data }) => ({
            metricId,
            createdUtc,
            ...(step === undefined ? {} : { step }),
            data,
          })),
        })),
        reportErrors: true,
      },
      place: `metrics of run/${runId}`,
      signal: options.signal,
    })
    const errors =
      isObject(answer.body) && Array.isArray(answer.body.errors) ? answer.body.errors : []
    if (errors.length > 0) {
      throw new HoldfastError(
        'metric.refused',
        `${errors.length} metrics were refused: ${errorText(errors[0])}`,
        { place: `run/${runId}` },
      )
    }
  }

  async #series(runId: string, token: string, options: CallOptions): Promise<Page<MetricValue>> {
    const body = await this.#post(
      `${this.#metric}/runs/${encodeURIComponent(runId)}/list`,
      token === '' ? {} : { continuationToken: token },
      `metrics of run/${runId}`,
      options,
    )
    const series = (Array.isArray(body.value) ? body.value : [])
      .filter(isObject)
      .map((definition) => toSeries(definition))
    const more = typeof body.continuationToken === 'string' ? body.continuationToken : undefined
    return walked([], { series, more })
  }

  /** Runs name their experiment by id, and ids differ between workspaces: names travel. */
  #experimentName(experimentId: string, options: CallOptions): Promise<string> {
    const known = this.#experimentNames.get(experimentId)
    if (known) return known
    const asked = this.#http
      .send({
        method: 'GET',
        url: `${this.#history}/experimentids/${encodeURIComponent(experimentId)}`,
        place: `experiment ${experimentId}`,
        signal: options.signal,
      })
      .then((answer) => (isObject(answer.body) ? text(answer.body.name) : ''))
    this.#experimentNames.set(experimentId, asked)
    asked.catch(() => this.#experimentNames.delete(experimentId))
    return asked
  }

  async #post(url: string, body: object, place: string, options: CallOptions): Promise<JsonObject> {
    const answer = await this.#http.send({
      method: 'POST',
      url,
      body,
      place,
      signal: options.signal,
    })
    return isObject(answer.body) ? answer.body : {}
  }
}

interface RunWalk {
  readonly experiments: readonly string[]
  /** Token of the next page of experiments; '' before the first, undefined after the last. */
  readonly more: string | undefined
  /** Token inside the first experiment. */
  readonly inner?: string
}

function startOf({ experiment }: ListRunsOptions): RunWalk {
  return experiment === undefined
    ? { experiments: [], more: '' }
    : { experiments: [experiment], more: undefined }
}

function runsWalked(items: readonly Run[], next: RunWalk): Page<Run> {
  const ended = next.experiments.length === 0 && next.more === undefined
  return ended ? { items } : { items, cursor: JSON.stringify(next) }
}

function toRun(document: JsonObject, experimentName: string): Run {
  return {
    runId: text(document.runId),
    experimentName,
    status: text(document.status),
    body: document,
    modifiedAt: text(document.lastModifiedUtc),
    ...(typeof document.revision === 'number' ? { revision: document.revision } : {}),
  }
}

interface Series {
  readonly name: string
  readonly namespace: string
  readonly schema: string
}

interface MetricWalk {
  readonly series: readonly Series[]
  /** Token of the next page of series; '' before the first, undefined after the last. */
  readonly more: string | undefined
  /** Token inside the first series. */
  readonly inner?: string
}

function walked(items: readonly MetricValue[], next: MetricWalk): Page<MetricValue> {
  return next.series.length === 0 && next.more === undefined
    ? { items }
    : { items, cursor: JSON.stringify(next) }
}

function toSeries(definition: JsonObject): Series {
  const key = isObject(definition.metricKey) ? definition.metricKey : {}
  const properties = isObject(definition.properties) ? definition.properties : {}
  return {
    name: text(key.name) || text(key.metricName),
    namespace: text(key.namespace),
    schema: text(properties.uxMetricType) || 'azureml.v1.scalar',
  }
}

function toMetricValue(runId: string, series: Series, value: JsonObject): MetricValue {
  const step = value.step === undefined || value.step === null ? undefined : Number(value.step)
  if (step !== undefined && !Number.isSafeInteger(step)) {
    // Rounded on both sides it would look equal and be wrong (I4).
    throw new HoldfastError(
      'metric.step-too-large',
      `the metric '${series.name}' has step ${String(value.step)}, beyond 2^53`,
      { place: `run/${runId}` },
    )
  }
  return {
    name: series.name,
    schema: series.schema,
    metricId: text(value.metricId),
    createdUtc: text(value.createdUtc),
    data: isObject(value.data) ? value.data : {},
    ...(step === undefined ? {} : { step }),
  }
}

function columnsOf(series: readonly MetricValue[]): JsonObject {
  const columns: Record<string, Json> = {}
  for (const { data } of series) {
    for (const [column, value] of Object.entries(data))
      columns[column] ??=
        typeof value === 'string' && !/^(NaN|-?Infinity)$/.test(value)
          ? 'String'
          : typeof value === 'boolean'
            ? 'Boolean'
            : typeof value === 'object'
              ? 'Object'
              : 'Double'
  }
  return columns
}

function toExperiment(document: JsonObject): Experiment {
  const tags = isObject(document.tags) ? document.tags : {}
  return {
    name: text(document.name),
    experimentId: text(document.experimentId),
    archived: document.archivedTime !== null && document.archivedTime !== undefined,
    tags: Object.fromEntries(Object.entries(tags).map(([key, value]) => [key, String(value)])),
    ...(typeof document.description === 'string' && document.description !== ''
      ? { description: document.description }
      : {}),
  }
}

function page<T>(body: JsonObject, convert: (document: JsonObject) => T): Page<T> {
  const items = (Array.isArray(body.value) ? body.value : []).filter(isObject).map(convert)
  return {
    items,
    ...(typeof body.continuationToken === 'string' && body.continuationToken !== ''
      ? { cursor: body.continuationToken }
      : {}),
  }
}

function entriesOf(value: Json | undefined): Map<string, JsonObject> {
  const entries = isObject(value) ? Object.entries(value) : []
  return new Map(entries.flatMap(([key, one]) => (isObject(one) ? [[key, one] as const] : [])))
}

const isAbsence = (failure: JsonObject | undefined): boolean => failure?.statusCode === 404

function continued(options: PageOptions): { continuationToken?: string } {
  return options.cursor === undefined ? {} : { continuationToken: options.cursor }
}

function errorText(error: Json | undefined): string {
  return JSON.stringify(error ?? '').slice(0, 300)
}
