import { createHash, hash } from 'node:crypto'
import { type FieldPath, isObject, plainPath, withoutFields } from './field-path.ts'
import type { Json, JsonObject } from './json.ts'
import type { Kind } from './kinds.ts'
import type { ObjectId } from './object-id.ts'
import { fieldsOf } from './resource-facts.ts'

/**
 * Canonical forms: two documents are equal exactly when their canonical forms are. What one side's
 * service adds on its own (ids, times, states, defaults, letter case of ARM ids) is gone; everything
 * a client wrote is kept. Compare relocated source with target (I4).
 */

/** The body as a client may send it: nothing server-made, no write-only field (I9). */
export function writableObject(id: ObjectId, body: JsonObject): JsonObject {
  if (id.kind === 'run') return writableRun(body)
  const fields = fieldsOf(id.kind)
  return withoutFields(body, [...fields.serverMade, ...fields.writeOnly])
}

export function canonicalObject(id: ObjectId, body: JsonObject): JsonObject {
  const writable = writableObject(id, body)
  const plain = tidy(dropDefaults(id.kind, writable), 0)
  return isObject(plain) ? plain : {}
}

/**
 * What run history lets a client write (CreateRun of the public specification), without what only
 * makes sense inside one workspace or while the run is active. `createdUtc`, `createdBy`, run number
 * and the like are the service's own.
 */
const writableRunFields = [
  'runId',
  'parentRunId',
  'status',
  'startTimeUtc',
  'endTimeUtc',
  'isVirtual',
  'displayName',
  'name',
  'dataContainerId',
  'description',
  'hidden',
  'runType',
  'runTypeV2',
  'properties',
  'parameters',
  'scriptName',
  'target',
  'tags',
  'settings',
  'inputDatasets',
  'outputDatasets',
  'runDefinition',
  'jobSpecification',
  'primaryMetricName',
  'createdFrom',
  'computeRequest',
  'compute',
  'retainForLifetimeOfWorkspace',
  'activeChildRunId',
  'inputs',
  'outputs',
] as const

export function writableRun(body: JsonObject): JsonObject {
  const entries = writableRunFields.flatMap((field) => {
    const value = body[field]
    return value === undefined || value === null ? [] : [[field, value] as const]
  })
  return Object.fromEntries(entries)
}

/** The part of the port's `Run` that comparing needs. */
export interface RunContent {
  readonly runId: string
  readonly experimentName: string
  readonly status: string
  readonly body: JsonObject
}

export function canonicalRun(run: RunContent): JsonObject {
  const body = { ...writableRun(run.body), runId: run.runId, status: run.status }
  const times = Object.fromEntries(
    (['startTimeUtc', 'endTimeUtc'] as const).flatMap((field) => {
      const text = run.body[field]
      return typeof text === 'string' ? [[field, canonicalTime(text)] as const] : []
    }),
  )
  const meaningless = ['hidden', 'isVirtual', 'retainForLifetimeOfWorkspace'] as const
  const kept = withoutFields(
    { ...body, ...times, experimentName: run.experimentName },
    meaningless.filter((field) => run.body[field] === false).map((field) => plainPath(field)),
  )
  const plain = tidy(kept, 0)
  return isObject(plain) ? plain : {}
}

/** UTC with up to seven fraction digits, trailing zeros dropped; not a time: the text itself. */
export function canonicalTime(text: string): string {
  const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]00:?00)?$/i.exec(text)
  if (match === null) {
    const ms = Date.parse(text)
    return Number.isNaN(ms) ? text : new Date(ms).toISOString().replace(/\.?0*Z$/, 'Z')
  }
  const [, date, time, fraction = ''] = match
  const digits = fraction.slice(0, 7).replace(/0+$/, '')
  return `${date}T${time}${digits === '' ? '' : `.${digits}`}Z`
}

/** The part of the port's `MetricValue` that comparing needs. */
export interface MetricContent {
  readonly name: string
  readonly schema: string
  readonly metricId: string
  readonly createdUtc: string
  readonly step?: number
  readonly data: JsonObject
}

export interface MetricDigest {
  add(values: Iterable<MetricContent>): void
  count(): number
  /** Hex; the same for the same values in any order of pages and series. */
  digest(): string
}

/** 32-bit words of a SHA-256. */
const lanes = 8

/**
 * Digest of a run's metric values in constant memory. Hashes of values are summed word by word, so the
 * order in which two services list the same series does not matter, while a missing, doubled or
 * changed value does. Time, step and id are part of a value, so the order of logging is too. There may
 * be millions of values: one hash call and no large numbers for each.
 */
export function metricDigest(): MetricDigest {
  const sums = new Uint32Array(lanes)
  let count = 0
  return {
    add(values) {
      for (const value of values) {
        count += 1
        const words = hash('sha256', metricText(value), 'buffer')
        for (let i = 0; i < lanes; i += 1) sums[i] = (sums[i] ?? 0) + words.readUInt32LE(i * 4)
      }
    },
    count: () => count,
    digest: () => digestJson({ count, sums: [...sums] }),
  }
}

function metricText(value: MetricContent): string {
  const { name, schema, metricId, step = 0, data } = value
  const head = JSON.stringify([name, schema, metricId, canonicalTime(value.createdUtc), step])
  return head + dataText(data)
}

/** Nearly every value is one number in one column. */
function dataText(data: JsonObject): string {
  const [first, ...others] = Object.entries(data)
  if (first === undefined || others.length > 0 || typeof first[1] === 'object')
    return canonicalJson(data)
  return JSON.stringify(first)
}

/** SHA-256 in hex over the JSON text with sorted keys; `undefined` counts as absent. */
export function digestJson(value: Json): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex')
}

/** JSON text with sorted keys. */
export function canonicalJson(value: Json | undefined): string {
  if (Array.isArray(value)) return `[${value.map((element) => canonicalJson(element)).join(',')}]`
  if (!isObject(value)) return JSON.stringify(value ?? null)
  const parts = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`)
  return `{${parts.join(',')}}`
}

/** Values a service fills in when the client left the field out. */
const defaults: readonly { readonly kinds?: readonly Kind[]; path: string; value: Json }[] = [
  { path: 'isAnonymous', value: false },
  { path: 'isArchived', value: false },
  { kinds: ['environment'], path: 'autoRebuild', value: 'Disabled' },
  { kinds: ['environment'], path: 'osType', value: 'Linux' },
  { kinds: ['datastore'], path: 'protocol', value: 'https' },
  { kinds: ['datastore'], path: 'endpoint', value: 'core.windows.net' },
  { kinds: ['datastore'], path: 'serviceDataAccessAuthIdentity', value: 'None' },
  { kinds: ['online-endpoint'], path: 'publicNetworkAccess', value: 'Enabled' },
  { kinds: ['online-deployment'], path: 'egressPublicNetworkAccess', value: 'Enabled' },
  { kinds: ['online-deployment'], path: 'appInsightsEnabled', value: false },
]

function dropDefaults(kind: Kind, body: JsonObject): JsonObject {
  const properties = body.properties
  if (!isObject(properties)) return body
  const paths: FieldPath[] = defaults
    .filter((one) => one.kinds === undefined || one.kinds.includes(kind))
    .filter((one) => properties[one.path] === one.value)
    .map((one) => plainPath('properties', one.path))
  return withoutFields(body, paths)
}

/** Maps that a service answers empty when nobody filled them. */
const emptyMeansAbsent = new Set([
  'tags',
  'properties',
  'parameters',
  'flavors',
  'settings',
  'inputs',
  'outputs',
  'inputDatasets',
  'outputDatasets',
  'environmentVariables',
  'traffic',
  'mirrorTraffic',
  'datasets',
  'referencedUris',
])

/** Drops nulls, sorts keys, spells ARM ids and regions one way. Arrays keep their length. */
function tidy(value: Json, depth: number, name = ''): Json {
  if (Array.isArray(value)) return value.map((element) => tidy(element, depth + 1))
  if (typeof value === 'string') return tidyText(value, depth, name)
  if (!isObject(value)) return value
  const out: Record<string, Json> = {}
  for (const key of Object.keys(value).sort()) {
    const child = value[key]
    if (child === undefined || child === null) continue
    const tidied = tidy(child, depth + 1, key)
    if (depth <= 1 && emptyMeansAbsent.has(key) && isEmpty(tidied)) continue
    out[tidyText(key, depth, '')] = tidied
  }
  return out
}

function isEmpty(value: Json): boolean {
  if (Array.isArray(value)) return value.length === 0
  return isObject(value) && Object.keys(value).length === 0
}

const armPrefix =
  /^(?:azureml:(?:\/\/)?)?\/?subscriptions\/[^/]+\/resourcegroups\/[^/]+(?:(?:\/providers\/[^/]+)?\/workspaces\/[^/?#]+|\/providers\/.*)?/i

/** ARM ids compare without letter case up to the workspace's name; below it names keep theirs. */
function tidyText(text: string, depth: number, name: string): string {
  if (depth === 1 && name === 'location') return normalRegion(text)
  const prefix = armPrefix.exec(text)?.[0]
  if (prefix === undefined) return text
  return prefix.toLowerCase() + text.slice(prefix.length)
}

/** `East US` and `eastus` are one region. */
export function normalRegion(text: string): string {
  return text.replaceAll(' ', '').toLowerCase()
}
