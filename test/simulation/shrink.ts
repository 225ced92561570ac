import type { Bug } from './bugs.ts'
import type { Scenario } from './scenario.ts'
import { simulate } from './simulate.ts'

/** Leaves out events, many at a time and then one by one, as long as the same invariant is broken. */
export async function shrink(
  scenario: Scenario,
  violation: string,
  bug: Bug | undefined,
): Promise<Scenario> {
  const invariant = violation.split(':')[0]
  const stillFails = async (smaller: Scenario) =>
    (await simulate(smaller, { bug })).violations.some((one) => one.startsWith(`${invariant}:`))
  let smallest = scenario
  for (
    let size = Math.ceil(scenario.events.length / 2);
    size >= 1;
    size = size === 1 ? 0 : size >> 1
  ) {
    for (let from = 0; from < smallest.events.length; ) {
      const events = smallest.events.toSpliced(from, size)
      const smaller = { ...smallest, events }
      if (await stillFails(smaller)) smallest = smaller
      else from += size
    }
  }
  return smallest
}
