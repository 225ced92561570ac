import { stringify } from 'yaml'
import type { Json, JsonObject } from '../model/json.ts'
import { isObject } from './reverse.ts'

/** Keys that stand first, in this order; the others follow by name. */
const first = ['$schema', 'name', 'version', 'endpoint_name', 'type', 'display_name', 'description']

/**
 * A specification as text, the same for the same content: keys in a fixed order, long lines whole.
 * Quoted by the rules of YAML 1.1, because the official client's parser takes `on` for a boolean.
 */
export function specificationText(document: JsonObject): string {
  const keys = Object.keys(document).sort(byName)
  const leading = first.filter((key) => keys.includes(key))
  const ordered = [...leading, ...keys.filter((key) => !first.includes(key))]
  const sorted = Object.fromEntries(
    ordered.flatMap((key) => (document[key] === undefined ? [] : [[key, sort(document[key])]])),
  )
  return stringify(sorted, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false })
}

function sort(value: Json): Json {
  if (Array.isArray(value)) return value.map(sort)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.keys(value)
      .sort(byName)
      .flatMap((key) => (value[key] === undefined ? [] : [[key, sort(value[key])]])),
  )
}

function byName(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
