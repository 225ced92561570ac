import { randomUUID } from 'node:crypto'
import type Database from 'libsql'
import { asRecord, asText, type Document, isRecord } from '../arm/document.ts'
import { AzureError, type Caller } from '../context.ts'
import { inTransaction } from '../store/database.ts'
import {
  type MetricRow,
  metricColumns,
  type Point,
  placeOfMadeId,
  type StoredLatest,
  type StoredMetric,
  type StoredValue,
  toMetricRow,
  toPoint,
  toValueRow,
  type ValueRow,
  valueColumns,
} from './metric-rows.ts'
import { isLater, type NewValue, readValue, scalarSchema, tableSchema } from './metric-values.ts'
import type { RunRow } from './run-rows.ts'
import type { RunTables } from './run-store.ts'
import { type LoggedScalar, scalarBatches, schemaDiffers } from './scalar-batch.ts'

export interface LatestScalar {
  readonly name: string
  readonly last: Point
}
export interface ValuePage {
  readonly values: readonly ValueRow[]
  /** Give it as `afterSeq` for the next page; undefined on the last one. */
  readonly nextSeq: number | undefined
}

export interface MetricTables {
  /** All or none, in the order given. */
  logScalars(run: RunRow, scalars: readonly LoggedScalar[], actor: Caller): void
  /** Writes what can be written and says of each other value why not. */
  post(run: RunRow, metrics: readonly unknown[], actor: Caller): MetricError[]
  list(
    run: number,
    page: {
      readonly namespace?: string | undefined
      readonly after?: number
      readonly limit: number
    },
  ): MetricRow[]
  find(run: number, name: string, namespace?: string): MetricRow | undefined
  /** Every scalar metric of a run with its latest value. */
  latest(run: number): LatestScalar[]
  /** The same of a page of runs, in one read; a run without metrics is absent. */
  latestOf(runs: readonly number[]): ReadonlyMap<number, readonly LatestScalar[]>
  /** Values in the order they were logged, each of them. */
  values(
    metric: MetricRow,
    page: {
      readonly afterSeq?: number
      readonly limit: number
      readonly fromMs?: number | undefined
      readonly toMs?: number | undefined
    },
  ): ValuePage
  /** At most `size` values, evenly spread, the last one among them. */
  sample(metric: MetricRow, size: number): ValueRow[]
}
export interface MetricError {
  readonly metric: Document
  readonly errorResponse: { readonly error: { readonly code: string; readonly message: string } }
}

/** Pages end here even when more values would fit their count: tables can be large. */
const pageBytes = 4 * 1024 * 1024

export function openMetricStore(options: {
  readonly db: Database.Database
  readonly clock: () => Date
  readonly runs: RunTables
}): MetricTables {
  const { db, runs } = options
  const findMetric = db.prepare(
    `SELECT ${metricColumns} FROM dp_metrics WHERE run = ? AND name = ? AND namespace = ?`,
  )
  const insertMetric = db.prepare(
    `INSERT INTO dp_metrics (run, namespace, name, uuid, schema, columns, scalar, count)
     VALUES (?, ?, ?, ?, ?, ?, ?, 0)`,
  )
  const updateMetric = db.prepare(
    `UPDATE dp_metrics SET columns = ?, count = ?, last_value = ?, last_step = ?, last_ms = ?
     WHERE metric = ?`,
  )
  const insertValue = db.prepare(
    `INSERT INTO dp_metric_values (metric, seq, metric_id, created_ms, created_text, step, value, data)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const hasId = db.prepare('SELECT 1 FROM dp_metric_values WHERE metric = ? AND metric_id = ?')
  const ofRun = db.prepare(
    `SELECT ${metricColumns} FROM dp_metrics
     WHERE run = ? AND metric > ? AND (? IS NULL OR namespace = ?) ORDER BY metric LIMIT ?`,
  )
  const scalarsOf = db.prepare(
    `SELECT run, name, last_value, CAST(last_step AS TEXT) AS last_step, last_ms
     FROM json_each(?) r CROSS JOIN dp_metrics ON run = r.value
     WHERE namespace = '' AND scalar = 1 AND last_ms IS NOT NULL ORDER BY metric`,
  )
  const valuesAfter = db.prepare(
    `SELECT ${valueColumns} FROM dp_metric_values
     WHERE metric = ? AND seq > ? AND created_ms BETWEEN ? AND ? ORDER BY seq LIMIT ?`,
  )
  const spread = db.prepare(
    `SELECT ${valueColumns} FROM dp_metric_values
     WHERE metric = ? AND ((seq - 1) % ? = 0 OR seq = ?) ORDER BY seq`,
  )

  const appendScalars = scalarBatches(db)

  const find = (run: number, name: string, namespace = '') => {
    const row = findMetric.get(run, name, namespace) as StoredMetric | undefined
    return row && toMetricRow(row)
  }

  function ensure(run: number, kind: MetricKind): MetricRow {
    const { name, namespace, columns } = kind
    const existing = find(run, name, namespace)
    if (!existing) {
      const schema = kind.schema ?? kind.guessedSchema
      const scalar = schema === scalarSchema ? 1 : 0
      const texts = [namespace, name, randomUUID(), schema, JSON.stringify(columns)]
      insertMetric.run(run, ...texts, scalar)
      return ensure(run, kind)
    }
    if (kind.schema !== undefined && kind.schema !== existing.schema)
      throw schemaDiffers(name, existing.schema, kind.schema)
    return existing
  }

  /** Appends the values whose id is new; returns how many. Runs inside the caller's transaction. */
  function append(metric: MetricRow, columns: Document, values: readonly NewValue[]): number {
    let { count, last } = metric
    for (const value of values) {
      if (value.metricId !== undefined && isKnown(metric, count, value.metricId)) continue
      count += 1
      insertValue.run(
        ...[metric.metric, count, value.metricId ?? null, value.createdMs],
        ...[value.createdText ?? null, value.step ?? null],
        ...[Number.isNaN(value.value) ? null : (value.value ?? null), value.data ?? null],
      )
      if (value.value === undefined) continue
      const point = { value: value.value, step: value.step, createdMs: value.createdMs }
      if (last === undefined || isLater(point, last)) last = point
    }
    if (count === metric.count) return 0
    const value = last === undefined || Number.isNaN(last.value) ? null : last.value
    const merged = JSON.stringify({ ...columns, ...metric.columns })
    updateMetric.run(
      merged,
      count,
      value,
      last?.step ?? null,
      last?.createdMs ?? null,
      metric.metric,
    )
    return count - metric.count
  }

  const isKnown = (metric: MetricRow, count: number, metricId: string) => {
    const place = placeOfMadeId(metric, metricId)
    return (
      (place !== undefined && place <= count) || hasId.get(metric.metric, metricId) !== undefined
    )
  }

  function latestOf(ofRuns: readonly number[]): Map<number, LatestScalar[]> {
    const found = new Map<number, LatestScalar[]>()
    for (const row of scalarsOf.all(JSON.stringify(ofRuns)) as StoredLatest[]) {
      const scalar = { name: row.name, last: toPoint(row) }
      const known = found.get(row.run)
      if (known) known.push(scalar)
      else found.set(row.run, [scalar])
    }
    return found
  }

  return {
    find,
    logScalars(run, scalars, actor) {
      if (scalars.length === 0) return
      inTransaction(db, () => {
        appendScalars(run.run, scalars)
        runs.touch(run, actor)
      })
    },
    post(run, metrics, actor) {
      return inTransaction(db, () => {
        const errors: MetricError[] = []
        let added = 0
        for (const written of metrics) {
          const report = (value: unknown[], error: unknown) =>
            errors.push(metricError(asRecord(written), value, error))
          const all = isRecord(written) && Array.isArray(written.value) ? written.value : []
          try {
            const name = requireName(written)
            const read: NewValue[] = []
            for (const value of all) {
              try {
                read.push(readValue(name, value, options.clock().getTime()))
              } catch (error) {
                report([value], error)
              }
            }
            if (read.length === 0) continue
            const kind = kindOf(name, asRecord(written), read, all)
            added += append(ensure(run.run, kind), kind.columns, read)
          } catch (error) {
            report(all, error)
          }
        }
        if (added > 0) runs.touch(run, actor)
        return errors
      })
    },
    list(run, { namespace = null, after = 0, limit }) {
      const rows = ofRun.all(run, after, namespace, namespace, limit)
      return (rows as StoredMetric[]).map(toMetricRow)
    },
    latest: (run) => latestOf([run]).get(run) ?? [],
    latestOf,
    values(metric, { afterSeq = 0, limit, fromMs, toMs }) {
      const range = [fromMs ?? Number.MIN_SAFE_INTEGER, toMs ?? Number.MAX_SAFE_INTEGER]
      const values: ValueRow[] = []
      let bytes = 0
      for (const row of valuesAfter.iterate(metric.metric, afterSeq, ...range, limit + 1)) {
        const stored = row as StoredValue
        if (values.length === limit || bytes > pageBytes)
          return { values, nextSeq: values.at(-1)?.seq }
        bytes += (stored.data?.length ?? 0) + 100
        values.push(toValueRow(metric, stored))
      }
      return { values, nextSeq: undefined }
    },
    sample(metric, size) {
      const stride = Math.max(1, Math.ceil(metric.count / Math.max(1, size - 1)))
      const rows = spread.all(metric.metric, stride, metric.count)
      return (rows as StoredValue[]).map((row) => toValueRow(metric, row))
    },
  }
}

interface MetricKind {
  readonly name: string
  readonly namespace: string
  /** As the writer says; when it does not, the metric keeps the one it has, else it is guessed. */
  readonly schema: string | undefined
  readonly guessedSchema: string
  readonly columns: Document
}

function requireName(written: unknown): string {
  const name = isRecord(written) ? asText(written.name) : undefined
  if (name !== undefined && name !== '' && !name.includes('\u0000')) return name
  throw new AzureError(400, 'ValidationError', 'A metric needs a name.')
}

function kindOf(
  name: string,
  written: Document,
  read: readonly NewValue[],
  values: readonly unknown[],
): MetricKind {
  const isScalar = read.every(({ value }) => value !== undefined)
  const data = asRecord(asRecord(values.find(isRecord)).data)
  const guessed = Object.entries(data).map(([key, value]) => [key, typeName(value)])
  return {
    name,
    namespace: asText(written.namespace) ?? '',
    schema: asText(asRecord(written.properties).uxMetricType),
    guessedSchema: isScalar ? scalarSchema : tableSchema,
    columns: isRecord(written.columns) ? written.columns : Object.fromEntries(guessed),
  }
}

const typeName = (value: unknown) =>
  typeof value === 'number' ? 'Double' : typeof value === 'boolean' ? 'Boolean' : 'String'

function metricError(written: Document, value: unknown[], error: unknown): MetricError {
  if (!(error instanceof AzureError)) throw error
  const { code, message } = error
  return { metric: { ...written, value }, errorResponse: { error: { code, message } } }
}
