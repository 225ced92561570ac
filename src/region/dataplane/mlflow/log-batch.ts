import { asRecord, type Document, isRecord } from '../../arm/document.ts'
import { AzureError } from '../../context.ts'
import { numberOf, type Step, stepOf } from '../metric-values.ts'
import type { RunRow } from '../run-rows.ts'
import type { LoggedScalar } from '../scalar-batch.ts'
import { lacking, optional, wholeNumber } from './input.ts'
import { invalid } from './mlflow-error.ts'
import { mapOf } from './run-view.ts'

/** MLflow's own limits. */
const largest = {
  metrics: 1000,
  params: 100,
  tags: 100,
  all: 1000,
  key: 250,
  param: 6000,
  tag: 8000,
}

export interface Batch {
  readonly metrics: LoggedScalar[]
  readonly parameters: Record<string, string>
  readonly tags: Record<string, string>
}

/** What `log-batch` writes, checked as a whole before any of it is stored. */
export function readBatch(input: Document): Batch {
  const metrics = asList(input.metrics, 'metrics')
  const params = asList(input.params, 'params')
  const tags = asList(input.tags, 'tags')
  if (metrics.length + params.length + tags.length > largest.all)
    throw invalid(`A batch logging request can contain at most ${largest.all} entities.`)
  const parameters = mapOf(params, 'param')
  refuseTwice(params, parameters)
  const batch = {
    metrics: metrics.map((metric, i) => readScalar(metric, `metrics[${i}].`)),
    parameters,
  }
  const tagMap = mapOf(tags, 'tag')
  checkTexts(parameters, 'param', largest.param)
  checkTexts(tagMap, 'tag', largest.tag)
  return { ...batch, tags: tagMap }
}

/** A parameter is logged once; the same value again is the same parameter. */
export function checkParams(row: RunRow, written: Record<string, string>): void {
  const before = asRecord(row.doc.parameters)
  for (const [key, value] of Object.entries(written))
    if (Object.hasOwn(before, key) && before[key] !== value)
      throw invalid(
        `Changing param values is not allowed. Param with key='${key}' was already logged with value='${String(before[key])}' for run ID='${row.runId}'. Attempted logging new value '${value}'.`,
      )
}

function asList(value: unknown, field: keyof typeof largest): unknown[] {
  const list = value ?? []
  if (!Array.isArray(list)) throw invalid(`'${field}' must be a list.`)
  if (list.length > largest[field])
    throw invalid(`A batch logging request can contain at most ${largest[field]} ${field}.`)
  return list
}

/** `place` says where in the request the metric stands, as MLflow says it. */
export function readScalar(metric: unknown, place = ''): LoggedScalar {
  if (!isRecord(metric)) throw invalid('A metric must be an object.')
  const name = optional(metric, 'key') ?? optional(metric, 'name')
  if (name === undefined) throw lacking(`${place}key`)
  if (name.length > largest.key || name.includes('\u0000'))
    throw invalid(`A metric needs a key of at most ${largest.key} characters.`)
  const text = metric.value
  const value =
    numberOf(text) ?? (typeof text === 'string' && text.trim() !== '' ? Number(text) : undefined)
  if (value === undefined || (Number.isNaN(value) && text !== 'NaN'))
    throw invalid(`The metric '${name}' needs a value that is a number.`)
  const createdMs = wholeNumber(metric, 'timestamp')
  if (createdMs === undefined) throw lacking(`${place}timestamp`)
  return { name, value, createdMs, step: requireStep(metric.step) }
}

function requireStep(step: unknown): Step {
  try {
    return stepOf(step) ?? 0
  } catch (error) {
    if (error instanceof AzureError)
      throw invalid(`Invalid value ${JSON.stringify(step)} for parameter 'step' supplied.`)
    throw error
  }
}

function refuseTwice(params: readonly unknown[], map: Record<string, string>): void {
  for (const param of params) {
    const { key, value } = asRecord(param)
    if (map[String(key)] !== String(value ?? ''))
      throw invalid(`Duplicate parameter keys have been submitted: ${String(key)}.`)
  }
}

function checkTexts(map: Record<string, string>, what: string, longest: number): void {
  for (const [key, value] of Object.entries(map)) {
    if (key.length > largest.key || key.includes('\u0000'))
      throw invalid(
        `The ${what} key '${key.slice(0, 80)}' is longer than ${largest.key} characters.`,
      )
    if (value.length > longest)
      throw invalid(`The ${what} value of '${key}' is longer than ${longest} characters.`)
  }
}
