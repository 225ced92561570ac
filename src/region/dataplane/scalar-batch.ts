import { randomUUID } from 'node:crypto'
import type Database from 'libsql'
import { AzureError } from '../context.ts'
import type { LoggedScalar } from './metric-store.ts'
import { isLater, scalarSchema } from './metric-values.ts'

/**
 * Appends a batch of scalars to a run in two statements, whatever their number: a statement costs
 * more than the row it writes. The batch travels as one JSON text, one group per metric:
 * `[name, uuid, columns, count, last value, last step, last time, [[time, step, value], …]]`.
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
       columns = json_patch(excluded.columns, columns),
       last_value = CASE WHEN ${isNewLater} THEN excluded.last_value ELSE last_value END,
       last_step = CASE WHEN ${isNewLater} THEN excluded.last_step ELSE last_step END,
       last_ms = CASE WHEN ${isNewLater} THEN excluded.last_ms ELSE last_ms END
     WHERE schema = excluded.schema`,
  )
  const addValues = db.prepare(
    `INSERT INTO dp_metric_values (metric, seq, created_ms, step, value)
     SELECT m.metric, m.count - (g.value ->> 3) + 1 + v.key,
       v.value ->> 0, v.value ->> 1, v.value ->> 2
     FROM json_each(?) g
     CROSS JOIN dp_metrics m ON m.run = ? AND m.name = g.value ->> 0 AND m.namespace = ''
     CROSS JOIN json_each(g.value, '$[7]') v`,
  )
  const otherSchema = db.prepare(
    `SELECT m.name, m.schema FROM json_each(?) g
     JOIN dp_metrics m ON m.run = ? AND m.name = g.value ->> 0 AND m.namespace = ''
     WHERE m.schema <> ? LIMIT 1`,
  )

  return (run, scalars) => {
    const groups = groupsOf(scalars)
    const text = `[${groups.join()}]`
    if (addMetrics.run(run, scalarSchema, text).changes < groups.length) {
      const other = otherSchema.get(text, run, scalarSchema) as { name: string; schema: string }
      throw schemaDiffers(other.name, other.schema, scalarSchema)
    }
    addValues.run(text, run)
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

function groupsOf(scalars: readonly LoggedScalar[]): string[] {
  const groups = new Map<string, { last: LoggedScalar; points: string[] }>()
  for (const scalar of scalars) {
    const group = groups.get(scalar.name)
    if (group === undefined) groups.set(scalar.name, { last: scalar, points: [pointOf(scalar)] })
    else {
      if (isLater(scalar, group.last)) group.last = scalar
      group.points.push(pointOf(scalar))
    }
  }
  return [...groups].map(groupOf)
}

function groupOf([name, { last, points }]: [string, { last: LoggedScalar; points: string[] }]) {
  const texts = [name, randomUUID(), JSON.stringify({ [name]: 'Double' })]
  const head = texts.map((text) => JSON.stringify(text)).join()
  const { value, step, createdMs } = last
  return `[${head},${points.length},${realOf(value)},${step},${createdMs},[${points.join()}]]`
}

const pointOf = ({ createdMs, step, value }: LoggedScalar) =>
  `[${createdMs},${step},${realOf(value)}]`

/** A number as the database reads it from JSON, which has neither infinities nor not-a-number. */
function realOf(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0.0' : String(value)
  return Number.isNaN(value) ? 'null' : value > 0 ? '9e999' : '-9e999'
}
