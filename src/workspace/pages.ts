import { HoldfastError } from '../model/errors.ts'
import { isObject } from '../model/field-path.ts'
import type { Json } from '../model/json.ts'
import type { Page, PageOptions } from './workspace.ts'

/** Walks all pages of a list; the next page is fetched only when it is needed. */
export async function* allPages<T>(
  fetchPage: (options: PageOptions) => Promise<Page<T>>,
  options: PageOptions = {},
): AsyncGenerator<T> {
  let { cursor } = options
  do {
    const page = await fetchPage({ ...options, ...(cursor === undefined ? {} : { cursor }) })
    yield* page.items
    cursor = page.cursor
  } while (cursor !== undefined)
}

export async function collect<T>(
  fetchPage: (options: PageOptions) => Promise<Page<T>>,
  options: PageOptions = {},
): Promise<T[]> {
  const items: T[] = []
  for await (const item of allPages(fetchPage, options)) items.push(item)
  return items
}

/**
 * The state that a cursor holds. It comes back through clients, who may send anything: throws
 * `cursor.malformed` unless every field named is a list where there is one.
 */
export function readCursor<T>(cursor: string, lists: readonly (keyof T & string)[]): T {
  const state = parsed(cursor)
  if (isObject(state) && lists.every((name) => Array.isArray(state[name] ?? [])))
    return state as unknown as T
  throw malformedCursor()
}

export function malformedCursor(): HoldfastError {
  return new HoldfastError(
    'cursor.malformed',
    'This cursor came from no page of the list, or what it names is gone.',
    {
      kind: 'operator',
      hint: 'Begin without a cursor, and send back the one of each answer as it is.',
    },
  )
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}
