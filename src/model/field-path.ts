import type { Json, JsonObject } from './json.ts'

/**
 * The path language of the facts table: `properties.jobs.*.services`, `a[].b` for every element,
 * `{x,y}Id` for alternatives, and `name<Command>` for "the value of `name`, when its discriminator
 * (a field ending in `type`) says Command".
 */
export type FieldPath = readonly Segment[]

interface Segment {
  /** Undefined: any name. */
  readonly names: readonly string[] | undefined
  readonly eachElement: boolean
  /** Undefined: whatever the discriminator. */
  readonly variants: readonly string[] | undefined
}

/** One text may stand for several paths (`{a,b}Id`, `a / b`). */
export function parseFieldPaths(text: string): FieldPath[] {
  return text.split(' / ').map((path) => splitDots(path).map(parseSegment))
}

/** A path of plain names, for fields whose own name holds a dot. */
export function plainPath(...names: string[]): FieldPath {
  return names.map((name) => ({ names: [name], eachElement: false, variants: undefined }))
}

function splitDots(path: string): string[] {
  // Dots inside <...> or {...} do not occur in the table, so a plain split is exact.
  return path.trim().split('.')
}

function parseSegment(text: string): Segment {
  const match = /^([^<[]+)(\[\])?(?:<([^>]+)>)?$/.exec(text)
  const [, name = text, brackets, variant] = match ?? []
  return {
    names: name === '*' ? undefined : alternatives(name),
    eachElement: brackets !== undefined,
    variants: variant === undefined || variant === '*' ? undefined : variant.split('|'),
  }
}

function alternatives(name: string): string[] {
  const match = /^(.*)\{([^}]+)\}(.*)$/.exec(name)
  if (match === null) return name.split('/')
  const [, before = '', middle = '', after = ''] = match
  return middle.split(',').map((one) => before + one.trim() + after)
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function hasVariant(value: Json | undefined, variants: readonly string[] | undefined): boolean {
  if (variants === undefined) return true
  if (!isObject(value)) return false
  return Object.entries(value).some(
    ([key, text]) => /type$/i.test(key) && typeof text === 'string' && variants.includes(text),
  )
}

/** A copy of `body` without the fields that any of `paths` names. */
export function withoutFields(body: JsonObject, paths: readonly FieldPath[]): JsonObject {
  return paths.reduce<JsonObject>((rest, path) => removeIn(rest, path, 0), body)
}

function removeIn(object: JsonObject, path: FieldPath, depth: number): JsonObject {
  const segment = path[depth]
  if (segment === undefined) return object
  // Most paths name nothing in most documents: only what loses a field is copied.
  let copy: Record<string, Json | undefined> | undefined
  for (const name of segment.names ?? Object.keys(object)) {
    const value = object[name]
    if (value === undefined) continue
    const rest = removeInField(value, path, depth, segment)
    if (rest === value) continue
    copy ??= { ...object }
    if (rest === undefined) delete copy[name]
    else copy[name] = rest
  }
  return copy ?? object
}

/** Undefined: the whole field goes. */
function removeInField(
  value: Json,
  path: FieldPath,
  depth: number,
  segment: Segment,
): Json | undefined {
  if (segment.eachElement)
    return Array.isArray(value) ? removeInElements(value, path, depth, segment) : value
  if (!hasVariant(value, segment.variants)) return value
  if (depth === path.length - 1) return undefined
  return isObject(value) ? removeIn(value, path, depth + 1) : value
}

function removeInElements(
  elements: readonly Json[],
  path: FieldPath,
  depth: number,
  segment: Segment,
): Json[] {
  const touched = (element: Json) => hasVariant(element, segment.variants)
  if (depth === path.length - 1) return elements.filter((element) => !touched(element))
  return elements.map((element) =>
    isObject(element) && touched(element) ? removeIn(element, path, depth + 1) : element,
  )
}
