import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Extent, pieces, ranges, without } from './extents.ts'

const size = 40
const write = fc.record({
  start: fc.nat(size - 1),
  length: fc.integer({ min: 1, max: 12 }),
  isClear: fc.boolean(),
})

/** Writes into extents and into a plain array; byte values tell which write made them. */
function replay(writes: ReadonlyArray<{ start: number; length: number; isClear: boolean }>) {
  const bytes = new Array<number>(size).fill(0)
  let extents: Extent[] = []
  for (const [i, { start, length: wanted, isClear }] of writes.entries()) {
    const length = Math.min(wanted, size - start)
    const rest = without(extents, start, start + length)
    const added = { start, length, content: String(i + 1), offset: 0 }
    extents = (isClear ? rest : [...rest, added]).toSorted((a, b) => a.start - b.start)
    bytes.fill(isClear ? 0 : i + 1, start, start + length)
  }
  return { bytes, extents }
}

describe('extents of a file', () => {
  it('read as the bytes that were written last, zero where nothing was', () => {
    fc.assert(
      fc.property(fc.array(write), fc.nat(size), fc.nat(size), (writes, a, b) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)]
        const { bytes, extents } = replay(writes)
        const read = pieces(extents, from, to).flatMap((one) =>
          'hole' in one
            ? new Array<number>(one.hole).fill(0)
            : new Array<number>(one.length).fill(Number(one.content)),
        )
        expect(read).toEqual(bytes.slice(from, to))
      }),
    )
  })

  it('keep the place in their content when they are cut', () => {
    const one = { start: 10, length: 10, content: 'a', offset: 100 }
    expect(without([one], 13, 15)).toEqual([
      { start: 10, length: 3, content: 'a', offset: 100 },
      { start: 15, length: 5, content: 'a', offset: 105 },
    ])
  })

  it('are listed joined', () => {
    const extents = [
      { start: 0, length: 4, content: 'a', offset: 0 },
      { start: 4, length: 4, content: 'b', offset: 0 },
      { start: 20, length: 2, content: 'c', offset: 0 },
    ]
    expect(ranges(extents, 0, size)).toEqual([
      { first: 0, last: 7 },
      { first: 20, last: 21 },
    ])
  })
})
