import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { RunLink, RunLinks } from '../../workspace/run-links.ts'

/** One suite that every store of run links passes. */
export function describeRunLinksContract(name: string, store: () => RunLinks): void {
  const link = (origin: string, copy: string): RunLink => ({
    origin: { member: 'east', runId: origin },
    copy: { member: 'west', runId: copy },
  })

  describe(`run links contract: ${name}`, () => {
    it('leads from the original to the copy and back, and knows nothing else', async () => {
      const group = randomUUID()
      await store().add(group, [link('e1', 'w1'), link('e2', 'w2')])
      expect(await store().find(group, 'east', 'west', ['e1', 'e3'])).toEqual(
        new Map([['e1', 'w1']]),
      )
      expect(await store().find(group, 'west', 'east', ['w2'])).toEqual(new Map([['w2', 'e2']]))
      expect(await store().find(group, 'east', 'west', ['w1'])).toEqual(new Map())
      expect(await store().find(randomUUID(), 'east', 'west', ['e1'])).toEqual(new Map())
      expect(await store().find(group, 'east', 'west', [])).toEqual(new Map())
    })

    it('never changes a link: a second one for the same copy is ignored', async () => {
      const group = randomUUID()
      await store().add(group, [link('e1', 'w1')])
      await store().add(group, [link('e9', 'w1'), link('e1', 'w1')])
      expect(await store().find(group, 'west', 'east', ['w1'])).toEqual(new Map([['w1', 'e1']]))
      expect(await store().resolve(group, 'e9')).toEqual([])
    })

    it('resolves an id on either side', async () => {
      const group = randomUUID()
      await store().add(group, [link('e1', 'w1'), link('e2', 'w2')])
      expect(await store().resolve(group, 'e1')).toEqual([link('e1', 'w1')])
      expect(await store().resolve(group, 'w1')).toEqual([link('e1', 'w1')])
      expect(await store().resolve(group, 'none')).toEqual([])
    })
  })
}
