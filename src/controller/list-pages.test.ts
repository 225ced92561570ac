import { describe, expect, it } from 'vitest'
import { allItems, pagesOf } from '../api/all-items.ts'
import type { Run } from '../workspace/workspace.ts'
import { numberIn, pageAfter } from './list-pages.ts'
import type { ProtectedGroup } from './protected-group.ts'
import { runsOf } from './run-detail.ts'

const malformed = expect.objectContaining({ code: 'cursor.malformed' })

describe('a page of a list that is read as a whole', () => {
  const key = (item: string) => item

  it('follows the page before, each item once, equal keys included', async () => {
    const list = ['b', 'a', 'b', 'b', 'c']
    for (const limit of [1, 2, 5, 9])
      expect(await allItems(async (at) => pageAfter(list, key, { ...at, limit }))).toEqual(list)
  })

  it('is not moved by what comes in before it', () => {
    const first = pageAfter(['c', 'b', 'a'], key, { limit: 1 })
    expect(first).toEqual({ items: ['c'], cursor: 'c' })
    const grown = ['e', 'd', 'c', 'b', 'a']
    expect(pageAfter(grown, key, { limit: 2, cursor: 'c' })).toEqual({
      ...{ items: ['b', 'a'], cursor: null },
    })
  })

  it('refuses a cursor of nothing that is there', () => {
    expect(() => pageAfter(['a'], key, { limit: 1, cursor: 'gone' })).toThrow(malformed)
    expect(() => numberIn('1e3')).toThrow(malformed)
    expect([numberIn('12'), numberIn(undefined)]).toEqual([12, undefined])
  })
})

describe('a page of runs', () => {
  /** A member that answers with three runs whatever was wished for. */
  const asked: unknown[] = []
  const run = (n: number) => ({ runId: `r${n}`, experimentName: 'e', body: {}, status: '' }) as Run
  const listRuns = async ({ cursor = '0', pageSize }: { cursor?: string; pageSize?: number }) => {
    asked.push(pageSize)
    const from = Number(cursor)
    const items = [0, 1, 2].map((n) => run(from + n)).filter(({ runId }) => runId !== 'r7')
    return { items, ...(from < 5 ? { cursor: String(from + 3) } : {}) }
  }
  const group = { members: new Map([['east', { impatient: { listRuns } }]]) } as unknown
  const read = (place: { cursor?: string }) =>
    runsOf(group as ProtectedGroup, { member: 'east', limit: 2, ...place })

  it('is never longer than asked for, and nothing is left out', async () => {
    const pages = []
    for await (const { items } of pagesOf(read)) pages.push(items.map((one) => one.run))
    expect(pages.flat()).toEqual(['r0', 'r1', 'r2', 'r3', 'r4', 'r5', 'r6', 'r8'])
    expect(pages.every((page) => page.length <= 2)).toBe(true)
    expect(new Set(asked)).toEqual(new Set([2]))
  })

  it.each(['x', '3', '{"size":0,"skip":0}', '{"size":9,"skip":-1}', '{"size":9,"skip":0,"at":3}'])(
    'refuses the cursor %s',
    async (cursor) => {
      await expect(read({ cursor })).rejects.toThrow(malformed)
    },
  )
})
