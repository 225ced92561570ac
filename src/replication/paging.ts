import type { Page } from '../workspace/workspace.ts'

/** Pages one after the other; the next is asked for only when it is wanted. */
export async function* pagesOf<T>(
  read: (cursor: string | undefined) => Promise<Page<T>>,
): AsyncGenerator<readonly T[]> {
  for (let cursor: string | undefined; ; ) {
    const page = await read(cursor)
    if (page.items.length > 0) yield page.items
    if (page.cursor === undefined) return
    cursor = page.cursor
  }
}

/**
 * As `pagesOf`, but the first page is asked for at once and each further one while that before is
 * worked on: for lists that are walked to their end. Who leaves a walk early waits for the page that
 * is under way.
 */
export function pagesAhead<T>(
  read: (cursor: string | undefined) => Promise<Page<T>>,
): AsyncGenerator<readonly T[]> {
  const ask = (cursor: string | undefined): Promise<Page<T>> => {
    const page = read(cursor)
    // Whoever comes to it hears of its failure; nobody else has to.
    page.catch(() => undefined)
    return page
  }
  let next = ask(undefined)
  const pages = pagesOf(async () => {
    const page = await next
    if (page.cursor !== undefined) next = ask(page.cursor)
    return page
  })
  return endingWith(pages, () => next)
}

async function* endingWith<T>(
  pages: AsyncGenerator<T>,
  underWay: () => Promise<unknown>,
): AsyncGenerator<T> {
  try {
    yield* pages
  } finally {
    await underWay().catch(() => undefined)
  }
}

/** Lists of `size` items, the last one shorter. */
export function partsOf<T>(items: readonly T[], size: number): (readonly T[])[] {
  const parts: (readonly T[])[] = []
  for (let from = 0; from < items.length; from += size) parts.push(items.slice(from, from + size))
  return parts
}

/** Items regrouped into lists of `size`, the last one shorter. */
export async function* batchesOf<T>(
  lists: AsyncIterable<readonly T[]>,
  size: number,
): AsyncGenerator<T[]> {
  let batch: T[] = []
  for await (const list of lists) {
    for (const item of list) {
      batch.push(item)
      if (batch.length === size) {
        yield batch
        batch = []
      }
    }
  }
  if (batch.length > 0) yield batch
}

/** Spells an optional cursor the way `exactOptionalPropertyTypes` wants it. */
export function at(cursor: string | undefined): { cursor?: string } {
  return cursor === undefined ? {} : { cursor }
}
