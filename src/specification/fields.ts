import type { Json, JsonObject } from '../model/json.ts'
import { compact, type Document } from './document.ts'
import { type ImportSession, placeOf, type Where } from './import-session.ts'

/**
 * Which keys a specification may have, and what each becomes. A key that no table knows is reported,
 * never dropped in silence: a lost field would look like a successful import.
 */
export type FieldTable = Readonly<
  Record<string, (value: unknown, where: Where) => Json | undefined | Promise<Json | undefined>>
>

/** Keys every specification may have and that mean nothing to the service. */
const always = new Set(['$schema', 'name', 'version', 'type', 'id', 'creation_context'])

export async function convertFields(
  session: ImportSession,
  document: Document,
  where: Where,
  targets: Readonly<Record<string, string>>,
  table: FieldTable,
  also: readonly string[] = [],
): Promise<JsonObject> {
  const result: Record<string, Json | undefined> = {}
  for (const [key, value] of Object.entries(document)) {
    const target = targets[key]
    if (target === undefined) {
      if (!always.has(key) && !also.includes(key))
        session.unknownKeys.push({ place: placeOf(where), key })
      continue
    }
    const convert = table[key]
    result[target] = convert
      ? await convert(value, {
          file: where.file,
          key: where.key === '' ? key : `${where.key}.${key}`,
        })
      : (value as Json)
  }
  return compact(result) as JsonObject
}
