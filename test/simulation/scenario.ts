import { type Random, randomOf } from './random.ts'

export type MemberName = 'east' | 'west'
export type ControllerName = 'a' | 'b'
/** Who looks at the regions: controllers, and the vantage points that the plan names. */
export type Watcher = ControllerName | 'north' | 'south'

/** All that befalls one run. Each event can be left out, which is how a failing run is shrunk. */
export type Event = { readonly at: number } & (
  | {
      readonly is: 'write'
      readonly what: 'model' | 'run' | 'blob' | 'job' | 'checkpoint' | 'job-ends' | 'schedule'
      readonly number: number
      /** At the side that the stable pointer does not lead to. */
      readonly stale: boolean
    }
  | {
      readonly is: 'ask'
      readonly type: 'failover' | 'switchover' | 'reprotect'
      readonly of: ControllerName
      readonly force: boolean
    }
  | {
      readonly is: 'down'
      readonly member: MemberName
      readonly forMs: number
      readonly hangs: boolean
    }
  | {
      readonly is: 'partition'
      readonly watcher: Watcher
      readonly member: MemberName
      /** One way only: the request, or its answer, does not arrive. */
      readonly lost: 'request' | 'answer'
      readonly forMs: number
    }
  | {
      readonly is: 'trouble'
      readonly kind: 'throttle' | 'lose-answers' | 'duplicate' | 'half-apply'
      readonly member: MemberName
      readonly forMs: number
      readonly share: number
    }
  | {
      readonly is: 'lie'
      readonly watcher: Watcher
      readonly member: MemberName
      readonly healthy: boolean
      readonly forMs: number
    }
  | { readonly is: 'crash'; readonly of: ControllerName; readonly forMs: number }
  | { readonly is: 'pause'; readonly of: ControllerName; readonly forMs: number }
  | {
      readonly is: 'clock'
      readonly of: ControllerName
      readonly byMs: number
      readonly forMs: number
    }
)

export interface Scenario {
  readonly seed: number
  readonly controllers: readonly ControllerName[]
  readonly automatic: boolean
  readonly graceMs: number
  readonly resubmit: 'checkpointed' | 'all'
  readonly events: readonly Event[]
}

/** Milliseconds after the start until which things befall; then everything heals. */
export const troubleMs = 50_000

export function scenarioOf(seed: number): Scenario {
  const random = randomOf(seed)
  const controllers = random.chance(0.5) ? (['a', 'b'] as const) : (['a'] as const)
  const events = [
    ...writes(random),
    ...story(random, controllers),
    ...misfortunes(random, controllers),
  ]
  return {
    seed,
    controllers,
    automatic: random.chance(0.4),
    graceMs: random.pick([0, 3000, 12_000]),
    resubmit: random.pick(['checkpointed', 'all']),
    events: events.sort((x, y) => x.at - y.at),
  }
}

function writes(random: Random): Event[] {
  const early = ['job', 'checkpoint', 'model', 'run', 'blob', 'schedule'] as const
  const late = ['model', 'model', 'run', 'run', 'blob', 'job', 'checkpoint', 'job-ends'] as const
  const any = (
    from: number,
    to: number,
    whats: readonly (typeof late | typeof early)[number][],
  ): Event => ({
    is: 'write',
    at: from + random.below(to - from),
    what: random.pick(whats),
    number: random.below(3),
    stale: from > 0 && random.chance(0.25),
  })
  return [
    ...Array.from({ length: 4 }, () => any(0, 100, early)),
    ...Array.from({ length: 3 + random.below(6) }, () => any(100, troubleMs, late)),
  ]
}

/** What people do: mostly one move, and the way back. */
function story(random: Random, controllers: readonly ControllerName[]): Event[] {
  const at = 5000 + random.below(20_000)
  const ask = (type: 'failover' | 'switchover' | 'reprotect', when: number): Event => ({
    ...{ is: 'ask', at: when, type, of: random.pick(controllers), force: random.chance(0.5) },
  })
  const soon = () => at + random.below(12_000)
  const outage: Event = {
    ...{ is: 'down', at, member: 'east', hangs: random.chance(0.5) },
    forMs: random.pick([4000, 14_000, 25_000]),
  }
  // The classic: one controller stands still in the middle of its work, another moves the group on.
  const [first = 'a', second = first] = controllers
  const asleep: Event = { is: 'pause', at: at + random.below(1500), of: first, forMs: 9000 }
  const meanwhile: Event = {
    ...{ is: 'ask', at: at + 4000, type: 'failover', of: second, force: true },
  }
  const fresh = (number: number): Event => ({
    ...{
      is: 'write',
      at: at - random.below(4000),
      what: random.pick(['model', 'blob', 'run']),
      number,
      stale: false,
    },
  })
  return random.pick([
    () => [asleep, meanwhile, fresh(0), fresh(1), fresh(2)],
    () => [outage, ask('failover', soon()), ask('failover', soon()), ask('reprotect', at + 27_000)],
    () => [outage, ask('failover', soon()), ask('reprotect', at + random.below(25_000))],
    () => [outage],
    () => [ask('switchover', at), ask('switchover', soon())],
    () => [ask('switchover', at), outage, ask('failover', soon())],
    () => [ask('failover', at), ask('reprotect', at + 10_000), ask('switchover', at + 20_000)],
  ])()
}

function misfortunes(random: Random, controllers: readonly ControllerName[]): Event[] {
  return Array.from({ length: random.below(5) }, () => misfortune(random, controllers))
}

function misfortune(random: Random, controllers: readonly ControllerName[]): Event {
  const at = random.below(45_000)
  const forMs = random.pick([200, 2000, 8000, 15_000])
  const member = random.pick(['east', 'west'] as const)
  const watcher = random.pick([...controllers, 'north', 'south'] as const)
  const of = random.pick(controllers)
  const share = random.pick([0.2, 0.6, 1])
  return random.pick<() => Event>([
    () => ({ is: 'down', at, member, forMs, hangs: random.chance(0.5) }),
    () => ({
      is: 'partition',
      at,
      watcher,
      member,
      forMs,
      lost: random.pick(['request', 'answer']),
    }),
    () => ({ is: 'partition', at, watcher: of, member, forMs, lost: 'answer' }),
    () => ({ is: 'trouble', at, member, forMs, share, kind: 'throttle' }),
    () => ({ is: 'trouble', at, member, forMs, share, kind: 'lose-answers' }),
    () => ({ is: 'trouble', at, member, forMs, share, kind: 'duplicate' }),
    () => ({ is: 'trouble', at, member, forMs, share, kind: 'half-apply' }),
    () => ({ is: 'lie', at, watcher, member, forMs, healthy: random.chance(0.5) }),
    () => ({ is: 'crash', at, of, forMs }),
    () => ({ is: 'crash', at, of, forMs: 200 }),
    () => ({ is: 'pause', at, of, forMs }),
    () => ({ is: 'clock', at, of, forMs, byMs: random.pick([-20_000, -1500, 1500, 20_000]) }),
  ])()
}
