/** Apart from the schemas, so that the console need not load the validator. */

export interface PageQuery {
  /** From the page before. */
  readonly cursor?: string
  readonly limit?: number
}

export interface Page<T> {
  readonly items: readonly T[]
  /** Null: this is the end. */
  readonly cursor: string | null
}

/** The pages of a list, one after the other; the next is asked for only when it is wanted. */
export async function* pagesOf<P extends Page<unknown>>(
  read: (place: { readonly cursor?: string }) => Promise<P>,
): AsyncGenerator<P> {
  for (let place: { cursor?: string } = {}; ; ) {
    const page = await read(place)
    yield page
    if (page.cursor === null) return
    place = { cursor: page.cursor }
  }
}

export async function allItems<T>(
  read: (place: { readonly cursor?: string }) => Promise<Page<T>>,
): Promise<T[]> {
  const items: T[] = []
  for await (const page of pagesOf(read)) items.push(...page.items)
  return items
}
