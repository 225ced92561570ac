import { expect, it } from 'vitest'
import { expectedText } from './expected-text.ts'

const whole = { durationMs: 40_000, knownMs: 40_000, unknownSteps: [], waits: false }
const drills = [{ type: 'drill', runs: 3 }]

it.each([
  [{ ...whole, from: drills }, 'about 40.0 s, from 3 drills'],
  [
    { ...whole, waits: true, from: [...drills, { type: 'failover', runs: 1 }] },
    'about 40.0 s, from 3 drills and 1 failover, and until people have answered',
  ],
  [
    { ...whole, durationMs: null, unknownSteps: ['a', 'b'], from: drills },
    'at least 40.0 s, from 3 drills; 2 steps never ran here',
  ],
  [
    { ...whole, durationMs: null, knownMs: 0, unknownSteps: ['a'], from: [] },
    'an unknown time: 1 step never ran here',
  ],
])('says what is known and invents nothing: %#', (expected, text) => {
  expect(expectedText(expected)).toBe(text)
})
