import type { Json, JsonObject } from '../../model/json.ts'
import type { ObjectOrigin } from '../workspace.ts'
import { array, object, originTags, text } from './run-document.ts'

const createdTag = 'holdfast.origin.created'
const idTag = 'holdfast.origin.id'
/** On a version whose run or logged model is gone at the original: how the original named it. */
export const goneTag = 'holdfast.origin.source-gone'
const own: ReadonlySet<string> = new Set([originTags.member, idTag, createdTag, goneTag])

/** Tags as their owner knows them, and what Holdfast wrote beside them. */
export function splitTags(tags: Readonly<Record<string, string>>): {
  readonly tags: Readonly<Record<string, string>>
  readonly origin?: ObjectOrigin
} {
  const kept = Object.fromEntries(Object.entries(tags).filter(([key]) => !own.has(key)))
  const { [originTags.member]: member, [idTag]: id, [createdTag]: createdAt } = tags
  if (member === undefined || id === undefined) return { tags: kept }
  return { tags: kept, origin: { member, id, ...(createdAt === undefined ? {} : { createdAt }) } }
}

/** From the request that creates the copy on, so that a crash leaves none that is nobody's (I2). */
export function tagsOfOrigin(origin: ObjectOrigin | undefined): Record<string, string> {
  if (origin === undefined) return {}
  const { member, id, createdAt } = origin
  return {
    [originTags.member]: member,
    [idTag]: id,
    ...(createdAt === undefined ? {} : { [createdTag]: createdAt }),
  }
}

/** `[{ key, value }]` as a map. */
export function keyed(list: Json | undefined): Record<string, string> {
  return Object.fromEntries(
    array(list).map((one) => [text(object(one).key), text(object(one).value)]),
  )
}

export function strings(value: Json | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(object(value)).map(([key, one]) => [key, text(one)]))
}

/** What has to be written and what has to go, for the target to hold `wanted`. */
export function tagChanges(
  wanted: Readonly<Record<string, string>>,
  there: Readonly<Record<string, string>>,
): { readonly set: readonly (readonly [string, string])[]; readonly gone: readonly string[] } {
  return {
    set: Object.entries(wanted).filter(([key, value]) => there[key] !== value),
    gone: Object.keys(there).filter((key) => wanted[key] === undefined),
  }
}

/** Milliseconds of the service as the time that ARM documents carry. */
export function madeAt(ms: Json | undefined, origin: ObjectOrigin | undefined): JsonObject {
  if (origin?.createdAt !== undefined) return { createdAt: origin.createdAt }
  const time = new Date(Number(ms ?? Number.NaN))
  return Number.isNaN(time.getTime()) ? {} : { createdAt: time.toISOString() }
}

/** Only fields that hold something: an empty text and none at all are one to the service. */
export function present(fields: Readonly<Record<string, Json | undefined>>): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== ''),
  ) as JsonObject
}
