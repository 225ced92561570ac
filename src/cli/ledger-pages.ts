import { pagesOf } from '../api/all-items.ts'
import type { ApiClient, CallSignal, ObjectsQuery } from '../api/client.ts'
import type { LedgerRow } from '../api/contract.ts'

/** All rows, or the first `most`. */
export async function allObjects(
  client: ApiClient,
  group: string,
  query: Pick<ObjectsQuery, 'kind' | 'state'>,
  call: CallSignal & { readonly most?: number } = {},
): Promise<LedgerRow[]> {
  const { most = Number.POSITIVE_INFINITY, ...signal } = call
  const rows: LedgerRow[] = []
  const pages = pagesOf((place) => {
    const limit = Math.min(1000, most - rows.length)
    return client.objects(group, { ...query, ...place, limit }, signal)
  })
  for await (const page of pages) {
    rows.push(...page.items)
    if (rows.length >= most) break
  }
  return rows
}

/** What is in scope and not proven: the worst first, at most `most`. */
export async function unprovenObjects(
  client: ApiClient,
  group: string,
  most: number,
): Promise<LedgerRow[]> {
  const rows: LedgerRow[] = []
  for (const state of ['failed', 'conflict', 'pending']) {
    if (rows.length >= most) break
    rows.push(...(await allObjects(client, group, { state }, { most: most - rows.length })))
  }
  return rows
}
