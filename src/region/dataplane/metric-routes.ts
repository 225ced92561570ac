import type { FastifyInstance } from 'fastify'
import { asText, type Document } from '../arm/document.ts'
import { AzureError } from '../context.ts'
import { type Asked, asked, type DataPlane, requireRun } from './data-plane.ts'
import { microsToMs, requireMicros } from './instant.ts'
import { type MetricRow, presentMetric, presentValue } from './metric-rows.ts'
import { stepToWire, toWire } from './metric-values.ts'
import type { RunRow } from './run-rows.ts'

const pageOfValues = 1000
const pageOfMetrics = 500
const sampleSize = 200

/** Metrics v2.0. */
export function metricRoutes(scope: FastifyInstance, dp: DataPlane): void {
  const { runs, metrics } = dp
  const runOf = ({ ws, params }: Asked) => requireRun(runs, ws, params.runId)
  const shown = (run: RunRow, metric: MetricRow) =>
    presentMetric(metric, asText(run.doc.dataContainerId) ?? `dcid.${run.runId}`)
  function metricOf(run: RunRow, body: Document): MetricRow {
    const name = asText(body.metricName)
    if (!name) throw new AzureError(400, 'ValidationError', "A 'metricName' is needed.")
    const metric = metrics.find(run.run, name, asText(body.metricNamespace) ?? '')
    if (metric) return metric
    throw new AzureError(404, 'UserError', `The run '${run.runId}' has no metric '${name}'.`)
  }

  scope.post('/runs/:runId/batch', async (request, reply) => {
    const ask = asked(dp, request)
    const { values } = ask.body
    if (!Array.isArray(values))
      throw new AzureError(400, 'ValidationError', "The list 'values' is missing.")
    const errors = metrics.post(runOf(ask), values, request.caller)
    return reply.code(errors.length > 0 ? 207 : 200).send({ errors })
  })

  scope.post('/runs/:runId/list', async (request) => {
    const ask = asked(dp, request)
    const run = runOf(ask)
    const after = placeOf(ask.body.continuationToken)
    const namespace = asText(ask.body.metricNamespace)
    const found = metrics.list(run.run, { namespace, after, limit: pageOfMetrics + 1 })
    const page = found.slice(0, pageOfMetrics)
    return {
      value: page.map((metric) => definition(metric, shown(run, metric))),
      continuationToken: found.length > page.length ? tokenOf(page.at(-1)?.metric) : null,
      nextLink: null,
    }
  })

  scope.post('/runs/:runId/full', async (request) => {
    const ask = asked(dp, request)
    const { startTime, endTime, continuationToken } = ask.body
    const run = runOf(ask)
    const metric = metricOf(run, ask.body)
    const { values, nextSeq } = metrics.values(metric, {
      afterSeq: placeOf(continuationToken),
      limit: pageOfValues,
      fromMs: startTime == null ? undefined : microsToMs(requireMicros(startTime, 'startTime')),
      toMs: endTime == null ? undefined : microsToMs(requireMicros(endTime, 'endTime')),
    })
    return {
      ...shown(run, metric),
      value: values.map(presentValue),
      continuationToken: tokenOf(nextSeq),
      nextLink: null,
    }
  })

  scope.post('/runs/:runId/sample', async (request) => {
    const ask = asked(dp, request)
    const run = runOf(ask)
    const metric = metricOf(run, ask.body)
    const values = metrics.sample(metric, sampleSize)
    return {
      ...shown(run, metric),
      derivedLabelValues: {},
      isPartialResult: values.length < metric.count,
      numValuesLogged: metric.count,
      value: values.map(presentValue),
      continuationToken: null,
      nextLink: null,
    }
  })
}

/** A metric without its values, with how many there are and the latest number among them. */
function definition(metric: MetricRow, shown: Document): Document {
  const { name, namespace, last } = metric
  return {
    metricKey: { namespace, name, labels: [], columnNames: Object.keys(metric.columns) },
    columns: shown.columns,
    properties: shown.properties,
    dataContainerId: shown.dataContainerId,
    numValuesLogged: metric.count,
    lastValue: last && {
      value: toWire(last.value),
      createdUtc: new Date(last.createdMs).toISOString(),
      ...(last.step !== undefined && { step: stepToWire(last.step) }),
    },
  }
}

const tokenOf = (place: number | undefined) =>
  place === undefined ? null : Buffer.from(`m${place}`).toString('base64url')

function placeOf(token: unknown): number {
  const text = asText(token)
  if (!text) return 0
  const [, digits] = /^m(\d{1,15})$/.exec(Buffer.from(text, 'base64url').toString('utf8')) ?? []
  if (digits === undefined)
    throw new AzureError(400, 'ValidationError', 'The continuation token is not one of this query.')
  return Number(digits)
}
