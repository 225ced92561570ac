import { isDeepStrictEqual } from 'node:util'
import { asRecord, type Document, isRecord } from '../arm/document.ts'
import { AzureError } from '../context.ts'
import { requireMicros } from './instant.ts'

/** Made by the service; a writer's values for them are passed over, as Azure does. */
const serviceMade = new Set([
  'runId',
  'runNumber',
  'runUuid',
  'rootRunId',
  'rootRunUuid',
  'parentRunUuid',
  'experimentId',
  'experimentName',
  'createdUtc',
  'createdBy',
  'userId',
  'token',
  'tokenExpiryTimeUtc',
  'revision',
  'statusRevision',
  'lastModifiedUtc',
  'lastModifiedBy',
  'options',
  '__proto__',
])
/** A key that is there keeps its value for ever. */
const immutableMaps = new Set(['properties', 'parameters'])
/** Written key by key: keys that a write leaves out stay. */
const mergedMaps = new Set(['tags', 'settings', 'services', 'actionUris', 'inputs', 'outputs'])
const textMaps = new Set(['properties', 'parameters', 'tags', 'settings', 'actionUris'])
const instants = ['startTimeUtc', 'endTimeUtc']

export const runIdPattern = /^[A-Za-z0-9_-]{1,255}$/

export function requireRunId(runId: unknown): string {
  if (typeof runId === 'string' && runIdPattern.test(runId)) return runId
  throw new AzureError(
    400,
    'ValidationError',
    'Run IDs must be less than 256 characters and contain only alphanumeric characters with dashes and underscores.',
  )
}

/**
 * The document after a write of CreateRun fields. Null means "not given". Returns `before` itself
 * when nothing changes, so that a repeated write causes no new revision (I2).
 */
export function mergeRun(runId: string, before: Document, written: Document): Document {
  const after: Document = { ...before }
  for (const [field, value] of Object.entries(written)) {
    if (value === null || value === undefined || serviceMade.has(field)) continue
    if (instants.includes(field)) requireMicros(value, field)
    if (textMaps.has(field) && isRecord(value)) {
      const texts = textMap(field, value)
      after[field] = immutableMaps.has(field)
        ? addImmutable(runId, field, asRecord(before[field]), texts)
        : { ...asRecord(before[field]), ...texts }
    } else if (mergedMaps.has(field) && isRecord(value)) {
      after[field] = { ...asRecord(before[field]), ...value }
    } else after[field] = value
  }
  return isDeepStrictEqual(before, after) ? before : after
}

function textMap(field: string, map: Document): Document {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, text(field, value)]))
}

function text(field: string, value: unknown): string | null {
  if (value === null || typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw new AzureError(400, 'ValidationError', `The values of '${field}' must be strings.`)
}

function addImmutable(runId: string, field: string, before: Document, written: Document): Document {
  for (const [key, value] of Object.entries(written)) {
    if (Object.hasOwn(before, key) && before[key] !== value)
      throw new AzureError(
        400,
        'UserError',
        `The ${field} of a run are immutable: '${key}' of run '${runId}' has another value already.`,
        { target: `${field}.${key}` },
      )
  }
  return { ...before, ...written }
}
