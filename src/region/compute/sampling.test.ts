import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AzureError } from '../context.ts'
import { samples, seededRandom } from './sampling.ts'

const random = () => seededRandom(7)

describe('grid sampling', () => {
  it('takes every combination of choices, in order, up to the limit', () => {
    const space = { a: ['choice', [[1, 2]]], b: { type: 'choice', values: ['x', 'y'] } }
    const grid = { samplingAlgorithmType: 'Grid' }
    expect(samples(space, grid, 10, random())).toEqual([
      { a: '1', b: 'x' },
      { a: '1', b: 'y' },
      { a: '2', b: 'x' },
      { a: '2', b: 'y' },
    ])
    expect(samples(space, 'grid', 3, random())).toHaveLength(3)
  })

  it('refuses what has no end', () => {
    expect(() => samples({ a: ['uniform', [0, 1]] }, 'grid', 3, random())).toThrow(AzureError)
  })
})

describe('random sampling', () => {
  const draw = (distribution: unknown, seed = 7) =>
    samples({ x: distribution }, 'random', 200, seededRandom(seed)).map((one) => Number(one.x))

  it('is the same with the same seed, and another with another', () => {
    expect(draw(['uniform', [0, 1]], 1)).toEqual(draw(['uniform', [0, 1]], 1))
    expect(draw(['uniform', [0, 1]], 1)).not.toEqual(draw(['uniform', [0, 1]], 2))
  })

  it('stays within its bounds', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -5, max: 5, noNaN: true }),
        fc.double({ min: 0.1, max: 5, noNaN: true }),
        (low, width) => {
          const high = low + width
          for (const value of draw(['uniform', [low, high]]))
            expect(value >= low && value < high).toBe(true)
          for (const value of draw(['loguniform', [low, high]]))
            expect(value >= Math.exp(low) * 0.999 && value <= Math.exp(high) * 1.001).toBe(true)
        },
      ),
      { numRuns: 20 },
    )
  })

  it('knows every distribution of the service', () => {
    expect(new Set(draw(['randint', [3]]))).toEqual(new Set([0, 1, 2]))
    for (const value of draw(['quniform', [0, 10, 2.5]])) expect(value % 2.5).toBe(0)
    for (const type of ['normal', 'lognormal'])
      expect(draw([type, [0, 1]]).every(Number.isFinite)).toBe(true)
    const values = draw({ type: 'normal', mu: 5, sigma: 1 })
    expect(values.reduce((sum, value) => sum + value, 0) / values.length).toBeCloseTo(5, 0)
    for (const type of ['qnormal', 'qlognormal', 'qloguniform'])
      for (const value of draw([type, [0, 1, 1]])) expect(Number.isInteger(value)).toBe(true)
  })

  it.each([
    [{ x: ['uniform', [1]] }, 'random'],
    [{ x: ['triangle', [1, 2]] }, 'random'],
    [{ x: ['choice', [[]]] }, 'random'],
    [{}, 'random'],
    [{ x: ['randint', [2]] }, { samplingAlgorithmType: 'Bayesian' }],
  ])('refuses %j by %j', (space, algorithm) => {
    expect(() => samples(space, algorithm, 1, random())).toThrow(AzureError)
  })
})
