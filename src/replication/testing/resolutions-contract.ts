import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Direction } from '../ledger.ts'
import type { KeptContent, Resolution, ResolutionStore } from '../resolutions.ts'

/** One suite that every store of resolutions passes. */
export function describeResolutionsContract(name: string, store: () => ResolutionStore): void {
  const direction = (): Direction => ({ group: randomUUID(), source: 'east', target: 'west' })
  const at = (second: number) => `2026-01-01T00:00:0${second}.000Z`
  const resolution = (change: Partial<Resolution> = {}): Resolution => ({
    ...{ object: 'model/a/1', keep: 'source', sourceDigest: 's', targetDigest: null, at: at(0) },
    ...change,
  })
  const content = (change: Partial<KeptContent> = {}): KeptContent => ({
    ...{ object: 'model/a/1', kind: 'model', side: 'target', digest: 'd' },
    ...{ body: { z: 1, a: [null, 'é'] }, at: at(0) },
    ...change,
  })

  describe(`resolutions contract: ${name}`, () => {
    it('holds the latest decision of each object, by direction', async () => {
      const way = direction()
      expect(await store().resolutions(way)).toEqual([])
      await store().resolve(way, resolution())
      await store().resolve(way, resolution({ keep: 'target', targetDigest: 't' }))
      expect(await store().resolutions(way)).toEqual([
        resolution({ keep: 'target', targetDigest: 't' }),
      ])
      expect(await store().resolutions(direction())).toEqual([])
    })

    it('keeps every content once and for good, newest first', async () => {
      const way = direction()
      expect(await store().kept(way)).toEqual([])
      await store().keep(way, content())
      await store().keep(way, content({ body: { other: true }, at: at(1) }))
      await store().keep(way, content({ side: 'source', at: at(2) }))
      await store().keep(way, content({ object: 'run/r', kind: 'run', at: at(3) }))
      expect((await store().kept(way)).map((one) => one.object)[0]).toBe('run/r')
      const kept = await store().kept(way, 'model/a/1')
      expect(kept).toEqual([content({ side: 'source', at: at(2) }), content()])
    })
  })
}
