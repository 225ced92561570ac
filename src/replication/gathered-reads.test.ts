import { describe, expect, it } from 'vitest'
import { gatheredReads } from './gathered-reads.ts'

const direction = { group: 'g', source: 'east', target: 'west' }
const back = { group: 'g', source: 'west', target: 'east' }

/** Queries that end when they are told to. */
function steered() {
  const queries: Array<{
    readonly objects: readonly string[]
    readonly source: string
    answer(): void
    fail(): void
  }> = []
  const read = gatheredReads<string>(
    ({ source }, objects) =>
      new Promise((resolve, reject) => {
        const rows = objects.filter((one) => one !== 'absent').map((one) => [one, one] as const)
        queries.push({
          ...{ objects, source },
          answer: () => resolve(new Map(rows)),
          fail: () => reject(new Error('no database')),
        })
      }),
  )
  return { queries, read }
}

const text = (rows: ReadonlyMap<string, string>) => [...rows.keys()].join()

describe('gathered reads', () => {
  it('ask once for all that was wanted while a query was under way', async () => {
    const { queries, read } = steered()
    const first = read(direction, ['a'])
    const others = [['b', 'c'], ['absent'], ['c']].map((objects) => read(direction, objects))
    expect(queries.map(({ objects }) => objects)).toEqual([['a']])
    queries[0]?.answer()
    expect(text(await first)).toBe('a')
    await expect.poll(() => queries.length).toBe(2)
    expect(queries[1]?.objects).toEqual(['b', 'c', 'absent'])
    queries[1]?.answer()
    expect((await Promise.all(others)).map(text)).toEqual(['b,c', '', 'c'])
    expect(queries).toHaveLength(2)
  })

  it('begin after they were asked for: what was written before is seen', async () => {
    let row = 'old'
    const read = gatheredReads<string>(async (_, [object = '']) => new Map([[object, row]]))
    const before = read(direction, ['a'])
    row = 'new'
    expect((await read(direction, ['a'])).get('a')).toBe('new')
    expect((await before).get('a')).toBe('old')
  })

  it('tell a failure to those whom it concerns, and go on', async () => {
    const { queries, read } = steered()
    const failing = read(direction, ['a'])
    const next = read(direction, ['b'])
    queries[0]?.fail()
    await expect(failing).rejects.toThrow('no database')
    await expect.poll(() => queries.length).toBe(2)
    queries[1]?.answer()
    expect(text(await next)).toBe('b')
  })

  it('ask for no more at once than one query is good for, and keep directions apart', async () => {
    const { queries, read } = steered()
    const many = Array.from({ length: 1500 }, (_, i) => `${i}`)
    const asked = [read(direction, ['a']), read(direction, many), read(direction, many)]
    asked.push(read(back, ['a']))
    expect(queries.map(({ source }) => source)).toEqual(['east', 'west'])
    for (const query of queries) query.answer()
    for (const count of [3, 4]) {
      await expect.poll(() => queries.length).toBe(count)
      expect(queries[count - 1]?.objects).toHaveLength(1500)
      queries[count - 1]?.answer()
    }
    expect((await Promise.all(asked)).map(({ size }) => size)).toEqual([1, 1500, 1500, 1])
  })
})
