import { describe, expect, it } from 'vitest'
import { pagesAhead } from './paging.ts'

/** Pages that end when they are told to. */
function steered() {
  const asked: { cursor: string | undefined; answer(cursor?: string): void; fail(): void }[] = []
  const read = (cursor: string | undefined) =>
    new Promise<{ items: string[]; cursor?: string }>((resolve, reject) => {
      asked.push({
        cursor,
        answer: (next) =>
          resolve({ items: [cursor ?? 'first'], ...(next === undefined ? {} : { cursor: next }) }),
        fail: () => reject(new Error('away')),
      })
    })
  return { asked, read }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('pages read ahead', () => {
  it('are asked for while the one before is worked on', async () => {
    const { asked, read } = steered()
    const pages = pagesAhead(read)
    asked[0]?.answer('b')
    expect(await pages.next()).toEqual({ value: ['first'], done: false })
    expect(asked.map(({ cursor }) => cursor)).toEqual([undefined, 'b'])
    asked[1]?.answer()
    expect(await pages.next()).toEqual({ value: ['b'], done: false })
    expect(await pages.next()).toMatchObject({ done: true })
    expect(asked).toHaveLength(2)
  })

  it('are not under way any more when a walk that was left early has ended', async () => {
    for (const end of ['answer', 'fail'] as const) {
      const { asked, read } = steered()
      let isOver = false
      const walk = (async () => {
        for await (const _ of pagesAhead(read)) throw new Error('enough')
      })().catch((error: Error) => {
        isOver = true
        return error.message
      })
      asked[0]?.answer('b')
      await settled()
      expect([asked.length, isOver]).toEqual([2, false])
      asked[1]?.[end]()
      expect(await walk).toBe('enough')
    }
  })

  it('that fail are heard of by who comes to them', async () => {
    const { asked, read } = steered()
    const pages = pagesAhead(read)
    asked[0]?.answer('b')
    await pages.next()
    asked[1]?.fail()
    await expect(pages.next()).rejects.toThrow('away')
  })
})
