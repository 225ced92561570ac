import { randomOf } from '../simulation/random.ts'
import { type NoiseKind, type Trouble, troublesOf, year } from './troubles.ts'
import { watchTime } from './watch-time.ts'

export interface NoiseCount {
  readonly name: string
  readonly troubles: number
  /** Times at which the controller by itself said that the primary is down. */
  readonly verdicts: number
  /** Times at which a majority agreed: a human is told to fail over, or the grace begins. */
  readonly recommended: number
  readonly automatic: number
}

export interface YearsOptions {
  readonly years: number
  readonly seed: number
  readonly graceMs: number
  readonly everyMs: number
}

/** Years of troubles of these kinds, all mixed. */
export function watchYears(
  name: string,
  kinds: readonly NoiseKind[],
  options: YearsOptions,
): NoiseCount {
  const count = { troubles: 0, verdicts: 0, recommended: 0, automatic: 0 }
  for (let n = 0; n < options.years; n += 1) {
    const random = randomOf(options.seed * 1000 + n)
    const troubles = kinds.flatMap((kind) => troublesOf(kind, random))
    troubles.sort((one, other) => one.from - other.from)
    count.troubles += troubles.length
    countYear(troubles, options, random, count)
  }
  return { name, ...count }
}

function countYear(
  troubles: readonly Trouble[],
  { graceMs, everyMs }: YearsOptions,
  random: ReturnType<typeof randomOf>,
  count: { verdicts: number; recommended: number; automatic: number },
): void {
  const was = { verdicts: false, recommended: false, automatic: false }
  const begin = (what: keyof typeof was, is: boolean) => {
    if (is && !was[what]) count[what] += 1
    was[what] = is
  }
  watchTime({
    ...{ troubles, untilMs: year, random, graceMs, everyMs },
    onLook: ({ verdict, votes, decision }) => {
      begin('verdicts', verdict.recommendation === 'failover')
      begin('recommended', votes.agreed)
      begin('automatic', decision.action === 'failover')
    },
  })
}
