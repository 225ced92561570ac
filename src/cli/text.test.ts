import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesText, cut, durationText, tableText } from './text.ts'

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

  it('fits tables into any width, one line for each row', () => {
    const word = fc.stringMatching(/^[a-z ]{0,40}$/)
    fc.assert(
      fc.property(
        fc.array(fc.tuple(word, word, word), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 10, max: 140 }),
        (rows, width) => {
          const lines = tableText(['A', 'B', 'C'], rows, { width, drop: ['B'] }).split('\n')
          expect(lines).toHaveLength(rows.length + 1)
          for (const line of lines) expect(line.length).toBeLessThanOrEqual(width)
        },
      ),
    )
  })

  it('leaves out what matters least before it cuts what matters', () => {
    const rows = [['model/fraud/3', 'failed', '12 kB', 'the other side refused it for good']]
    const table = (width: number) =>
      tableText(['OBJECT', 'STATE', 'SIZE', 'ERROR'], rows, { width, drop: ['SIZE'] })
    expect(table(80)).toContain('12 kB')
    expect(table(44)).not.toContain('SIZE')
    expect(table(44)).toMatch(/^model\/fraud\/3 {2}failed {2}the other side refus…$/m)
  })

  it('cuts a name in its middle and a sentence at its end', () => {
    expect(cut('blob/workspaceblobstore/a/b.csv', 15)).toBe('blob/wo…a/b.csv')
    expect(cut('too many requests', 10)).toBe('too many…')
  })

  it('writes what a program reads on one line each, whole', () => {
    const long = 'x'.repeat(300)
    const lines = tableText(['NAME', 'WHY'], [[long, `${long}\n${long}`]], {
      width: Number.POSITIVE_INFINITY,
    })
    expect(lines.split('\n')).toHaveLength(2)
    expect(lines).not.toContain('…')
  })
})
