import type { Condition, OrderTerm, SqlValue } from '../keyset.ts'
import { nullsLast } from '../keyset.ts'
import { mapEntry } from '../run-fields.ts'
import { byCreation } from '../run-store.ts'
import { type Clause, parseFilter, parseOrder } from './filter.ts'
import { invalid } from './mlflow-error.ts'
import { historyStatuses } from './run-view.ts'

interface Expression {
  readonly sql: string
  readonly params: readonly SqlValue[]
  readonly kind: 'text' | 'number'
  readonly nullable: boolean
}
const column = (sql: string, kind: 'text' | 'number' = 'text', nullable = false): Expression => ({
  ...{ sql, params: [], kind, nullable },
})

const millis = (sql: string) => `CAST(${sql} / 1000 AS INTEGER)`
const userName = `ifnull((SELECT j.value FROM json_each(doc, '$.tags') j WHERE j.key = 'mlflow.user'),
  json_extract(created_by, '$.userName'))`
const runName = "json_extract(doc, '$.displayName')"
const attributes = new Map<string, Expression>([
  ['run_id', column('run_id')],
  ['run_uuid', column('run_id')],
  ['run_name', column(runName, 'text', true)],
  ['run name', column(runName, 'text', true)],
  ['status', column('status')],
  ['user_id', column(userName, 'text', true)],
  ['artifact_uri', column("'mlflow-artifacts:/ExperimentRun/dcid.' || run_id")],
  ['start_time', column(millis('sort_start'), 'number')],
  ['created', column(millis('sort_start'), 'number')],
  ['end_time', column(millis('ended'), 'number', true)],
  ['duration', column(millis('(ended - sort_start)'), 'number', true)],
])

function expression(entity: Clause['entity'], key: string): Expression {
  if (entity === 'metric')
    return {
      sql: "(SELECT m.last_value FROM dp_metrics m WHERE m.run = dp_runs.run AND m.name = ? AND m.namespace = '' AND m.scalar = 1)",
      ...{ params: [key], kind: 'number', nullable: true },
    }
  if (entity === 'parameter') return { ...mapEntry('parameters', key), kind: 'text' }
  if (entity === 'tag') {
    // These two tags stand for fields that run history keeps (see `tagFields`).
    if (key === 'mlflow.runName') return column(runName, 'text', true)
    if (key === 'mlflow.parentRunId') return column('parent', 'text', true)
    return { ...mapEntry('tags', key), kind: 'text' }
  }
  const attribute = attributes.get(key.toLowerCase())
  if (attribute) return attribute
  throw invalid(
    `Invalid attribute key '${key}' specified. Valid keys are '${[...attributes.keys()].join("', '")}'.`,
  )
}

/** MLflow's filter as WHERE conditions on `dp_runs`. */
export const runConditions = (filter: string): Condition[] =>
  parseFilter(filter).map((clause) => {
    const { entity, key, comparator, value } = clause
    const subject = expression(entity, key)
    if (comparator === 'IS NULL' || comparator === 'IS NOT NULL') {
      if (entity !== 'tag' && entity !== 'parameter')
        throw invalid(`${comparator} is only supported for tags and parameters.`)
      return { sql: `${subject.sql} ${comparator}`, params: subject.params }
    }
    if (subject.kind === 'number') return numberCondition(subject, clause)
    if (subject.sql === 'status' && entity === 'attribute') return statusCondition(clause)
    if (Array.isArray(value)) {
      const marks = value.map(() => '?').join(', ')
      return {
        sql: `${subject.sql} ${comparator} (${marks})`,
        params: [...subject.params, ...(value as string[])],
      }
    }
    if (typeof value !== 'string')
      throw invalid(`Expected a quoted string value for ${entity} '${key}'.`)
    return textCondition(subject, clause, value)
  })

function textCondition(subject: Expression, { comparator }: Clause, value: string): Condition {
  switch (comparator) {
    case '=':
    case '!=':
      return { sql: `${subject.sql} ${comparator} ?`, params: [...subject.params, value] }
    case 'ILIKE':
      return { sql: `${subject.sql} LIKE ?`, params: [...subject.params, value] }
    case 'LIKE':
      return { sql: `${subject.sql} GLOB ?`, params: [...subject.params, globOf(value)] }
    default:
      throw invalid(`Invalid comparator '${comparator}' for a string.`)
  }
}

/** LIKE of MLflow tells cases apart, LIKE of the database does not: GLOB does. */
const globOf = (pattern: string) =>
  pattern.replace(/[*?[]/g, '[$&]').replaceAll('%', '*').replaceAll('_', '?')

function numberCondition(subject: Expression, { comparator, key, value }: Clause): Condition {
  if (typeof value !== 'number' || !/^(?:[<>]=?|!?=)$/.test(comparator))
    throw invalid(`Expected a comparison of '${key}' with a number.`)
  return { sql: `${subject.sql} ${comparator} ?`, params: [...subject.params, value] }
}

/** One status of MLflow stands for several of run history. */
function statusCondition({ comparator, value }: Clause): Condition {
  const wanted = (Array.isArray(value) ? (value as string[]) : [String(value)]).flatMap(
    historyStatuses,
  )
  const isNegative = comparator === '!=' || comparator === 'NOT IN'
  if (!isNegative && comparator !== '=' && comparator !== 'IN')
    throw invalid(`Invalid comparator '${comparator}' for the status.`)
  const marks = wanted.map(() => '?').join(', ')
  return { sql: `status ${isNegative ? 'NOT ' : ''}IN (${marks})`, params: wanted }
}

/** Default: the latest start first. */
export function runOrder(clauses: readonly string[]): OrderTerm[] {
  if (clauses.length === 0)
    return [{ sql: 'sort_start', params: [], descending: true }, byCreation(true)]
  const orders = clauses.map(parseOrder)
  const terms = orders.flatMap(({ entity, key, descending }) => {
    const isStart = entity === 'attribute' && /^(start_time|created)$/i.test(key)
    const { sql, params, nullable } = isStart ? column('sort_start') : expression(entity, key)
    return nullable ? nullsLast(sql, params, descending) : [{ sql, params, descending }]
  })
  return [...terms, byCreation(orders.at(-1)?.descending ?? false)]
}
