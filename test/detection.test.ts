import { expect, it } from 'vitest'
import { outages, timeOutage } from './detection/outages.ts'
import { watchYears } from './detection/quiet-years.ts'
import { longNoise, noise } from './detection/troubles.ts'

/** The short form of `npm run test:detection`. */
const common = { seed: 1, graceMs: 600_000, everyMs: 5000 }

it.each(noise)(
  'a year of noise is no reason to fail over: $name',
  (kind) => {
    const { troubles, automatic } = watchYears(kind.name, [kind], { ...common, years: 1 })
    expect(troubles).toBe(kind.perYear)
    expect(automatic).toBe(0)
  },
  120_000,
)

it('fails over from what outlasts the grace without any answer', () => {
  const silent = longNoise.filter(({ name }) => name.startsWith('the primary answers nothing'))
  const { automatic } = watchYears('silent', silent, { ...common, years: 1 })
  expect(automatic).toBeGreaterThan(40)
}, 120_000)

it.each(outages)(
  'an outage is seen: $name',
  (kind) => {
    const { trials, verdict, automatic } = timeOutage(kind, { ...common, trials: 5 })
    expect(verdict).toHaveLength(trials)
    // Three rounds of five seconds, each with a plane that is silent for two, and one lost probe.
    expect(Math.max(...verdict)).toBeLessThan(40)
    expect(automatic).toHaveLength(kind.automatic ? trials : 0)
  },
  120_000,
)
