import { HoldfastError } from '../model/errors.ts'

/** A YAML mapping as read from a specification file. */
export type Document = Readonly<Record<string, unknown>>

export function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A mapping, or an empty one when the key is absent; anything else is a mistake at `place`. */
export function mapping(value: unknown, place: string): Document {
  if (value === undefined || value === null) return {}
  if (isDocument(value)) return value
  throw new HoldfastError(
    'specification.wrong-type',
    `expected a mapping, found ${typeOf(value)}`,
    { place },
  )
}

export function text(value: unknown, place: string): string {
  // YAML reads `version: 1` as a number and `name: yes` as a boolean; both mean their own text here.
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw new HoldfastError('specification.wrong-type', `expected text, found ${typeOf(value)}`, {
    place,
    ...(isDocument(value)
      ? {
          hint: 'Quote the value; {{…}} without quotes is a YAML mapping, often an unfilled placeholder.',
        }
      : {}),
  })
}

export function optionalText(value: unknown, place: string): string | undefined {
  return value === undefined || value === null ? undefined : text(value, place)
}

/** Tags and environment variables: every value becomes text, as the service stores them. */
export function textMap(value: unknown, place: string): Record<string, string> | undefined {
  if (value === undefined || value === null) return undefined
  return Object.fromEntries(
    Object.entries(mapping(value, place)).map(([key, v]) => [
      key,
      v === null ? '' : isDocument(v) || Array.isArray(v) ? JSON.stringify(v) : String(v),
    ]),
  )
}

/** Without keys whose value is undefined, so that absent and unset are one thing. */
export function compact<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
}

/** `max_instances` -> `maxInstances`; how ARM spells the specification's words unless a table says otherwise. */
export function camel(key: string): string {
  return key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

/** `append_row` -> `AppendRow`. */
export function pascal(value: string): string {
  const joined = camel(value)
  return joined.charAt(0).toUpperCase() + joined.slice(1)
}

/** Seconds (or an ISO 8601 duration already) -> ISO 8601 duration. */
export function duration(value: unknown, place: string): string | undefined {
  const given = optionalText(value, place)
  if (given === undefined) return undefined
  return /^\d+(\.\d+)?$/.test(given) ? `PT${given}S` : given
}

export function milliseconds(value: unknown, place: string): string | undefined {
  const given = optionalText(value, place)
  if (given === undefined) return undefined
  return /^\d+(\.\d+)?$/.test(given) ? `PT${Number(given) / 1000}S` : given
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (isDocument(value)) return 'a mapping'
  return value === null ? 'nothing' : `a ${typeof value}`
}
