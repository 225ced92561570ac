import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { isRecord } from '../document.ts'
import { templateError } from './template-error.ts'

type Values = readonly unknown[]

/** Functions of the template language that need nothing but their arguments, by lower-case name. */
export const pureFunctions: Readonly<Record<string, (args: Values) => unknown>> = {
  // Logic
  equals: ([a, b]) => isDeepStrictEqual(a, b),
  not: ([a]) => !isTrue(a),
  bool: ([a]) => isTrue(a),
  true: () => true,
  false: () => false,
  null: () => null,
  less: ([a, b]) => compare(a, b) < 0,
  lessorequals: ([a, b]) => compare(a, b) <= 0,
  greater: ([a, b]) => compare(a, b) > 0,
  greaterorequals: ([a, b]) => compare(a, b) >= 0,
  // Strings
  string: ([a]) => (typeof a === 'string' ? a : JSON.stringify(a)),
  tolower: ([a]) => text(a).toLowerCase(),
  toupper: ([a]) => text(a).toUpperCase(),
  trim: ([a]) => text(a).trim(),
  startswith: ([a, b]) => text(a).toLowerCase().startsWith(text(b).toLowerCase()),
  endswith: ([a, b]) => text(a).toLowerCase().endsWith(text(b).toLowerCase()),
  replace: ([a, old, next]) => text(a).replaceAll(text(old), text(next)),
  substring: ([a, start = 0, length]) =>
    text(a).substring(
      Number(start),
      length === undefined ? undefined : Number(start) + Number(length),
    ),
  split: ([a, by]) => splitBy(text(a), Array.isArray(by) ? by.map(text) : [text(by)]),
  join: ([list, by]) => array(list).map(text).join(text(by)),
  padleft: ([a, width, fill = ' ']) => text(a).padStart(Number(width), text(fill)),
  format: ([pattern, ...values]) =>
    text(pattern).replace(/\{(\d+)(?::[^}]*)?\}/g, (_, index: string) =>
      text(values[Number(index)]),
    ),
  uri: ([base, relative]) => new URL(text(relative), text(base)).href,
  uricomponent: ([a]) => encodeURIComponent(text(a)),
  base64: ([a]) => Buffer.from(text(a)).toString('base64'),
  base64tostring: ([a]) => Buffer.from(text(a), 'base64').toString('utf8'),
  uniquestring: (args) => digest(args).slice(0, 13).toLowerCase(),
  guid: (args) => toGuid(createHash('sha256').update(args.map(text).join('-')).digest('hex')),
  json: ([a]) => JSON.parse(text(a)) as unknown,
  // Numbers
  int: ([a]) => Math.trunc(Number(a)),
  add: ([a, b]) => Number(a) + Number(b),
  sub: ([a, b]) => Number(a) - Number(b),
  mul: ([a, b]) => Number(a) * Number(b),
  div: ([a, b]) => Math.trunc(Number(a) / Number(b)),
  mod: ([a, b]) => Number(a) % Number(b),
  min: (args) => Math.min(...args.flat().map(Number)),
  max: (args) => Math.max(...args.flat().map(Number)),
  // Arrays and objects
  array: ([a]) => (Array.isArray(a) ? a : [a]),
  createarray: (args) => [...args],
  createobject: (args) =>
    Object.fromEntries(
      Array.from({ length: args.length / 2 }, (_, i) => [text(args[2 * i]), args[2 * i + 1]]),
    ),
  range: ([start, count]) => Array.from({ length: Number(count) }, (_, i) => Number(start) + i),
  concat: (args) => (Array.isArray(args[0]) ? args.flat() : args.map(text).join('')),
  length: ([a]) => (isRecord(a) ? Object.keys(a).length : (a as string | unknown[]).length),
  empty: ([a]) =>
    a === null ||
    a === undefined ||
    a === '' ||
    (typeof a === 'object' && Object.keys(a).length === 0),
  contains: ([where, what]) => contains(where, what),
  first: ([a]) => (a as string | unknown[])[0],
  last: ([a]) => (a as string | unknown[]).at(-1),
  skip: ([a, count]) => (a as string | unknown[]).slice(Number(count)),
  take: ([a, count]) => (a as string | unknown[]).slice(0, Number(count)),
  union: (args) => (Array.isArray(args[0]) ? unique(args.flat()) : merge(args)),
  intersection: ([a, b]) =>
    array(a).filter((one) => array(b).some((other) => isDeepStrictEqual(one, other))),
  coalesce: (args) => args.find((value) => value !== null && value !== undefined) ?? null,
}

export const isTrue = (value: unknown): boolean =>
  typeof value === 'string' ? value.toLowerCase() === 'true' : Boolean(value)

function text(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'number') return String(value)
  throw templateError(`a text is expected, not ${JSON.stringify(value)}.`)
}

function array(value: unknown): unknown[] {
  if (Array.isArray(value)) return value
  throw templateError(`an array is expected, not ${JSON.stringify(value)}.`)
}

const compare = (a: unknown, b: unknown): number =>
  typeof a === 'number' && typeof b === 'number'
    ? a - b
    : text(a) < text(b)
      ? -1
      : text(a) > text(b)
        ? 1
        : 0

function splitBy(whole: string, separators: readonly string[]): string[] {
  return separators.reduce((parts, by) => parts.flatMap((part) => part.split(by)), [whole])
}

function contains(where: unknown, what: unknown): boolean {
  if (typeof where === 'string') return where.includes(text(what))
  if (Array.isArray(where)) return where.some((one) => isDeepStrictEqual(one, what))
  const key = text(what).toLowerCase()
  return isRecord(where) && Object.keys(where).some((name) => name.toLowerCase() === key)
}

const unique = (values: readonly unknown[]): unknown[] =>
  values.filter(
    (value, index) => values.findIndex((one) => isDeepStrictEqual(one, value)) === index,
  )

function merge(objects: Values): unknown {
  return objects.reduce<Record<string, unknown>>((result, object) => {
    for (const [key, value] of Object.entries(isRecord(object) ? object : {}))
      result[key] = isRecord(value) && isRecord(result[key]) ? merge([result[key], value]) : value
    return result
  }, {})
}

function digest(values: Values): string {
  const bytes = createHash('sha256').update(values.map(text).join('-')).digest()
  const letters = 'abcdefghijklmnopqrstuvwxyz234567'
  return [...bytes].map((byte) => letters[byte % 32]).join('')
}

const toGuid = (hex: string) =>
  [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `5${hex.slice(13, 16)}`,
    `a${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
