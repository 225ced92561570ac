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

/** Results as they come, `width` calls under way at a time; the first failure ends it. */
export async function* mapConcurrently<T, R>(
  items: Iterable<T>,
  width: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const running = new Map<number, Promise<readonly [number, R]>>()
  let next = 0
  const iterator = items[Symbol.iterator]()
  const startOne = (): void => {
    const item = iterator.next()
    if (item.done === true) return
    const key = next++
    const promise = work(item.value).then((result) => [key, result] as const)
    // Others may fail while an earlier failure is being thrown; that one is what is reported.
    promise.catch(() => undefined)
    running.set(key, promise)
  }
  for (let i = 0; i < width; i++) startOne()
  while (running.size > 0) {
    const [key, result] = await Promise.race(running.values())
    running.delete(key)
    startOne()
    yield result
  }
}

/** Spells an optional cursor the way `exactOptionalPropertyTypes` wants it. */
export function at(cursor: string | undefined): { cursor?: string } {
  return cursor === undefined ? {} : { cursor }
}
