import pLimit from 'p-limit'
import { HoldfastError } from '../../model/errors.ts'
import type { JsonObject } from '../../model/json.ts'
import type {
  CallOptions,
  ListRunsOptions,
  Page,
  Run,
  RunName,
  WriteOptions,
} from '../workspace.ts'
import { walkExperiments } from './experiment-walk.ts'
import type { MlflowExperiments } from './mlflow-experiments.ts'
import type { MlflowHttp } from './mlflow-http.ts'
import {
  array,
  datasetsOf,
  isDeleted,
  object,
  pairs,
  parametersOf,
  tagsOf,
  text,
  toCreate,
  toRun,
  toUpdate,
} from './run-document.ts'

/** MLflow answers up to 50,000 runs a page; a page this long is a few megabytes. */
const runsPerPage = 1000
const itemsPerBatch = 100
/** Runs being put at a time, over all calls. */
const writesAtOnce = 16

export class MlflowRuns {
  readonly #http: MlflowHttp
  readonly #experiments: MlflowExperiments
  readonly #limit = pLimit(writesAtOnce)
  /** Runs made here and not yet forgotten: the newest few thousand. */
  readonly #fresh = new Set<string>()

  constructor(http: MlflowHttp, experiments: MlflowExperiments) {
    this.#http = http
    this.#experiments = experiments
  }

  /**
   * Every run of every experiment, deleted ones included. The service knows no time of change, so
   * `modifiedSince` narrows nothing: `version` tells what changed. Parents started before their children.
   */
  list(options: ListRunsOptions = {}): Promise<Page<Run>> {
    return walkExperiments(
      this.#experiments,
      options,
      (ids, token) =>
        this.#searchBody(
          ids,
          {
            max_results: options.pageSize ?? runsPerPage,
            order_by: ['attributes.start_time ASC'],
            ...(token === undefined ? {} : { page_token: token }),
          },
          options,
        ),
      (body) => this.#toRuns(body, options),
    )
  }

  async get(runId: string, options: CallOptions = {}): Promise<Run | undefined> {
    const body = await this.#http.json({
      method: 'GET',
      path: `/api/2.0/mlflow/runs/get?run_id=${encodeURIComponent(runId)}`,
      place: `run/${runId}`,
      signal: options.signal,
      absent: ['RESOURCE_DOES_NOT_EXIST'],
      effect: 'none',
    })
    if (body === undefined) return undefined
    const document = object(body.run)
    const experimentId = text(object(document.info).experiment_id)
    return toRun(document, await this.#experiments.name(experimentId, options))
  }

  async find(runs: readonly RunName[], options: CallOptions = {}): Promise<Run[]> {
    const names = [...new Set(runs.map((run) => run.experimentName))]
    const ids = await Promise.all(names.map((name) => this.#experiments.id(name, options)))
    const known = ids.filter((id) => id !== undefined)
    if (known.length === 0 || runs.length === 0) return []
    const filter = `attributes.run_id IN (${runs.map(({ runId }) => `'${runId}'`).join(', ')})`
    const body = await this.#searchBody(known, { max_results: runs.length, filter }, options)
    return this.#toRuns(body, options)
  }

  async put(
    experimentName: string,
    runs: readonly Run[],
    options: WriteOptions,
  ): Promise<readonly string[]> {
    const experimentId = await this.#experiments.ensure(experimentName, options)
    const known = runs.flatMap(({ runId }) => (runId === '' ? [] : [{ runId, experimentName }]))
    const standing = await this.find(known, options)
    const byId = new Map(standing.map((run) => [run.runId, run]))
    // All settle before this rejects: nothing may be under way when the caller looks again (I2).
    const results = await Promise.allSettled(
      runs.map((run) =>
        this.#limit(() => this.#putOne(run, byId.get(run.runId), experimentId, options)),
      ),
    )
    return results.map((result) => {
      if (result.status === 'rejected') throw result.reason
      return result.value
    })
  }

  /** True: this process made it and has not updated it since. */
  isFresh(runId: string): boolean {
    return this.#fresh.has(runId)
  }

  #remember(runId: string): void {
    const [oldest] = this.#fresh
    if (this.#fresh.size >= 4096 && oldest !== undefined) this.#fresh.delete(oldest)
    this.#fresh.add(runId)
  }

  /** Writing needs an active run; what was deleted is deleted again afterwards. */
  async whileActive(
    runId: string,
    write: () => Promise<void>,
    options: CallOptions,
  ): Promise<void> {
    try {
      await write()
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.code !== 'object.archived') throw error
      await this.#act('restore', { run_id: runId }, runId, options)
      await write()
      await this.#act('delete', { run_id: runId }, runId, options)
    }
  }

  /** Says of a run that it made a logged model, or read one. */
  link(
    runId: string,
    path: 'log-inputs' | 'outputs',
    model: JsonObject,
    options: CallOptions,
  ): Promise<void> {
    const write = () => this.#act(path, { run_id: runId, models: [model] }, runId, options)
    return this.whileActive(runId, write, options)
  }

  async #putOne(
    run: Run,
    standing: Run | undefined,
    experimentId: string,
    options: WriteOptions,
  ): Promise<string> {
    if (run.runId === '') return this.#create(run, experimentId, options)
    if (standing === undefined) {
      throw new HoldfastError('object.not-found', `there is no run ${run.runId}`, {
        place: `run/${run.runId}`,
      })
    }
    await this.#update(run, standing, options)
    return run.runId
  }

  async #create(run: Run, experimentId: string, options: WriteOptions): Promise<string> {
    const body = await this.#http.json({
      method: 'POST',
      path: '/api/2.0/mlflow/runs/create',
      body: toCreate(run, experimentId),
      place: `experiment/${run.experimentName}`,
      signal: options.signal,
      effect: 'once',
    })
    const info = object(object(body?.run).info)
    const runId = text(info.run_id) || text(info.run_uuid)
    this.#remember(runId)
    await this.#fill(run, runId, parametersOf(run), {}, options)
    await this.#act('update', toUpdate(run, runId), runId, options)
    if (isDeleted(run)) await this.#act('delete', { run_id: runId }, runId, options)
    return runId
  }

  async #update(run: Run, standing: Run, options: WriteOptions): Promise<void> {
    const { runId } = run
    this.#fresh.delete(runId)
    if (isDeleted(standing)) await this.#act('restore', { run_id: runId }, runId, options)
    const wanted = tagsOf(run)
    const there = tagsOf(standing)
    await this.#fill(
      run,
      runId,
      changed(parametersOf(run), parametersOf(standing)),
      changed(wanted, there),
      options,
    )
    for (const key of Object.keys(there))
      if (wanted[key] === undefined)
        await this.#act('delete-tag', { run_id: runId, key }, runId, options)
    await this.#act('update', toUpdate(run, runId), runId, options)
    if (isDeleted(run)) await this.#act('delete', { run_id: runId }, runId, options)
  }

  /** Parameters, tags and datasets, in calls as large as the service takes. */
  async #fill(
    run: Run,
    runId: string,
    parameters: Readonly<Record<string, string>>,
    tags: Readonly<Record<string, string>>,
    options: WriteOptions,
  ): Promise<void> {
    const params = pairs(parameters)
    const labels = pairs(tags)
    for (let from = 0; from < Math.max(params.length, labels.length); from += itemsPerBatch) {
      const to = from + itemsPerBatch
      const batch = { params: params.slice(from, to), tags: labels.slice(from, to) }
      await this.#act('log-batch', { run_id: runId, ...batch }, runId, options)
    }
    const datasets = datasetsOf(run)
    if (datasets.length > 0)
      await this.#act('log-inputs', { run_id: runId, datasets: [...datasets] }, runId, options)
  }

  async #act(action: string, body: JsonObject, runId: string, options: CallOptions): Promise<void> {
    await this.#http.json({
      method: 'POST',
      path: `/api/2.0/mlflow/runs/${action}`,
      body,
      place: `run/${runId}`,
      signal: options.signal,
      effect: 'repeatable',
    })
  }

  async #toRuns(body: JsonObject | undefined, options: CallOptions): Promise<Run[]> {
    const runs: Run[] = []
    for (const document of array(body?.runs).map(object)) {
      const experimentId = text(object(document.info).experiment_id)
      runs.push(toRun(document, await this.#experiments.name(experimentId, options)))
    }
    return runs
  }

  #searchBody(
    experimentIds: readonly string[],
    body: JsonObject,
    options: CallOptions,
  ): Promise<JsonObject | undefined> {
    return this.#http.json({
      method: 'POST',
      path: '/api/2.0/mlflow/runs/search',
      body: { experiment_ids: [...experimentIds], run_view_type: 'ALL', ...body },
      place: 'runs',
      signal: options.signal,
      effect: 'none',
    })
  }
}

function changed(
  wanted: Readonly<Record<string, string>>,
  there: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(Object.entries(wanted).filter(([key, value]) => there[key] !== value))
}
