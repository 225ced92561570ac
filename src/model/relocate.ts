import { writableObject } from './canonical.ts'
import { isObject } from './field-path.ts'
import type { Json, JsonObject } from './json.ts'
import { isSigned, type Move, type NameMap, type UnresolvedReason } from './move.ts'
import type { ObjectId } from './object-id.ts'
import type { Place } from './place.ts'
import { relocateField } from './typed-fields.ts'
import { relocateUri } from './uri-forms.ts'

export interface Relocation {
  /** The writable body (nothing server-made) as it belongs at the target. */
  readonly body: JsonObject
  readonly rewritten: readonly { path: string; from: string; to: string }[]
  /** Kept as they were: references to somewhere the move does not know. */
  readonly unresolved: readonly { path: string; value: string; reason: UnresolvedReason }[]
}

/**
 * Rewrites every reference in `body` from one place to another: fields that hold bare names by their
 * type, and any string at any depth that is (or holds) a URI of a known form. Nothing is guessed:
 * what cannot be mapped stays and is reported. Relocating a body that is already at `to` changes
 * nothing; relocating there and back is the identity when nothing is unresolved.
 */
export function relocateObject(
  id: ObjectId,
  body: JsonObject,
  from: Place,
  to: Place,
  map: NameMap = {},
): Relocation {
  const move: Move = { from, to, map }
  const report = { rewritten: [], unresolved: [] } as Report
  const writable = writableObject(id, body)
  const relocated = walk(writable, '', { id, move, report, root: writable })
  return { body: isObject(relocated) ? relocated : {}, ...report }
}

/** `map` for the way back. */
export function invertMap(map: NameMap): NameMap {
  return Object.fromEntries(
    Object.entries(map).map(([category, names]) => [
      category,
      Object.fromEntries(Object.entries(names).map(([a, b]) => [b, a])),
    ]),
  )
}

interface Report {
  rewritten: { path: string; from: string; to: string }[]
  unresolved: { path: string; value: string; reason: UnresolvedReason }[]
}

interface Walk {
  readonly id: ObjectId
  readonly move: Move
  readonly report: Report
  readonly root: JsonObject
}

function walk(value: Json, path: string, context: Walk): Json {
  if (typeof value === 'string') return moveText(value, path, context)
  if (Array.isArray(value)) {
    return value.map((element, index) => walk(element, `${path}[${index}]`, context))
  }
  if (!isObject(value)) return value
  const out: Record<string, Json> = {}
  for (const [key, child] of Object.entries(value)) {
    if (child === undefined) continue
    const childPath = path === '' ? key : `${path}.${key}`
    // userAssignedIdentities and the like have ARM ids as names.
    const newKey = key.includes('/') ? moveText(key, childPath, context) : key
    out[newKey] = walk(child, childPath, context)
  }
  return out
}

function moveText(value: string, path: string, context: Walk): string {
  const { move, report } = context
  const typed = relocateField(context.id.kind, path, value, context.root, move)
  const judged = typed ?? relocateUri(value, move)
  if (judged.is === 'moved') {
    report.rewritten.push({ path, from: shown(value), to: shown(judged.value) })
    return judged.value
  }
  if (judged.is === 'unresolved') {
    report.unresolved.push({ path, value: shown(value), reason: judged.reason })
    return value
  }
  if (judged.is === 'kept') return value
  return moveEmbedded(value, path, context)
}

/** Where a URI may start inside a command line, a JSON text, an environment variable. */
const embedded =
  /(?<![\w/:.-])(?:azureml:\/?\/|https?:\/\/|wasbs?:\/\/|abfss?:\/\/|azureml:(?=\/)|\/subscriptions\/)[^\s"'`<>|;,)\]}\\]+/gi

/** Only URIs that surely belong to `from` change inside longer text; the rest is not ours to judge. */
function moveEmbedded(value: string, path: string, { move, report }: Walk): string {
  if (!value.includes('/')) return value
  const moved = value.replace(embedded, (uri) => {
    const judged = relocateUri(uri, move)
    return judged.is === 'moved' ? judged.value : uri
  })
  if (moved !== value) report.rewritten.push({ path, from: shown(value), to: shown(moved) })
  return moved
}

/** A report is no place for a signature (I9). */
function shown(value: string): string {
  return isSigned(value) ? value.replace(/\?\S*/g, '?…') : value
}
