import { randomUUID } from 'node:crypto'
import type Database from 'libsql'
import { AzureError } from '../context.ts'
import { isLater, type Step, scalarSchema } from './metric-values.ts'

export interface LoggedScalar {
  readonly name: string
  readonly value: number
  readonly createdMs: number
  readonly step: Step
}

/**
 * Appends a batch of scalars to a run in two statements, whatever their number: a statement costs
 * more than the row it writes. The batch travels as two JSON texts: the metrics as
 * `[name, uuid, columns, count, last value, last step, last time]`, the points as `[name, place,
 * time, step, value]`, where the place counts back from the metric's last value.
 *
 * Returns a function that runs inside the caller's transaction and throws 409 for a name that the
 * run has with another schema.
 */
export function scalarBatches(
  db: Database.Database,
): (run: number, scalars: readonly LoggedScalar[]) => void {
  const addMetrics = db.prepare(
    `INSERT INTO dp_metrics (run, namespace, name, uuid, schema, columns, scalar, count, last_value,
       last_step, last_ms)
     SELECT ?, '', value ->> 0, value ->> 1, ?, value ->> 2, 1, value ->> 3, value ->> 4,
       value ->> 5, value ->> 6
     FROM json_each(?) WHERE true ON CONFLICT (run, name, namespace) DO UPDATE SET
       count = count + excluded.count,
       columns = CASE WHEN columns = excluded.columns THEN columns
         ELSE json_patch(excluded.columns, columns) END,
       last_value = CASE WHEN ${isNewLater} THEN excluded.last_value ELSE last_value END,
       last_step = CASE WHEN ${isNewLater} THEN excluded.last_step ELSE last_step END,
       last_ms = CASE WHEN ${isNewLater} THEN excluded.last_ms ELSE last_ms END
     WHERE schema = excluded.schema`,
  )
  const addValues = db.prepare(
    `INSERT INTO dp_metric_values (metric, seq, created_ms, step, value)
     SELECT m.metric, m.count + (p.value ->> 1), p.value ->> 2, p.value ->> 3, p.value ->> 4
     FROM json_each(?) p
     CROSS JOIN dp_metrics m ON m.run = ? AND m.name = p.value ->> 0 AND m.namespace = ''`,
  )
  const otherSchema = db.prepare(
    `SELECT m.name, m.schema FROM json_each(?) g
     JOIN dp_metrics m ON m.run = ? AND m.name = g.value ->> 0 AND m.namespace = ''
     WHERE m.schema <> ? LIMIT 1`,
  )

  return (run, scalars) => {
    const groups = groupsOf(scalars)
    const text = `[${groups.map(groupText).join()}]`
    if (addMetrics.run(run, scalarSchema, text).changes < groups.length) {
      const other = otherSchema.get(text, run, scalarSchema) as { name: string; schema: string }
      throw schemaDiffers(other.name, other.schema, scalarSchema)
    }
    addValues.run(`[${groups.flatMap(pointTexts).join()}]`, run)
  }
}

export const schemaDiffers = (name: string, existing: string, given: string) =>
  new AzureError(
    409,
    'UserError',
    `The metric '${name}' has the schema '${existing}', not '${given}'.`,
  )

/** `isLater` of metric-values, between the last point of a batch and the one that is stored. */
const isNewLater = `(last_ms IS NULL
  OR (excluded.last_step, excluded.last_ms) > (ifnull(last_step, 0), last_ms)
  OR ((excluded.last_step, excluded.last_ms) = (ifnull(last_step, 0), last_ms)
    AND (last_value IS NULL OR excluded.last_value >= last_value)))`

interface Group {
  readonly name: string
  readonly points: LoggedScalar[]
  last: LoggedScalar
}

function groupsOf(scalars: readonly LoggedScalar[]): Group[] {
  const groups = new Map<string, Group>()
  for (const scalar of scalars) {
    const { name } = scalar
    const group = groups.get(name)
    if (group === undefined) groups.set(name, { name, points: [scalar], last: scalar })
    else {
      if (isLater(scalar, group.last)) group.last = scalar
      group.points.push(scalar)
    }
  }
  return [...groups.values()]
}

function groupText({ name, points, last }: Group): string {
  const texts = [name, randomUUID(), JSON.stringify({ [name]: 'Double' })]
  const head = texts.map((text) => JSON.stringify(text)).join()
  return `[${head},${points.length},${realOf(last.value)},${last.step},${last.createdMs}]`
}

function pointTexts({ name, points }: Group): string[] {
  const head = JSON.stringify(name)
  return points.map(
    ({ createdMs, step, value }, i) =>
      `[${head},${i + 1 - points.length},${createdMs},${step},${realOf(value)}]`,
  )
}

/** A number as the database reads it from JSON, which has neither infinities nor not-a-number. */
function realOf(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0.0' : String(value)
  return Number.isNaN(value) ? 'null' : value > 0 ? '9e999' : '-9e999'
}
