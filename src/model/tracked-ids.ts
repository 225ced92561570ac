import { canonicalJson } from './canonical.ts'
import { isObject } from './field-path.ts'
import type { Json, JsonObject } from './json.ts'
import type { Kind } from './kinds.ts'
import type { ObjectId } from './object-id.ts'

/**
 * Fields of tracking kinds (`kinds.ts`) that hold an id which each member gives itself. Texts of
 * prompts, spans and the like only look like references; ids stand in fields of their own.
 */
const idFields: Readonly<Record<string, Kind>> = { runId: 'run', loggedModelId: 'logged-model' }
/** Texts and maps of their owner: whatever stands in there is no field of ours. */
const opaque: ReadonlySet<string> = new Set(['tags', 'metadata', 'parameters', 'spans', 'feedback'])

const unordered: ReadonlySet<string> = new Set(['metrics', 'inputs', 'outputs'])

export function trackedReferences(body: Json | undefined): ObjectId[] {
  if (Array.isArray(body)) return body.flatMap(trackedReferences)
  if (!isObject(body)) return []
  return Object.entries(body).flatMap(([field, child]) => {
    if (opaque.has(field)) return []
    const kind = idFields[field]
    return kind !== undefined && typeof child === 'string'
      ? [{ kind, path: [child] }]
      : trackedReferences(child)
  })
}

export function trackedIdsIn(body: JsonObject): string[] {
  return trackedReferences(body).flatMap(({ path }) => path)
}

/** The same document in other names; lists whose order the ids made are put in order again. */
export function withTrackedIds(body: JsonObject, names: ReadonlyMap<string, string>): JsonObject {
  return renamed(body, names) as JsonObject
}

function renamed(value: Json, names: ReadonlyMap<string, string>, name = ''): Json {
  if (Array.isArray(value)) {
    const list = value.map((one) => renamed(one, names))
    return unordered.has(name) ? inOrder(list) : list
  }
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([field, child = null]) => {
      if (opaque.has(field)) return [field, child]
      if (idFields[field] === undefined || typeof child !== 'string')
        return [field, renamed(child, names, field)]
      return [field, names.get(child) ?? child]
    }),
  )
}

function inOrder(list: readonly Json[]): Json[] {
  const texts = list.map((one) => [canonicalJson(one), one] as const)
  return texts.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, one]) => one)
}
