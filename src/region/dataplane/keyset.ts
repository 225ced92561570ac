import { createHash } from 'node:crypto'
import { AzureError } from '../context.ts'

export type SqlValue = string | number | null
/** A part of a WHERE clause; joined with AND. */
export interface Condition {
  readonly sql: string
  readonly params: readonly SqlValue[]
}
/** An ORDER BY term whose value is never NULL. */
export interface OrderTerm extends Condition {
  readonly descending: boolean
}

/** A term for an expression that may be NULL: those without a value come last. */
export const nullsLast = (sql: string, params: readonly SqlValue[], descending: boolean) => [
  { sql: `(${sql} IS NULL)`, params, descending: false },
  { sql: `ifnull(${sql}, '')`, params, descending },
]

export const all = (conditions: readonly Condition[]): Condition => ({
  sql: conditions.map(({ sql }) => `(${sql})`).join(' AND ') || '1',
  params: conditions.flatMap(({ params }) => params),
})

/**
 * What comes after the row with these values in this order. The first comparison stands alone in
 * front, so that the database enters an index at that place whatever the depth of the page.
 */
export function after(order: readonly OrderTerm[], values: readonly SqlValue[]): Condition {
  const alternatives = order.map((term, i) =>
    all([
      ...order.slice(0, i).map((earlier, j) => compare(earlier, '=', values[j])),
      compare(term, term.descending ? '<' : '>', values[i]),
    ]),
  )
  const either: Condition = {
    sql: alternatives.map(({ sql }) => `(${sql})`).join(' OR '),
    params: alternatives.flatMap(({ params }) => params),
  }
  const [first] = order
  if (first === undefined) return either
  return all([compare(first, first.descending ? '<=' : '>=', values[0]), either])
}

const compare = (term: OrderTerm, operator: string, value: SqlValue | undefined): Condition => ({
  sql: `${term.sql} ${operator} ?`,
  params: [...term.params, value ?? null],
})

export const orderBy = (order: readonly OrderTerm[]): Condition => ({
  sql: order.map(({ sql, descending }) => `${sql} ${descending ? 'DESC' : 'ASC'}`).join(', '),
  params: order.flatMap(({ params }) => params),
})

/** Continuation tokens carry the last row's place; one made for another order is refused. */
export function pageToken(order: readonly OrderTerm[], values: readonly SqlValue[]): string {
  return Buffer.from(JSON.stringify([fingerprint(order), ...values.map(toJson)])).toString(
    'base64url',
  )
}

export function placeOf(order: readonly OrderTerm[], token: string): SqlValue[] {
  let parts: unknown
  try {
    parts = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'))
  } catch (cause) {
    throw invalidToken(cause)
  }
  if (!Array.isArray(parts) || parts.length !== order.length + 1) throw invalidToken()
  const [made, ...values] = parts as unknown[]
  if (made !== fingerprint(order)) throw invalidToken()
  return values.map(fromJson)
}

const fingerprint = (order: readonly OrderTerm[]) =>
  createHash('sha256')
    .update(JSON.stringify(orderBy(order)))
    .digest('base64url')
    .slice(0, 8)

const infinite = { '+': Number.POSITIVE_INFINITY, '-': Number.NEGATIVE_INFINITY }
const toJson = (value: SqlValue) =>
  value === infinite['+'] ? ['+'] : value === infinite['-'] ? ['-'] : value
function fromJson(value: unknown): SqlValue {
  if (typeof value === 'string' || typeof value === 'number') return value
  if (Array.isArray(value)) return value[0] === '+' ? infinite['+'] : infinite['-']
  throw invalidToken()
}

function invalidToken(cause?: unknown): AzureError {
  const error = new AzureError(
    400,
    'ValidationError',
    'The continuation token is not one of this query.',
  )
  error.cause = cause
  return error
}
