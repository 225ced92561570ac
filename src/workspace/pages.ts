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
