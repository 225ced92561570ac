import { canonicalObject, digestJson } from '../model/canonical.ts'
import { plainPath, withoutFields } from '../model/field-path.ts'
import type { JsonObject } from '../model/json.ts'
import type { Kind } from '../model/kinds.ts'
import type { ObjectId } from '../model/object-id.ts'

/** Versions whose payload the service never lets change once created (facts, section 2). */
const immutableKinds: ReadonlySet<Kind> = new Set([
  'code',
  'environment',
  'data',
  'model',
  'component',
  'feature-entity',
  'feature-set',
])

/** What may still change on a created version: words about it and its archived state. */
const mutableFields = [
  'tags',
  'properties',
  'description',
  'displayName',
  'isArchived',
  'stage',
  'autoDeleteSetting',
]

export function isImmutableKind(kind: Kind): boolean {
  return immutableKinds.has(kind)
}

/** Of these changes, those that the service refuses on a created version. */
export function fixedFields(kind: Kind, changes: readonly { readonly path: string }[]): string[] {
  if (!immutableKinds.has(kind)) return []
  const mutable = mutableFields.map((field) => `properties.${field}`)
  return changes
    .map(({ path }) => path)
    .filter((path) => !mutable.some((one) => path === one || path.startsWith(`${one}.`)))
}

/** Equal digests: the second PUT changes nothing that the service would refuse to change. */
export function payloadDigest(id: ObjectId, body: JsonObject): string {
  const paths = mutableFields.map((field) => plainPath('properties', field))
  return digestJson(withoutFields(canonicalObject(id, body), paths))
}
