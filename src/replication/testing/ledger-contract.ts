import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Direction, Ledger, LedgerEntry, LedgerFilter, LedgerPage } from '../ledger.ts'

/** One suite that every ledger passes. Each case uses a group of its own in the same ledger. */
export function describeLedgerContract(name: string, ledger: () => Ledger): void {
  const direction = (
    source = 'east',
    target = 'west',
    group: string = randomUUID(),
  ): Direction => ({
    group,
    source,
    target,
  })

  describe(`ledger contract: ${name}`, () => {
    it('gives back what was written, and nothing for what was not', async () => {
      const way = direction()
      expect(await ledger().read(way, ['model/a/1'])).toEqual(new Map())
      const written = [
        entry({ object: 'model/a/1' }),
        entry({ object: 'model/a/2', bytes: 2 ** 40 }),
      ]
      await ledger().write(way, written)
      const read = await ledger().read(way, ['model/a/1', 'model/a/2', 'model/a/3'])
      expect(read).toEqual(new Map(written.map((row) => [row.object, row])))
      expect(await ledger().read(way, [])).toEqual(new Map())
    })

    it('replaces a row as a whole, and takes the last of two in one call', async () => {
      const way = direction()
      const error = { code: 'verify.different', message: 'a ’quote’, a \\ and a \u0001' }
      await ledger().write(way, [entry({ state: 'failed', error, targetDigest: null })])
      expect((await ledger().read(way, ['model/a/1'])).get('model/a/1')).toMatchObject({ error })
      await ledger().write(way, [entry({ bytes: 1 }), entry({ bytes: 2 })])
      const read = await ledger().read(way, ['model/a/1'])
      expect(read.get('model/a/1')).toEqual(entry({ bytes: 2 }))
    })

    it('keeps the directions of a group and the groups apart', async () => {
      const there = direction()
      const back = direction('west', 'east', there.group)
      await ledger().write(there, [entry({ sourceVersion: 'there' })])
      await ledger().write(back, [entry({ sourceVersion: 'back' })])
      expect((await ledger().read(there, ['model/a/1'])).get('model/a/1')?.sourceVersion).toBe(
        'there',
      )
      expect((await ledger().read(back, ['model/a/1'])).get('model/a/1')?.sourceVersion).toBe(
        'back',
      )
      expect((await ledger().read(direction(), ['model/a/1'])).size).toBe(0)
    })

    it('pages through rows in object order, by kind and by state', async () => {
      const way = direction()
      const objects = ['model/a/2', 'model/B/1', 'data/x/1', 'model/a/10', 'model/a-b/1', 'run/r_1']
      await ledger().write(
        way,
        objects.map((object) =>
          entry({
            object,
            kind: object.split('/')[0] ?? '',
            state: object === 'model/a/10' ? 'failed' : 'proven',
          }),
        ),
      )
      const seen: string[] = []
      for (let after: string | undefined; ; ) {
        const page = await ledger().rows(way, {
          limit: 2,
          ...(after === undefined ? {} : { after }),
        })
        seen.push(...page.map((row) => row.object))
        after = page.at(-1)?.object
        if (page.length < 2) break
      }
      expect(seen).toEqual([...objects].sort())
      const shown = async (filter: { kind?: string; state?: string }) =>
        (await ledger().rows(way, { ...filter, limit: 100 })).map((row) => row.object)
      expect(await shown({ kind: 'data' })).toEqual(['data/x/1'])
      expect(await shown({ state: 'failed' })).toEqual(['model/a/10'])
      expect(await shown({ kind: 'run', state: 'failed' })).toEqual([])
      expect(Object.keys((await ledger().rows(way, { limit: 1 }))[0] ?? {}).sort()).toEqual([
        'at',
        'bytes',
        'error',
        'kind',
        'object',
        'sourceDigest',
        'state',
        'targetDigest',
      ])
    })

    it('finds a place in a long list, and says how long it is', async () => {
      const way = direction()
      expect(await ledger().count(way, {})).toBe(0)
      const objects = [
        ...['blob/store/data%2FPart-1', 'blob/store/data%2Fpart-2', 'blob/other/1'],
        ...['model/part-a/1', 'model/part-a/2', 'model0/part-a/1', 'run/r1'],
      ]
      await ledger().write(
        way,
        objects.map((object) =>
          entry({
            ...{ object, kind: object.split('/')[0] ?? '' },
            state: object.endsWith('2') ? 'pending' : 'proven',
          }),
        ),
      )
      const shown = async (filter: LedgerFilter & Partial<LedgerPage>) =>
        (await ledger().rows(way, { limit: 100, ...filter })).map((row) => row.object)
      const sorted = [...objects].sort()
      expect(await shown({ skip: 2, limit: 3 })).toEqual(sorted.slice(2, 5))
      expect(await shown({ after: sorted[1] ?? '', skip: 2 })).toEqual(sorted.slice(4))
      expect(await shown({ skip: 100 })).toEqual([])
      expect(await shown({ kind: 'model', skip: 1 })).toEqual(['model/part-a/2'])
      // People write a path of blobs as they see it.
      expect(await shown({ name: 'data/part' })).toEqual(objects.slice(0, 2))
      const counts = [{}, { kind: 'model' }, { state: 'pending' }, { name: 'PART-A/' }]
      expect(await Promise.all(counts.map((filter) => ledger().count(way, filter)))).toEqual([
        ...[7, 2, 2, 3],
      ])
    })

    it('keeps the sums right when rows change their state, their size and their kind', async () => {
      const way = direction()
      const lines = async () =>
        (await ledger().counts(way)).map(({ kind, inScope, proven, pending, bytes }) =>
          [kind, inScope, proven, pending, bytes].join(' '),
        )
      const one = { object: 'model/a/1', bytes: 3 }
      await ledger().write(way, [
        entry({ ...one, state: 'pending' }),
        entry({ object: 'model/b/1' }),
      ])
      expect(await lines()).toEqual(['model 2 1 1 3'])
      await ledger().write(way, [entry({ ...one, bytes: 5 })])
      expect(await lines()).toEqual(['model 2 2 0 5'])
      await ledger().write(way, [
        entry({ ...one, state: 'skipped' }),
        entry({ object: 'model/b/1' }),
      ])
      expect(await lines()).toEqual(['model 1 1 0 0'])
      expect((await ledger().counts(direction())).length).toBe(0)
    })

    it('counts per kind in restore order, skipped objects out of scope', async () => {
      const way = direction()
      expect(await ledger().counts(way)).toEqual([])
      await ledger().write(way, [
        entry({ object: 'run/1', kind: 'run', state: 'pending', bytes: 0 }),
        entry({ object: 'model/a/1', bytes: 3 }),
        entry({ object: 'model/a/2', bytes: 4 }),
        entry({ object: 'model/a/3', state: 'conflict', bytes: 5 }),
        entry({ object: 'model/a/4', state: 'skipped', bytes: 6 }),
      ])
      expect(await ledger().counts(way)).toEqual([
        {
          kind: 'model',
          inScope: 3,
          proven: 2,
          pending: 0,
          failed: 0,
          conflict: 1,
          apart: 0,
          bytes: 12,
        },
        {
          kind: 'run',
          inScope: 1,
          proven: 0,
          pending: 1,
          failed: 0,
          conflict: 0,
          apart: 0,
          bytes: 0,
        },
      ])
    })

    it('writes more rows than one statement holds', async () => {
      const way = direction()
      const many = Array.from({ length: 12_000 }, (_, i) => entry({ object: `model/a/${i}` }))
      await ledger().write(way, many)
      expect((await ledger().counts(way))[0]?.proven).toBe(many.length)
      const read = await ledger().read(
        way,
        many.map((row) => row.object),
      )
      expect(read.size).toBe(many.length)
    })

    it('moves the point forward only, and refuses a stale epoch (I1, I4)', async () => {
      const way = direction()
      const point = (at: string, epoch: number, runsSince: string | null = null) => ({
        at: `2026-01-01T${at}:00.000Z`,
        epoch,
        runsSince,
      })
      expect(await ledger().readPoint(way)).toBeUndefined()
      await ledger().advancePoint(way, point('10:00', 3, '2026-01-01T09:59:00.1234567Z'))
      await ledger().advancePoint(way, point('09:00', 3, 'earlier'))
      expect(await ledger().readPoint(way)).toEqual(
        point('10:00', 3, '2026-01-01T09:59:00.1234567Z'),
      )
      await expect(ledger().advancePoint(way, point('11:00', 2))).rejects.toMatchObject({
        code: 'epoch.stale',
      })
      await ledger().advancePoint(way, point('11:00', 4))
      expect(await ledger().readPoint(way)).toEqual(point('11:00', 4))
      expect(await ledger().readPoint(direction('west', 'east', way.group))).toBeUndefined()
    })

    it('keeps every row of concurrent writers', async () => {
      const way = direction()
      await Promise.all(
        Array.from({ length: 8 }, (_, i) =>
          ledger().write(way, [
            entry({ object: `model/a/${i}` }),
            entry({ object: `data/x/${i}` }),
          ]),
        ),
      )
      expect((await ledger().rows(way, { limit: 100 })).length).toBe(16)
    })
  })
}

function entry(fields: Partial<LedgerEntry> = {}): LedgerEntry {
  return {
    object: 'model/a/1',
    kind: 'model',
    state: 'proven',
    sourceDigest: 'd1',
    targetDigest: 'd1',
    sourceVersion: '"e1"',
    targetVersion: null,
    bytes: 0,
    error: null,
    epoch: 1,
    at: '2026-01-01T10:00:00.000Z',
    ...fields,
  }
}
