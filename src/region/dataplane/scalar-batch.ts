import { randomUUID } from 'node:crypto'
import type Database from 'libsql'
import { AzureError } from '../context.ts'
import { afterCommit } from '../store/database.ts'
import { knownMetrics, type NamedMetric } from './known-metrics.ts'
import { isLater, type Step, scalarSchema } from './metric-values.ts'

export interface LoggedScalar {
  readonly name: string
  readonly value: number
  readonly createdMs: number
  readonly step: Step
}

/**
 * Appends a batch of scalars to a run in a few statements, whatever their number: a statement costs
 * more than the row it writes. Batches travel as JSON texts: new metrics as `[name, uuid, columns,
 * count, last value, last step, last time]`, known ones as `[metric, count, last value, last step,
 * last time]`, the points as `[metric, place, time, step, value]`, where the place counts back from
 * the metric's last value.
 *
 * Returns a function that runs inside the caller's `inTransaction` and throws 409 for a name that the
 * run has with another schema.
 */
export function scalarBatches(
  db: Database.Database,
): (run: number, scalars: readonly LoggedScalar[]) => void {
  const known = knownMetrics()
  const addMetrics = db.prepare(
    `INSERT INTO dp_metrics (run, namespace, name, uuid, schema, columns, scalar, count, last_value,
       last_step, last_ms)
     SELECT ?, '', value ->> 0, value ->> 1, ?, value ->> 2, 1, value ->> 3, value ->> 4,
       value ->> 5, value ->> 6
     FROM json_each(?) WHERE true ON CONFLICT (run, name, namespace) DO UPDATE SET
       columns = CASE WHEN columns = excluded.columns THEN columns
         ELSE json_patch(excluded.columns, columns) END,
       ${withPointsOf('excluded')}
     WHERE schema = excluded.schema RETURNING name, metric`,
  )
  const growMetrics = db.prepare(
    `UPDATE dp_metrics SET ${withPointsOf('given')}
     FROM (SELECT value ->> 0 AS metric, value ->> 1 AS count, value ->> 2 AS last_value,
       value ->> 3 AS last_step, value ->> 4 AS last_ms FROM json_each(?)) AS given
     WHERE dp_metrics.metric = given.metric`,
  )
  const addValues = db.prepare(
    `INSERT INTO dp_metric_values (metric, seq, created_ms, step, value)
     SELECT m.metric, m.count + (p.value ->> 1), p.value ->> 2, p.value ->> 3, p.value ->> 4
     FROM json_each(?) p CROSS JOIN dp_metrics m ON m.metric = p.value ->> 0`,
  )
  const otherSchema = db.prepare(
    `SELECT m.name, m.schema FROM json_each(?) g
     JOIN dp_metrics m ON m.run = ? AND m.name = g.value ->> 0 AND m.namespace = ''
     WHERE m.schema <> ? LIMIT 1`,
  )

  function addUnknown(run: number, groups: readonly Group[]): NamedMetric[] {
    if (groups.length === 0) return []
    const text = listOf(groups.map(newMetricText))
    const metrics = addMetrics.all(run, scalarSchema, text) as NamedMetric[]
    if (metrics.length < groups.length) {
      const other = otherSchema.get(text, run, scalarSchema) as { name: string; schema: string }
      throw schemaDiffers(other.name, other.schema, scalarSchema)
    }
    afterCommit(db, () => known.learn(run, metrics))
    return metrics
  }

  return (run, scalars) => {
    const groups = groupsOf(scalars)
    const ofRun = known.of(run)
    const grown: string[] = []
    const points: string[] = []
    for (const group of groups.values()) {
      const metric = ofRun?.get(group.name)
      if (metric === undefined) continue
      grown.push(`[${metric},${totalsText(group)}]`)
      points.push(...pointTexts(metric, group))
      groups.delete(group.name)
    }
    if (grown.length > 0) growMetrics.run(listOf(grown))
    const added = addUnknown(run, [...groups.values()])
    for (const { name, metric } of added)
      points.push(...pointTexts(metric, groups.get(name) as Group))
    addValues.run(listOf(points))
  }
}

const listOf = (texts: readonly string[]) => `[${texts.join()}]`

export const schemaDiffers = (name: string, existing: string, given: string) =>
  new AzureError(
    409,
    'UserError',
    `The metric '${name}' has the schema '${existing}', not '${given}'.`,
  )

/** Counts the points of a row named `given` and keeps the later of both last points. */
function withPointsOf(given: string): string {
  const isLater = isGivenLater(given)
  const later = ['last_value', 'last_step', 'last_ms'].map(
    (field) =>
      `${field} = CASE WHEN ${isLater} THEN ${given}.${field} ELSE dp_metrics.${field} END`,
  )
  return [`count = dp_metrics.count + ${given}.count`, ...later].join(', ')
}

/** `isLater` of metric-values, between the last point of a batch and the one that is stored. */
const isGivenLater = (given: string) => `(dp_metrics.last_ms IS NULL
  OR (${given}.last_step, ${given}.last_ms) > (ifnull(dp_metrics.last_step, 0), dp_metrics.last_ms)
  OR ((${given}.last_step, ${given}.last_ms) = (ifnull(dp_metrics.last_step, 0), dp_metrics.last_ms)
    AND (dp_metrics.last_value IS NULL OR ${given}.last_value >= dp_metrics.last_value)))`

interface Group {
  readonly name: string
  readonly points: LoggedScalar[]
  last: LoggedScalar
}

function groupsOf(scalars: readonly LoggedScalar[]): Map<string, Group> {
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
  return groups
}

function newMetricText(group: Group): string {
  const texts = [group.name, randomUUID(), JSON.stringify({ [group.name]: 'Double' })]
  return `[${texts.map((text) => JSON.stringify(text)).join()},${totalsText(group)}]`
}

const totalsText = ({ points, last }: Group) =>
  `${points.length},${realOf(last.value)},${last.step},${last.createdMs}`

const pointTexts = (metric: number, { points }: Group) =>
  points.map(
    ({ createdMs, step, value }, i) =>
      `[${metric},${i + 1 - points.length},${createdMs},${step},${realOf(value)}]`,
  )

/** A number as the database reads it from JSON, which has neither infinities nor not-a-number. */
function realOf(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0.0' : String(value)
  return Number.isNaN(value) ? 'null' : value > 0 ? '9e999' : '-9e999'
}
