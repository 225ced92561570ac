import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesText, durationText, tableText } from './text.ts'

describe('text for people', () => {
  it('writes durations', () => {
    expect([0, 850, 4200, 59_999, 200_000, 7_500_000, 273_600_000].map(durationText)).toEqual([
      ...['0 ms', '850 ms', '4.2 s', '1 min', '3 min 20 s', '2 h 5 min', '3 d 4 h'],
    ])
  })

  it('writes sizes', () => {
    expect([0, 999, 1000, 12_345, 999_600, 1_500_000_000].map(bytesText)).toEqual([
      ...['0 B', '999 B', '1.0 kB', '12 kB', '1.0 MB', '1.5 GB'],
    ])
  })

  it('fits tables into the width and loses no letter', () => {
    const word = fc.stringMatching(/^[a-z ]{0,40}$/)
    fc.assert(
      fc.property(
        fc.array(fc.tuple(word, word, word), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 30, max: 140 }),
        (rows, width) => {
          const text = tableText(['A', 'B', 'C'], rows, width)
          for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(width)
          const letters = (all: string) => [...all.replaceAll(/[^a-z]/g, '')].sort().join('')
          expect(letters(text)).toBe(letters(rows.flat().join('')))
        },
      ),
    )
  })

  it('writes what a program reads on one line each', () => {
    const long = 'x'.repeat(300)
    expect(
      tableText(['NAME', 'WHY'], [[long, long]], Number.POSITIVE_INFINITY).split('\n'),
    ).toHaveLength(2)
  })
})
