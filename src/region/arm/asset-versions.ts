import { isDeepStrictEqual } from 'node:util'
import { AzureError } from '../context.ts'
import { asRecord, type Document, isRecord } from './document.ts'

/** Kinds whose versions live in containers, by the container's path segment in lower case. */
export const assetSegments = [
  'codes',
  'environments',
  'data',
  'models',
  'components',
  'featurestoreentities',
  'featuresets',
] as const

const versionPattern = new RegExp(
  `^microsoft\\.machinelearningservices/(workspaces|registries)/(${assetSegments.join('|')})/versions$`,
)
export const isVersionType = (type: string) => versionPattern.test(type.toLowerCase())

/** The container Azure makes when a version comes before its container. */
export function containerDocument(containerType: string, version: Document): Document {
  const properties: Document = { isArchived: false, tags: {}, properties: {} }
  if (containerType.toLowerCase().endsWith('/data'))
    properties.dataType = asRecord(version.properties).dataType ?? 'uri_folder'
  else if (!containerType.toLowerCase().endsWith('/codes'))
    properties.provisioningState = 'Succeeded'
  return { properties }
}

/** Fields of a version that may change after its creation; the payload may not. */
const mutable = new Set([
  'description',
  'tags',
  'properties',
  'isArchived',
  'stage',
  'autoDeleteSetting',
  'provisioningState',
])

/**
 * The document to store for a version. Payload fields the writer leaves out stay as they are; one
 * it gives with another value is refused, as Azure does (facts, section 2).
 */
export function versionDocument(type: string, body: Document, existing?: Document): Document {
  const written = withTextMaps(asRecord(body.properties))
  if (!existing) {
    return { ...body, properties: { isArchived: false, isAnonymous: false, ...written } }
  }
  const before = asRecord(existing.properties)
  const properties: Document = { ...written }
  for (const [field, value] of Object.entries(before)) {
    if (mutable.has(field)) continue
    const next = written[field]
    if (next === undefined || next === null) properties[field] = value
  }
  for (const [field, next] of Object.entries(properties)) {
    if (mutable.has(field) || isDeepStrictEqual(next, before[field])) continue
    if (isEmpty(next) && isEmpty(before[field])) continue
    throw changedPayload(type, field)
  }
  return { ...existing, ...body, properties }
}

/** What the service fills in, a client sends back: nothing, false and an empty map are the same here. */
const isEmpty = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  value === false ||
  (isRecord(value) && Object.keys(value).length === 0)

/** Tags and properties map text to text; clients send numbers too (`hash_version`), and read text. */
function withTextMaps(properties: Document): Document {
  const result = { ...properties }
  for (const field of ['tags', 'properties'] as const) {
    const map = properties[field]
    if (isRecord(map))
      result[field] = Object.fromEntries(
        Object.entries(map).map(([name, value]) => [
          name,
          typeof value === 'number' || typeof value === 'boolean' ? String(value) : value,
        ]),
      )
  }
  return result
}

function changedPayload(type: string, field: string): AzureError {
  const isData = type.toLowerCase().endsWith('/data/versions')
  const message = isData
    ? "A data version with this name and version already exists. If you are trying to create a new data version, use a different name or version. If you are trying to update an existing data version, the existing asset's data uri cannot be changed. Only tags, description, and isArchived can be updated."
    : 'Asset paths cannot be updated.'
  return new AzureError(400, 'UserError', message, { target: `properties.${field}` })
}
