import { asRecord, type Document } from '../arm/document.ts'
import { numberOf, type Step, stepOf, stepToWire, toWire } from './metric-values.ts'

/** One metric of one run: a named series of values with one schema. */
export interface MetricRow {
  readonly metric: number
  readonly run: number
  readonly namespace: string
  readonly name: string
  readonly uuid: string
  readonly schema: string
  readonly columns: Document
  readonly scalar: boolean
  readonly count: number
  /** The latest value in MLflow's order; undefined while the metric has no number. */
  readonly last: Point | undefined
}
export interface Point {
  readonly value: number
  readonly step: Step | undefined
  readonly createdMs: number
}
export interface ValueRow extends Point {
  readonly seq: number
  readonly metricId: string
  readonly createdUtc: string
  readonly data: Document
  /** False for a value of a table or vector. */
  readonly isNumber: boolean
}

export const metricColumns =
  'metric, run, namespace, name, uuid, schema, columns, scalar, count, last_value, CAST(last_step AS TEXT) AS last_step, last_ms'
export interface StoredLatest {
  run: number
  name: string
  last_value: number | null
  last_step: string | null
  last_ms: number
}
export const toPoint = (row: Omit<StoredLatest, 'run' | 'name'>): Point => ({
  value: row.last_value ?? Number.NaN,
  step: stepOf(row.last_step),
  createdMs: row.last_ms,
})
export interface StoredMetric {
  metric: number
  run: number
  namespace: string
  name: string
  uuid: string
  schema: string
  columns: string
  scalar: number
  count: number
  last_value: number | null
  last_step: string | null
  last_ms: number | null
}
export function toMetricRow(row: StoredMetric): MetricRow {
  const { metric, run, namespace, name, uuid, schema, count } = row
  return {
    ...{ metric, run, namespace, name, uuid, schema, count },
    columns: asRecord(JSON.parse(row.columns)),
    scalar: row.scalar === 1,
    last: row.last_ms === null ? undefined : toPoint({ ...row, last_ms: row.last_ms }),
  }
}

export const valueColumns =
  'seq, metric_id, created_ms, created_text, CAST(step AS TEXT) AS step, value, data'
export interface StoredValue {
  seq: number
  metric_id: string | null
  created_ms: number
  created_text: string | null
  step: string | null
  value: number | null
  data: string | null
}
export function toValueRow(metric: MetricRow, row: StoredValue): ValueRow {
  const data = row.data === null ? undefined : asRecord(JSON.parse(row.data))
  const [only, ...others] = data ? Object.values(data) : []
  const ofData = others.length === 0 ? numberOf(only) : undefined
  const value = row.value ?? Number.NaN
  return {
    seq: row.seq,
    metricId: row.metric_id ?? madeId(metric, row.seq),
    createdMs: row.created_ms,
    createdUtc: row.created_text ?? new Date(row.created_ms).toISOString(),
    step: stepOf(row.step),
    value,
    isNumber: data === undefined || ofData !== undefined,
    data: data ?? { [metric.name]: toWire(value) },
  }
}

/** Values logged without an id have one made of the metric's and their place in it. */
const madeId = (metric: MetricRow, seq: number) => `${metric.uuid}_${seq}`

/** The place of a value whose id this metric made; undefined for any other id. */
export function placeOfMadeId(metric: MetricRow, metricId: string): number | undefined {
  const [, digits] = /_(\d{1,15})$/.exec(metricId) ?? []
  const seq = Number(digits)
  return digits !== undefined && madeId(metric, seq) === metricId ? seq : undefined
}

export const presentValue = (value: ValueRow): Document => ({
  metricId: value.metricId,
  createdUtc: value.createdUtc,
  ...(value.step !== undefined && { step: stepToWire(value.step) }),
  data: value.data,
})

/** The fields that a metric's definition and every page of its values share. */
export const presentMetric = (metric: MetricRow, dataContainerId: string): Document => ({
  dataContainerId,
  name: metric.name,
  namespace: metric.namespace,
  columns: metric.columns,
  properties: { uxMetricType: metric.schema },
})
