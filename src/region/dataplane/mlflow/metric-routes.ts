import type { FastifyInstance } from 'fastify'
import type { DataPlane } from '../data-plane.ts'
import type { MetricRow, ValueRow } from '../metric-rows.ts'
import { listOf, mlflowCall, optional, required, wholeNumber } from './input.ts'
import { invalid } from './mlflow-error.ts'
import { requireRun } from './run-routes.ts'
import { metricView } from './run-view.ts'

const batch = 5000

/** Metric histories of the MLflow REST API: every value, in the order they were logged. */
export function mlflowMetricRoutes(scope: FastifyInstance, dp: DataPlane): void {
  const { metrics } = dp

  scope.get('/metrics/get-history', async (request) => {
    const { ws, input } = mlflowCall(dp, request)
    const run = requireRun(dp, ws, input)
    const key = required(input, 'metric_key')
    const metric = metrics.find(run.run, key)
    const size = wholeNumber(input, 'max_results')
    if (metric === undefined) return { metrics: [] }
    // Clients from before paging send no size and expect everything.
    if (size === undefined && !optional(input, 'page_token'))
      return { metrics: everyValue(metric).map((value) => metricView(key, value)) }
    const afterSeq = placeOf(optional(input, 'page_token'))
    const { values, nextSeq } = metrics.values(metric, { afterSeq, limit: size ?? batch })
    return {
      metrics: values.filter(({ isNumber }) => isNumber).map((value) => metricView(key, value)),
      ...(nextSeq !== undefined && { next_page_token: tokenOf(nextSeq) }),
    }
  })

  scope.get('/metrics/get-history-bulk-interval', async (request) => {
    const { ws, input } = mlflowCall(dp, request)
    const key = required(input, 'metric_key')
    const size = wholeNumber(input, 'max_results') ?? 320
    const from = wholeNumber(input, 'start_step') ?? Number.MIN_SAFE_INTEGER
    const to = wholeNumber(input, 'end_step') ?? Number.MAX_SAFE_INTEGER
    const runIds = listOf(input, 'run_ids')
    if (runIds.length === 0 || runIds.length > 100)
      throw invalid('GetMetricHistoryBulkInterval needs 1 to 100 run_ids.')
    return {
      metrics: runIds.flatMap((run_id) => {
        const run = requireRun(dp, ws, { run_id })
        const metric = metrics.find(run.run, key)
        const values = metric === undefined ? [] : everyValue(metric)
        const inside = values.filter(({ step = 0 }) => step >= from && step <= to)
        return spread(inside, size).map((value) => ({ ...metricView(key, value), run_id }))
      }),
    }
  })

  function everyValue(metric: MetricRow): ValueRow[] {
    const values: ValueRow[] = []
    let afterSeq: number | undefined = 0
    while (afterSeq !== undefined) {
      const page = metrics.values(metric, { afterSeq, limit: batch })
      for (const value of page.values) if (value.isNumber) values.push(value)
      afterSeq = page.nextSeq
    }
    return values
  }
}

/** At most `size` values and the last one, evenly spread. */
function spread<T>(values: readonly T[], size: number): T[] {
  const stride = Math.max(1, Math.ceil(values.length / Math.max(1, size)))
  return values.filter((_, i) => i % stride === 0 || i === values.length - 1)
}

const tokenOf = (seq: number) => Buffer.from(`h${seq}`).toString('base64url')
function placeOf(token: string | undefined): number {
  if (token === undefined) return 0
  const [, digits] = /^h(\d{1,15})$/.exec(Buffer.from(token, 'base64url').toString('utf8')) ?? []
  if (digits === undefined) throw invalid('Invalid page token.')
  return Number(digits)
}
