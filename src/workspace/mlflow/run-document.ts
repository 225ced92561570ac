import { createHash } from 'node:crypto'
import { HoldfastError } from '../../model/errors.ts'
import { isObject } from '../../model/field-path.ts'
import type { Json, JsonObject } from '../../model/json.ts'
import type { Run } from '../workspace.ts'

/** MLflow's words for how a run stands, and run history's. */
const statuses = [
  ['RUNNING', 'Running'],
  ['SCHEDULED', 'NotStarted'],
  ['FINISHED', 'Completed'],
  ['FAILED', 'Failed'],
  ['KILLED', 'Canceled'],
] as const

export const parentTag = 'mlflow.parentRunId'
export const nameTag = 'mlflow.runName'
/** Where a copy comes from; from these the run links can be rebuilt (I10). */
export const originTags = {
  member: 'holdfast.origin.member',
  runId: 'holdfast.origin.run_id',
} as const

/**
 * An MLflow run in the words of run history. `metrics` (the newest value of each series) says which
 * series there are; it is no part of what is compared, the series themselves are.
 */
export function toRun(document: JsonObject, experimentName: string): Run {
  const info = object(document.info)
  const data = object(document.data)
  const tags = keyed(data.tags)
  const runId = text(info.run_id) || text(info.run_uuid)
  const name = text(info.run_name) || (tags[nameTag] ?? '')
  const parent = tags[parentTag]
  const origin = { member: tags[originTags.member], runId: tags[originTags.runId] }
  const datasets = array(object(document.inputs).dataset_inputs)
  for (const tag of [parentTag, originTags.member, originTags.runId]) delete tags[tag]
  if (tags[nameTag] === name) delete tags[nameTag]
  const startTimeUtc = time(info.start_time)
  const endTimeUtc = time(info.end_time)
  const body: Record<string, Json> = {
    runId,
    status: statusOf(text(info.status)),
    displayName: name,
    parameters: keyed(data.params),
    tags,
    hidden: info.lifecycle_stage === 'deleted',
    metrics: array(data.metrics),
    artifactUri: text(info.artifact_uri),
  }
  if (text(info.user_id) !== '') body.properties = { userId: text(info.user_id) }
  if (parent !== undefined) body.parentRunId = parent
  if (startTimeUtc !== undefined) body.startTimeUtc = startTimeUtc
  if (endTimeUtc !== undefined) body.endTimeUtc = endTimeUtc
  if (datasets.length > 0) body.inputDatasets = sortedByText(datasets)
  // Written with the logged models they name, which come after their runs.
  body.modelInputs = array(object(document.inputs).model_inputs)
  body.modelOutputs = array(object(document.outputs).model_outputs)
  return {
    runId,
    experimentName,
    status: text(body.status),
    body,
    modifiedAt: endTimeUtc ?? startTimeUtc ?? '1970-01-01T00:00:00.000Z',
    version: versionOf(document),
    ...(origin.member === undefined || origin.runId === undefined
      ? {}
      : { origin: { member: origin.member, runId: origin.runId } }),
  }
}

/** What `runs/create` takes. All tags go with it, so that the origin is there from the first instant (I2). */
export function toCreate(run: Run, experimentId: string): JsonObject {
  const properties = object(run.body.properties)
  return {
    experiment_id: experimentId,
    start_time: milliseconds(run.body.startTimeUtc) ?? 0,
    run_name: text(run.body.displayName),
    ...(text(properties.userId) === '' ? {} : { user_id: text(properties.userId) }),
    tags: pairs({
      ...tagsOf(run),
      ...(run.origin === undefined
        ? {}
        : { [originTags.member]: run.origin.member, [originTags.runId]: run.origin.runId }),
    }),
  }
}

export function toUpdate(run: Run, runId: string): JsonObject {
  const end = milliseconds(run.body.endTimeUtc)
  const name = text(run.body.displayName)
  return {
    run_id: runId,
    status: mlflowStatus(run.status),
    ...(end === undefined ? {} : { end_time: end }),
    ...(name === '' ? {} : { run_name: name }),
  }
}

/** Tags as MLflow keeps them, the parent among them; without name and origin. */
export function tagsOf(run: Run): Record<string, string> {
  const parent = text(run.body.parentRunId)
  return { ...strings(run.body.tags), ...(parent === '' ? {} : { [parentTag]: parent }) }
}

export function parametersOf(run: Run): Record<string, string> {
  return strings(run.body.parameters)
}

export function datasetsOf(run: Run): readonly Json[] {
  return array(run.body.inputDatasets)
}

export function isDeleted(run: Run): boolean {
  return run.body.hidden === true
}

/** The series of a run as its list shows them. */
export function seriesOf(run: Run): string[] {
  return array(run.body.metrics).map((metric) => text(object(metric).key))
}

export function pairs(values: Readonly<Record<string, string>>): JsonObject[] {
  return Object.entries(values).map(([key, value]) => ({ key, value }))
}

function statusOf(status: string): string {
  return statuses.find(([theirs]) => theirs === status)?.[1] ?? status
}

function mlflowStatus(status: string): string {
  const found = statuses.find(([, ours]) => ours === status)?.[0]
  if (found !== undefined) return found
  throw new HoldfastError('run.status-unknown', `MLflow has no run status '${status}'`)
}

/** Order of lists is the server's affair; equal content must have equal versions. */
function versionOf(document: JsonObject): string {
  const data = object(document.data)
  const lists = [data.tags, data.params, data.metrics].map((list) => sortedByText(array(list)))
  const datasets = sortedByText(array(object(document.inputs).dataset_inputs))
  const all = [document.info ?? null, ...lists, datasets]
  return createHash('sha256').update(JSON.stringify(all)).digest('base64url')
}

function sortedByText(list: readonly Json[]): Json[] {
  const texts = list.map((one) => [JSON.stringify(one), one] as const)
  return texts.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, one]) => one)
}

function time(value: Json | undefined): string | undefined {
  const ms = value === undefined || value === null ? Number.NaN : Number(value)
  return Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : undefined
}

function milliseconds(value: Json | undefined): number | undefined {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(ms) ? undefined : ms
}

function keyed(list: Json | undefined): Record<string, string> {
  return Object.fromEntries(
    array(list).map((one) => [text(object(one).key), text(object(one).value)]),
  )
}

function strings(value: Json | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(object(value)).map(([key, one]) => [key, text(one)]))
}

export function object(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {}
}

export function array(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : []
}

export function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}
