import { useDebouncedValue } from '@mantine/hooks'
import { useQueries, useQuery } from '@tanstack/react-query'
import { useCallback, useState } from 'react'
import type { ObjectsQuery } from '../../../src/api/client.ts'
import type { LedgerRow, ObjectsPage } from '../../../src/api/contract.ts'
import { api, queries } from '../api.ts'

const pageSize = 200
/** Rows read before they are looked at. */
const aheadOf = 200
/** A page that nobody looks at any more is forgotten, or a million rows would stay in memory. */
const forgetMs = 20_000
/** A place far away is read when the scroll bar rests there. */
const restMs = 100

export type LedgerFilter = Pick<ObjectsQuery, 'kind' | 'state' | 'name'>

/** The rows of the ledger that are looked at, however many there are. */
export function useLedgerRows(group: string, filter: LedgerFilter) {
  const [shown, setShown] = useState({ first: 0, last: 0 })
  const [rested] = useDebouncedValue(shown, restMs)
  const keyOf = (page: number) => ['objects', group, filter, page]
  const known = (page: number) => queries.getQueryData<ObjectsPage>(keyOf(page))
  const near = pagesOf(shown).filter((page) => page === 0 || known(page) || known(page - 1)?.cursor)
  const wanted = [...new Set([0, ...near, ...pagesOf(rested)])]
  const read = useQueries({
    queries: wanted.map((page) => ({
      queryKey: keyOf(page),
      gcTime: forgetMs,
      queryFn: ({ signal }: { signal: AbortSignal }) => {
        const cursor = known(page - 1)?.cursor
        const place = cursor ? { cursor } : { skip: page * pageSize }
        return api.objects(group, { ...filter, ...place, limit: pageSize }, { signal })
      },
    })),
  })
  const pages = new Map(wanted.map((page, index) => [page, read[index]?.data]))
  const first = pages.get(0)
  const total = useQuery({
    queryKey: ['objects-total', group, filter],
    queryFn: ({ signal }) => api.objects(group, { ...filter, limit: 1, total: true }, { signal }),
    // What fits into one page was counted with it.
    enabled: first !== undefined && first.cursor !== null,
  })
  const onShown = useCallback((from: number, to: number) => setShown({ first: from, last: to }), [])
  const failed = [...read, total].find(({ error }) => error !== null)
  return {
    error: failed?.error,
    retry: () => void failed?.refetch(),
    /** Undefined: nothing is known yet. */
    count: first?.cursor === null ? first.items.length : (total.data?.total ?? first?.items.length),
    isCounted: first?.cursor === null || total.data !== undefined,
    rowAt: (index: number): LedgerRow | undefined =>
      pages.get(Math.floor(index / pageSize))?.items[index % pageSize],
    onShown,
  }
}

function pagesOf({ first, last }: { first: number; last: number }): number[] {
  const from = Math.floor(Math.max(0, first - aheadOf / 2) / pageSize)
  const to = Math.floor((last + aheadOf) / pageSize)
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}
