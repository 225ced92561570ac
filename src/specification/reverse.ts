import type { Json, JsonObject } from '../model/json.ts'
import { rewriteUnder } from './chosen-keys.ts'
import { isDocument } from './document.ts'

/** How the service's spelling becomes the specification's: the way back of `document.ts`. */

/** `maxInstances` -> `max_instances`, `AppendRow` -> `append_row`. */
export function snake(text: string): string {
  return text
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .toLowerCase()
}

export function snakeKeys(value: JsonObject, keep: readonly string[] = []): JsonObject {
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [
      snake(key),
      isObject(child) && !keep.includes(key)
        ? rewriteUnder(key, child, (fields) => snakeKeys(fields))
        : (child as Json),
    ]),
  )
}

/** `PT300S` -> 300; other durations stay text, which the specification may hold, too. */
export function seconds(value: Json | undefined): Json | undefined {
  const [, count] = /^PT(\d+(?:\.\d+)?)S$/.exec(String(value)) ?? []
  return count === undefined ? value : Number(count)
}

export function milliseconds(value: Json | undefined): Json | undefined {
  const [, count] = /^PT(\d+(?:\.\d+)?)S$/.exec(String(value)) ?? []
  return count === undefined ? value : Math.round(Number(count) * 1000)
}

/** The word that a table spells `value` for the service; the value itself when the table has none. */
export function wordOf(
  table: Readonly<Record<string, string>>,
  value: Json | undefined,
): string | undefined {
  if (typeof value !== 'string') return undefined
  const found = Object.entries(table).find(([, theirs]) => theirs === value)
  return found === undefined ? snake(value) : found[0]
}

export function object(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {}
}

export function isObject(value: unknown): value is JsonObject {
  return isDocument(value)
}

/** Nothing was said: absent, null, or a map that the service answers empty. */
export function isNothing(value: Json | undefined): boolean {
  return (
    value === undefined || value === null || (isObject(value) && Object.keys(value).length === 0)
  )
}

export function without(value: JsonObject, ...keys: readonly string[]): JsonObject {
  return Object.fromEntries(
    Object.entries(value).filter(([key]) => !keys.includes(key)),
  ) as JsonObject
}

export type BackTable = Readonly<
  Record<string, (value: Json) => Json | undefined | Promise<Json | undefined>>
>

/** The keys of a specification for the properties that `table` names; `back` spells what differs. */
export async function reverseFields(
  properties: JsonObject,
  table: Readonly<Record<string, string>>,
  back: BackTable = {},
): Promise<JsonObject> {
  const result: Record<string, Json> = {}
  for (const [key, target] of Object.entries(table)) {
    const value = properties[target]
    if (value === undefined || isNothing(value)) continue
    const reversed = back[key] === undefined ? value : await back[key](value)
    if (reversed !== undefined && reversed !== null) result[key] = reversed
  }
  return result
}
