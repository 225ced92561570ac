import type { FastifyInstance } from 'fastify'
import type { Document } from '../../arm/document.ts'
import type { DataPlane } from '../data-plane.ts'
import type { MetricRow, ValueRow } from '../metric-rows.ts'
import { lacking, listOf, mlflowCall, optional, required, wholeNumber } from './input.ts'
import { invalid } from './mlflow-error.ts'
import { requireRun } from './run-routes.ts'
import { metricView } from './run-view.ts'

const batch = 5000
/** Runs that one request may ask for. */
const largestBulk = 100

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

  /** The histories of several runs, one after the other. */
  const ofRuns = (ws: number, key: string, runIds: readonly string[]) =>
    runIds.map((run_id) => {
      const metric = metrics.find(requireRun(dp, ws, { run_id }).run, key)
      return { run_id, values: metric === undefined ? [] : everyValue(metric) }
    })
  const views = (key: string, run_id: string, values: readonly ValueRow[]) =>
    values.map((value) => ({ ...metricView(key, value), run_id }))

  scope.get('/metrics/get-history-bulk', async (request) => {
    const { ws, input } = mlflowCall(dp, request)
    const runIds = listOf(input, 'run_id')
    const key = optional(input, 'metric_key')
    if (runIds.length === 0)
      throw invalid('GetMetricHistoryBulk request must specify at least one run_id.')
    if (runIds.length > largestBulk)
      throw invalid(`GetMetricHistoryBulk request cannot specify more than ${largestBulk} run_ids.`)
    if (key === undefined) throw invalid('GetMetricHistoryBulk request must specify a metric_key.')
    const size = wholeNumber(input, 'max_results') ?? 25_000
    const found = ofRuns(ws, key, runIds.toSorted())
    return {
      metrics: found.flatMap(({ run_id, values }) => views(key, run_id, values)).slice(0, size),
    }
  })

  scope.get('/metrics/get-history-bulk-interval', async (request) => {
    const { ws, input } = mlflowCall(dp, request)
    const runIds = listOf(input, 'run_ids')
    if (runIds.length === 0) throw lacking('run_ids')
    if (runIds.length > largestBulk)
      throw invalid(
        `GetMetricHistoryBulkInterval request must specify at most ${largestBulk} run_ids.`,
      )
    const key = required(input, 'metric_key')
    const size = wholeNumber(input, 'max_results') ?? 320
    if (size < 1 || size > 2500) throw invalid('max_results must be between 1 and 2500.')
    const { from, to } = interval(input)
    const inside = ofRuns(ws, key, runIds).map(({ run_id, values }) => ({
      run_id,
      values: values
        .filter((one) => stepNumber(one) >= from && stepNumber(one) <= to)
        .toSorted((a, b) => stepNumber(a) - stepNumber(b) || a.createdMs - b.createdMs),
    }))
    const shown = spreadSteps(
      inside.map(({ values }) => values.map(stepNumber)),
      size,
    )
    return {
      metrics: inside.flatMap(({ run_id, values }) =>
        views(
          key,
          run_id,
          values.filter((one) => shown.has(stepNumber(one))),
        ),
      ),
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

function interval(input: Document): { readonly from: number; readonly to: number } {
  const from = wholeNumber(input, 'start_step')
  const to = wholeNumber(input, 'end_step')
  if ((from === undefined) !== (to === undefined))
    throw invalid('If either start step or end step are specified, both must be specified.')
  if (from !== undefined && to !== undefined && from > to)
    throw invalid(
      `end_step must be greater than start_step. Found start_step=${from}, end_step=${to}.`,
    )
  return { from: from ?? Number.MIN_SAFE_INTEGER, to: to ?? Number.MAX_SAFE_INTEGER }
}

const stepNumber = ({ step }: ValueRow): number => Number(step ?? 0)

/** About `size` of the steps of all runs, evenly spread, and the last step of each run. */
function spreadSteps(runs: ReadonlyArray<readonly number[]>, size: number): Set<number> {
  const all = [...new Set(runs.flat())].toSorted((a, b) => a - b)
  const stride = Math.max(1, Math.floor(all.length / size))
  const last = runs.flatMap((steps) => steps.slice(-1))
  return new Set([...all.filter((_, i) => i % stride === 0), ...last])
}

const tokenOf = (seq: number) => Buffer.from(`h${seq}`).toString('base64url')
function placeOf(token: string | undefined): number {
  if (token === undefined) return 0
  const [, digits] = /^h(\d{1,15})$/.exec(Buffer.from(token, 'base64url').toString('utf8')) ?? []
  if (digits === undefined) throw invalid('Invalid page token.')
  return Number(digits)
}
