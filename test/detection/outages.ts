import type { Verdict } from '../../src/detection/verdict.ts'
import type { Plane } from '../../src/workspace/workspace.ts'
import { randomOf } from '../simulation/random.ts'
import type { Fate, Probe, Trouble } from './troubles.ts'
import { watchTime } from './watch-time.ts'

export interface OutageKind {
  readonly name: string
  /** What the controller has to say. */
  readonly verdict: Verdict['code']
  /** Whether it has to end in an automatic failover once the grace is over. */
  readonly automatic: boolean
  fate(probe: Probe): Fate | undefined
}

const primary =
  (fate: Fate, planes?: readonly Plane[]) =>
  ({ member, plane }: Probe): Fate | undefined =>
    member === 'east' && (planes === undefined || planes.includes(plane)) ? fate : undefined

export const outages: readonly OutageKind[] = [
  {
    name: 'region down, connections refused',
    verdict: 'primary-down',
    automatic: true,
    fate: primary('refused'),
  },
  {
    name: 'region down, packets vanish',
    verdict: 'primary-down',
    automatic: true,
    fate: primary('silent'),
  },
  {
    name: 'region answers, later than the timeout',
    verdict: 'primary-down',
    automatic: true,
    fate: primary('silent'),
  },
  {
    name: 'ARM alone (and the jobs that need it)',
    verdict: 'primary-degraded',
    automatic: false,
    fate: primary('silent', ['arm', 'jobs']),
  },
  {
    name: 'data plane alone: run history and MLflow',
    verdict: 'primary-degraded',
    automatic: false,
    fate: primary('refused', ['history', 'mlflow']),
  },
  {
    name: 'storage alone',
    verdict: 'primary-degraded',
    automatic: false,
    fate: primary('silent', ['blob']),
  },
  {
    name: 'scoring alone',
    verdict: 'primary-degraded',
    automatic: false,
    fate: primary('refused', ['scoring']),
  },
  {
    name: 'everything but ARM',
    verdict: 'primary-degraded',
    automatic: false,
    fate: primary('silent', ['history', 'mlflow', 'blob', 'scoring', 'jobs']),
  },
  {
    name: '429 on every plane',
    verdict: 'primary-degraded',
    automatic: false,
    fate: primary('denied'),
  },
  {
    name: 'our rights there are withdrawn (403)',
    verdict: 'primary-degraded',
    automatic: false,
    fate: primary('denied'),
  },
  {
    name: 'the controller is cut off',
    verdict: 'cut-off',
    automatic: false,
    fate: ({ by }) => (by === 'controller' ? 'silent' : undefined),
  },
  {
    name: 'the controller alone does not reach the primary',
    verdict: 'primary-down',
    automatic: false,
    fate: ({ by, member }) => (by === 'controller' && member === 'east' ? 'silent' : undefined),
  },
  {
    name: 'all but the controller do not reach the primary',
    verdict: 'all-well',
    automatic: true,
    fate: ({ by, member }) => (by !== 'controller' && member === 'east' ? 'silent' : undefined),
  },
  { name: 'both regions down', verdict: 'cut-off', automatic: false, fate: () => 'silent' },
  {
    name: 'primary down while storage of the secondary is',
    verdict: 'primary-down',
    automatic: false,
    fate: ({ member, plane }) => (member === 'east' || plane === 'blob' ? 'refused' : undefined),
  },
  {
    name: 'secondary down',
    verdict: 'secondary-down',
    automatic: false,
    fate: ({ member }) => (member === 'west' ? 'silent' : undefined),
  },
  {
    name: 'storage of the secondary down',
    verdict: 'secondary-degraded',
    automatic: false,
    fate: ({ member, plane }) => (member === 'west' && plane === 'blob' ? 'silent' : undefined),
  },
]

export interface OutageTimes {
  readonly kind: OutageKind
  readonly trials: number
  /** Seconds from the outage to the verdict, to the agreement, to the automatic failover. */
  readonly verdict: readonly number[]
  readonly agreed: readonly number[]
  readonly automatic: readonly number[]
}

const beginsAt = 600_000
/** An outage lasts this much longer than the grace. */
const beyondGraceMs = 600_000

/** The same outage many times, at any instant of a round, with 1 % of all probes lost besides. */
export function timeOutage(
  kind: OutageKind,
  options: {
    readonly trials: number
    readonly seed: number
    readonly graceMs: number
    readonly everyMs: number
  },
): OutageTimes {
  const times = { verdict: [] as number[], agreed: [] as number[], automatic: [] as number[] }
  for (let trial = 0; trial < options.trials; trial += 1) {
    const random = randomOf(options.seed * 100_003 + trial)
    const from = beginsAt + random.below(60_000)
    const untilMs = from + options.graceMs + beyondGraceMs
    const lossy: Trouble = {
      from: 0,
      until: untilMs,
      fate: (_probe, dice) => (dice.chance(0.01) ? 'silent' : undefined),
    }
    const first: { verdict?: number; agreed?: number; automatic?: number } = {}
    watchTime({
      ...{ ...options, untilMs, random },
      troubles: [lossy, { from, until: untilMs, fate: kind.fate }],
      onLook: ({ at, verdict, votes, decision }) => {
        if (at < from) return
        if (verdict.code === kind.verdict) first.verdict ??= at - from
        if (votes.agreed) first.agreed ??= at - from
        if (decision.action === 'failover') first.automatic ??= at - from
      },
    })
    for (const what of ['verdict', 'agreed', 'automatic'] as const) {
      if (first[what] !== undefined) times[what].push(first[what] / 1000)
    }
  }
  return { kind, trials: options.trials, ...times }
}
