import type { Bug } from './bugs.ts'
import { type Scenario, scenarioOf } from './scenario.ts'
import { shrink } from './shrink.ts'
import { type Outcome, simulate } from './simulate.ts'

export interface Campaign {
  readonly runs: number
  readonly events: number
  readonly moves: number
  readonly failures: readonly Failure[]
}

export interface Failure {
  readonly seed: number
  readonly violations: readonly string[]
}

/** Many seeds, one after the other; stops at `most` failures. */
export async function campaign(options: {
  readonly seed: number
  readonly runs: number
  readonly bug?: Bug
  readonly most?: number
  readonly onRun?: (runs: number, outcome: Outcome) => void
}): Promise<Campaign> {
  const { seed, bug, most = Number.POSITIVE_INFINITY } = options
  const failures: Failure[] = []
  let runs = 0
  let events = 0
  let moves = 0
  while (runs < options.runs && failures.length < most) {
    const scenario = scenarioOf(seed + runs)
    const outcome = await simulate(scenario, { bug })
    // A bug is found only by what does not fail without it.
    const isOurs = async () =>
      bug === undefined || (await simulate(scenario)).violations.length === 0
    if (outcome.violations.length > 0 && (await isOurs()))
      failures.push({ seed: seed + runs, violations: outcome.violations })
    runs += 1
    events += outcome.events
    moves += outcome.moves
    options.onRun?.(runs, outcome)
  }
  return { runs, events, moves, failures }
}

/** For a human: what broke, by the fewest events that still break it, and how to see it again. */
export async function explain({ seed, violations }: Failure, bug?: Bug): Promise<string> {
  const smallest: Scenario = await shrink(scenarioOf(seed), violations[0] ?? '', bug)
  const { events, ...settings } = smallest
  return [
    `seed ${seed}`,
    ...violations.map((one) => `  ${one}`),
    `  ${JSON.stringify(settings)}`,
    ...events.map((one) => `  ${JSON.stringify(one)}`),
    `  npm run test:simulation -- --only ${seed}${bug === undefined ? '' : ` --bug ${bug}`}`,
  ].join('\n')
}
