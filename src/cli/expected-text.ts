import type { Expectation } from '../api/contract.ts'
import { countText, durationText } from './text.ts'

/** `about 40 s, from 3 drills`; what never ran here is said, not guessed. */
export function expectedText({
  durationMs,
  knownMs,
  unknownSteps,
  waits,
  from,
}: Expectation): string {
  const people = waits ? ', and until people have answered' : ''
  const unseen = `${countText(unknownSteps.length, 'step')} never ran here`
  if (from.length === 0 && durationMs === null) return `an unknown time: ${unseen}${people}`
  const sources = from.map(({ type, runs }) => countText(runs, type)).join(' and ')
  if (durationMs === null) {
    return `at least ${durationText(knownMs)}, from ${sources}; ${unseen}${people}`
  }
  const past = sources === '' ? '' : `, from ${sources}`
  return `about ${durationText(durationMs)}${past}${people}`
}
