import { canonicalJson } from '../../model/canonical.ts'
import type { Json, JsonObject } from '../../model/json.ts'
import type { WriteOptions } from '../workspace.ts'
import type { MlflowHttp } from './mlflow-http.ts'
import type { MlflowRuns } from './mlflow-runs.ts'
import { present } from './object-origin.ts'
import { array, object, text } from './run-document.ts'

/**
 * Metrics of logged models. They are logged through runs that hold the same values already, so writing
 * them once more adds nothing to the series of the run.
 */
export class ModelMetrics {
  readonly #http: MlflowHttp
  readonly #runs: MlflowRuns

  constructor(http: MlflowHttp, runs: MlflowRuns) {
    this.#http = http
    this.#runs = runs
  }

  async write(
    modelId: string,
    wanted: readonly Json[],
    there: readonly Json[],
    options: WriteOptions,
  ): Promise<void> {
    const standing = new Set(there.map((one) => canonicalJson(one)))
    const missing = wanted.map(object).filter((one) => !standing.has(canonicalJson(one)))
    for (const runId of new Set(missing.map((one) => text(one.runId)))) {
      const metrics = missing.filter((one) => one.runId === runId)
      const logged = await Promise.all(
        metrics.map((one) => this.#toMetric(one, runId, modelId, options)),
      )
      await this.#log(runId, logged, options)
    }
  }

  async #toMetric(
    metric: JsonObject,
    runId: string,
    modelId: string,
    options: WriteOptions,
  ): Promise<JsonObject> {
    const { key = '', timestamp = 0, step = 0 } = metric
    const value =
      metric.value === 0 && (await this.#isNaN(metric, runId, options))
        ? 'NaN'
        : (metric.value ?? 0)
    return {
      ...{ key, value, timestamp, step, model_id: modelId },
      ...present({
        dataset_name: text(metric.datasetName),
        dataset_digest: text(metric.datasetDigest),
      }),
    }
  }

  /** The server shows NaN of a model as 0; logged as 0 it would be a new value of the run. */
  async #isNaN(
    { key, timestamp, step }: JsonObject,
    runId: string,
    options: WriteOptions,
  ): Promise<boolean> {
    const query = new URLSearchParams({ run_id: runId, metric_key: text(key) })
    const body = await this.#http.json({
      method: 'GET',
      path: `/api/2.0/mlflow/metrics/get-history?${query}`,
      place: `metric ${text(key)} of run/${runId}`,
      signal: options.signal,
      effect: 'none',
    })
    const same = array(body?.metrics)
      .map(object)
      .filter((one) => Number(one.timestamp ?? 0) === timestamp && Number(one.step ?? 0) === step)
    return same.some((one) => one.value === 'NaN') && !same.some((one) => (one.value ?? 0) === 0)
  }

  #log(runId: string, metrics: readonly JsonObject[], options: WriteOptions): Promise<void> {
    return this.#runs.whileActive(
      runId,
      async () => {
        await this.#http.json({
          method: 'POST',
          path: '/api/2.0/mlflow/runs/log-batch',
          body: { run_id: runId, metrics },
          place: `metrics of run/${runId}`,
          signal: options.signal,
          effect: 'repeatable',
        })
      },
      options,
    )
  }
}
