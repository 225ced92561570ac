import { canonicalJson } from '../model/canonical.ts'
import { isObject } from '../model/field-path.ts'
import type { Json, JsonObject } from '../model/json.ts'

export interface FieldChange {
  readonly path: string
  readonly from?: Json
  readonly to?: Json
}

/** Where two canonical documents differ; arrays count as one value. Signatures are masked (I9). */
export function fieldChanges(from: JsonObject, to: JsonObject, path = ''): FieldChange[] {
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort()
  return names.flatMap((name) => {
    const [before, after] = [from[name], to[name]]
    const here = path === '' ? name : `${path}.${name}`
    if (isObject(before) && isObject(after)) return fieldChanges(before, after, here)
    if (canonicalJson(before) === canonicalJson(after)) return []
    return [
      {
        path: here,
        ...(before === undefined ? {} : { from: masked(before) }),
        ...(after === undefined ? {} : { to: masked(after) }),
      },
    ]
  })
}

export function withoutSignatures(document: JsonObject): JsonObject {
  const plain = masked(document)
  return isObject(plain) ? plain : {}
}

function masked(value: Json): Json {
  if (typeof value === 'string') return value.replace(/([?&]sig=)[^&\s"]*/gi, '$1…')
  if (Array.isArray(value)) return value.map(masked)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, child]) =>
      child === undefined ? [] : [[name, masked(child)] as const],
    ),
  )
}
