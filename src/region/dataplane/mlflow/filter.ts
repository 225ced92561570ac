import { invalid } from './mlflow-error.ts'

export type Entity = 'attribute' | 'metric' | 'parameter' | 'tag'
export type Comparator =
  | '='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | 'LIKE'
  | 'ILIKE'
  | 'IN'
  | 'NOT IN'
  | 'IS NULL'
  | 'IS NOT NULL'
/** One comparison of a filter; all of them must hold. */
export interface Clause {
  readonly entity: Entity
  readonly key: string
  readonly comparator: Comparator
  readonly value: string | number | readonly string[] | undefined
}

const entities = new Map<string, Entity>([
  ...['attribute', 'attributes', 'attr', 'run'].map((name) => [name, 'attribute'] as const),
  ...['metric', 'metrics'].map((name) => [name, 'metric'] as const),
  ...['parameter', 'parameters', 'param', 'params'].map((name) => [name, 'parameter'] as const),
  ...['tag', 'tags'].map((name) => [name, 'tag'] as const),
])

/*
 * filter     = comparison ("AND" comparison)*
 * comparison = identifier (operator literal | ["NOT"] "IN" "(" text, … ")" | "IS" ["NOT"] "NULL")
 * identifier = [entity "."] key; a key may stand in quotes or backticks
 */
const identifier = /\s*((?:[A-Za-z]+\.)?(?:`[^`]+`|"[^"]+"|[^\s=!<>'"`(),]+))/y
const operator =
  /\s*(>=|<=|!=|<>|=|<|>|(?:NOT\s+IN|IN|ILIKE|LIKE|IS\s+NOT\s+NULL|IS\s+NULL)(?![\w.]))/iy
const text = /\s*(?:'((?:[^']|'')*)'|"((?:[^"]|"")*)")/y
const number = /\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(?![\w.])/iy
const and = /\s*AND(?!\w)/iy
const mark = (sign: string) => new RegExp(`\\s*\\${sign}`, 'y')
const [open, close, comma] = [mark('('), mark(')'), mark(',')]

/** Reads a filter of MLflow's search; throws INVALID_PARAMETER_VALUE for what is none. */
export function parseFilter(filter: string): Clause[] {
  if (filter.trim() === '') return []
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at
    const match = pattern.exec(filter)
    if (match === null) return undefined
    at = pattern.lastIndex
    return match
  }
  const fail = (what: string) =>
    invalid(`Invalid filter string '${filter}': expected ${what} at position ${at}.`)
  const takeText = (): string | undefined => {
    const match = take(text)
    if (match === undefined) return undefined
    return match[1] !== undefined
      ? match[1].replaceAll("''", "'")
      : (match[2] ?? '').replaceAll('""', '"')
  }

  function takeValue(comparator: Comparator): Clause['value'] {
    if (comparator.startsWith('IS')) return undefined
    if (comparator.endsWith('IN')) {
      if (!take(open)) throw fail("'('")
      const values: string[] = []
      do {
        const value = takeText()
        if (value === undefined) throw fail('a quoted string')
        values.push(value)
      } while (take(comma))
      if (!take(close)) throw fail("')'")
      return values
    }
    const digits = take(number)
    const value = digits ? Number(digits[1]) : takeText()
    if (value === undefined) throw fail('a number or a quoted string')
    return value
  }

  const clauses: Clause[] = []
  do {
    const name = take(identifier)?.[1]
    if (name === undefined) throw fail('the name of an attribute, metric, parameter or tag')
    const sign = take(operator)?.[1]
    if (sign === undefined) throw fail('a comparison')
    const comparator = (
      sign === '<>' ? '!=' : sign.toUpperCase().replace(/\s+/g, ' ')
    ) as Comparator
    clauses.push({ ...parseIdentifier(name), comparator, value: takeValue(comparator) })
  } while (take(and))
  if (filter.slice(at).trim() !== '') throw fail("'AND' or the end (OR is not supported)")
  return clauses
}

/** `metrics.loss`, `tags."a b"`, `start_time`: what a filter or an order names. */
export function parseIdentifier(name: string): { entity: Entity; key: string } {
  const [, prefix, rest = ''] = /^(?:([A-Za-z]+)\.)?(.+)$/s.exec(name) ?? []
  const entity = prefix === undefined ? 'attribute' : entities.get(prefix.toLowerCase())
  if (entity === undefined)
    throw invalid(
      `Invalid entity type '${prefix}'. Valid values are 'metric', 'parameter', 'tag', 'attribute'.`,
    )
  const [, , quoted] = /^(["`])(.*)\1$/s.exec(rest) ?? []
  return { entity, key: quoted ?? rest }
}

export interface Order {
  readonly entity: Entity
  readonly key: string
  readonly descending: boolean
}
export function parseOrder(clause: string): Order {
  const [, name = '', direction = 'asc'] =
    /^\s*((?:[A-Za-z]+\.)?(?:`[^`]+`|"[^"]+"|[^\s`"]+))(?:\s+(asc|desc))?\s*$/i.exec(clause) ?? []
  if (name === '') throw invalid(`Invalid order_by clause '${clause}'.`)
  return { ...parseIdentifier(name), descending: direction.toLowerCase() === 'desc' }
}

/** Whether a value in memory satisfies a clause; an absent one satisfies only IS NULL. */
export function satisfies(value: string | number | undefined, clause: Clause): boolean {
  const { comparator, value: wanted } = clause
  if (comparator === 'IS NULL') return value === undefined
  if (value === undefined) return false
  switch (comparator) {
    case 'IS NOT NULL':
      return true
    case 'IN':
      return Array.isArray(wanted) && wanted.includes(String(value))
    case 'NOT IN':
      return Array.isArray(wanted) && !wanted.includes(String(value))
    case 'LIKE':
      return likePattern(String(wanted), '').test(String(value))
    case 'ILIKE':
      return likePattern(String(wanted), 'i').test(String(value))
    default:
      return compare(typeof wanted === 'number' ? Number(value) : String(value), comparator, wanted)
  }
}

function compare(value: string | number, comparator: string, wanted: Clause['value']): boolean {
  const other = wanted as string | number
  switch (comparator) {
    case '=':
      return value === other
    case '!=':
      return value !== other
    case '<':
      return value < other
    case '<=':
      return value <= other
    case '>':
      return value > other
    default:
      return value >= other
  }
}

const likePattern = (pattern: string, flags: string) =>
  new RegExp(
    `^${pattern
      .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      .replaceAll('%', '.*')
      .replaceAll('_', '.')}$`,
    `su${flags}`,
  )
