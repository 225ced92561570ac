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

/** Equal digests: the second PUT changes nothing that the service would refuse to change. */
export function payloadDigest(id: ObjectId, body: JsonObject): string {
  const paths = mutableFields.map((field) => plainPath('properties', field))
  return digestJson(withoutFields(canonicalObject(id, body), paths))
}
