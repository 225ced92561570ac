import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Definition, DefinitionStore } from '../definitions.ts'
import type { Direction } from '../ledger.ts'

/** One suite that every definition store passes. */
export function describeDefinitionsContract(name: string, store: () => DefinitionStore): void {
  const direction = (): Direction => ({ group: randomUUID(), source: 'east', target: 'west' })

  describe(`definitions contract: ${name}`, () => {
    it('gives back documents as they were captured, the latest of each object', async () => {
      const way = direction()
      expect(await store().list(way, { limit: 10 })).toEqual([])
      expect((await store().read(way, ['schedule/s'])).size).toBe(0)
      const body = { z: 1, a: { nested: [null, 1.5, 'NaN', true] }, '': 'é\u2028' }
      await store().write(way, [definition({ body: { old: true } })])
      await store().write(way, [definition({ body, epoch: 2 })])
      const read = await store().read(way, ['schedule/s', 'schedule/none'])
      expect([...read.values()]).toEqual([definition({ body, epoch: 2 })])
      expect(Object.keys(read.get('schedule/s')?.body ?? {})).toEqual(Object.keys(body))
    })

    it('pages in object order, by kind, and keeps directions apart', async () => {
      const way = direction()
      const objects = ['schedule/b', 'schedule/B', 'model/a/1']
      await store().write(
        way,
        objects.map((object) => definition({ object, kind: object.split('/')[0] ?? '' })),
      )
      const names = async (filter: { kind?: string; after?: string; limit: number }) =>
        (await store().list(way, filter)).map((one) => one.object)
      expect(await names({ limit: 2 })).toEqual(['model/a/1', 'schedule/B'])
      expect(await names({ limit: 2, after: 'schedule/B' })).toEqual(['schedule/b'])
      expect(await names({ limit: 9, kind: 'schedule' })).toEqual(['schedule/B', 'schedule/b'])
      expect(await store().list({ ...way, target: 'north' }, { limit: 9 })).toEqual([])
    })
  })
}

function definition(fields: Partial<Definition> = {}): Definition {
  return {
    object: 'schedule/s',
    kind: 'schedule',
    body: { properties: { isEnabled: true } },
    digest: 'd',
    epoch: 1,
    at: '2026-01-01T10:00:00.000Z',
    ...fields,
  }
}
