import type { Page } from '../api/all-items.ts'
import { malformedCursor } from '../workspace/pages.ts'

/** What a caller asks for of a list. */
export interface PageAsked {
  readonly cursor?: string | undefined
  readonly limit: number
}

/**
 * A page of a list that is read as a whole. The cursor is the key of the last item, not its place: what
 * comes in before it moves nothing. Throws `cursor.malformed`, also when that item is gone.
 */
export function pageAfter<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  { cursor, limit }: PageAsked,
): Page<T> & { readonly items: T[] } {
  const keys = distinct(items.map(keyOf))
  const from = cursor === undefined ? 0 : keys.indexOf(cursor) + 1
  if (cursor !== undefined && from === 0) throw malformedCursor()
  const to = from + limit
  return { items: items.slice(from, to), cursor: to < keys.length ? (keys[to - 1] ?? null) : null }
}

/** Of a list whose cursor is the number of its last row. Throws `cursor.malformed`. */
export function numberIn(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined
  if (!/^\d{1,15}$/.test(cursor)) throw malformedCursor()
  return Number(cursor)
}

/** Equal keys would make a page follow itself. */
function distinct(keys: readonly string[]): string[] {
  const seen = new Map<string, number>()
  return keys.map((key) => {
    const times = (seen.get(key) ?? 0) + 1
    seen.set(key, times)
    return times === 1 ? key : JSON.stringify([key, times])
  })
}
