import { probedPlanes } from '../../src/detection/prober.ts'
import type { Plane } from '../../src/workspace/workspace.ts'
import type { Random } from '../simulation/random.ts'

/** Who looks, and at whom. The controller is a vantage point too. */
export const vantagePoints = ['controller', 'north', 'south'] as const
export type VantagePoint = (typeof vantagePoints)[number]
export const members = ['east', 'west'] as const
export type MemberName = (typeof members)[number]

/**
 * What becomes of a probe: `refused` fails at once (connection refused, 5xx, no such name), `silent`
 * never gets an answer, `denied` is answered with 429 or 403.
 */
export type Fate = 'refused' | 'silent' | 'denied'

/** One stretch of misfortune. Times are milliseconds since the simulation began. */
export interface Trouble {
  readonly from: number
  readonly until: number
  /** Undefined: this probe is answered. */
  fate(probe: Probe, random: Random): Fate | undefined
  /** Vantage points whose reports do not reach the controller. */
  readonly mutes?: readonly VantagePoint[]
  /** The controller's process stands still. */
  readonly stops?: true
}

export interface Probe {
  readonly at: number
  readonly by: VantagePoint
  readonly member: MemberName
  readonly plane: Plane
}

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour
export const year = 365 * day

export interface NoiseKind {
  readonly name: string
  readonly perYear: number
  /** Shortest and longest. */
  readonly lasts: readonly [number, number]
  make(from: number, until: number, random: Random): Omit<Trouble, 'from' | 'until'>
}

const unharmed = () => undefined
const ofMember = (member: MemberName, fate: Fate) => (probe: Probe) =>
  probe.member === member ? fate : undefined

/** None of these is a reason to fail over by itself. */
export const noise: readonly NoiseKind[] = [
  {
    name: 'lost packets: 0.1 to 5 % of probes, on one path or all',
    perYear: 24,
    lasts: [10 * minute, 6 * hour],
    make: (_from, _until, random) => {
      const share = 0.001 * 50 ** random.next()
      const by = random.pick([undefined, ...vantagePoints])
      return {
        fate: (probe, dice) =>
          (by === undefined || probe.by === by) && dice.chance(share) ? 'silent' : undefined,
      }
    },
  },
  {
    name: 'the controller stands still (garbage collection, suspended machine)',
    perYear: 2000,
    lasts: [0.3 * second, 60 * second],
    make: () => ({ fate: unharmed, stops: true }),
  },
  {
    name: 'a deployment: one plane answers 503 for 30 to 90 s',
    perYear: 200,
    lasts: [30 * second, 90 * second],
    make: (_from, _until, random) => {
      const member = random.pick(members)
      const plane = random.pick(probedPlanes)
      return {
        fate: (probe) => (probe.member === member && probe.plane === plane ? 'refused' : undefined),
      }
    },
  },
  {
    name: 'a brownout of a region: half of all answers late or 5xx for 5 min',
    perYear: 50,
    lasts: [5 * minute, 5 * minute],
    make: (_from, _until, random) => {
      const member = random.pick(members)
      return {
        fate: (probe, dice) =>
          probe.member === member && dice.chance(0.5)
            ? dice.pick(['refused', 'silent'])
            : undefined,
      }
    },
  },
  {
    name: 'a vantage point loses its own network for 10 s to 30 min',
    perYear: 100,
    lasts: [10 * second, 30 * minute],
    make: (_from, _until, random) => {
      const by = random.pick(vantagePoints)
      const mutes = by === 'controller' ? vantagePoints.slice(1) : [by]
      return { mutes, fate: (probe) => (probe.by === by ? 'silent' : undefined) }
    },
  },
  {
    name: 'one path is broken: a vantage point does not reach the primary for 1 min to 2 h',
    perYear: 12,
    lasts: [minute, 2 * hour],
    make: (_from, _until, random) => {
      const by = random.pick(vantagePoints)
      return {
        fate: (probe) => (probe.by === by && probe.member === 'east' ? 'silent' : undefined),
      }
    },
  },
  {
    name: 'names of a region are not resolved, here or everywhere, for 5 to 60 s',
    perYear: 100,
    lasts: [5 * second, 60 * second],
    make: (_from, _until, random) => {
      const member = random.pick(members)
      const by = random.pick([undefined, ...vantagePoints])
      return {
        fate: (probe) =>
          probe.member === member && (by === undefined || probe.by === by) ? 'refused' : undefined,
      }
    },
  },
  {
    name: 'a region flaps: down and up in turns of 5 to 40 s, for 30 min',
    perYear: 20,
    lasts: [30 * minute, 30 * minute],
    make: (from, _until, random) => {
      const member = random.pick(members)
      const turnMs = 5 * second + random.below(35 * second)
      return {
        fate: (probe) =>
          probe.member === member && Math.floor((probe.at - from) / turnMs) % 2 === 0
            ? 'refused'
            : undefined,
      }
    },
  },
  {
    name: 'throttling: the primary answers 429 on every plane for 5 min to 2 h',
    perYear: 20,
    lasts: [5 * minute, 2 * hour],
    make: () => ({ fate: ofMember('east', 'denied') }),
  },
  {
    name: 'the primary is restarted: all of it is down for 30 s to 8 min',
    perYear: 24,
    lasts: [30 * second, 8 * minute],
    make: () => ({ fate: ofMember('east', 'refused') }),
  },
]

/** Troubles that only time tells from an outage, because they outlast the grace. */
export const longNoise: readonly NoiseKind[] = [
  {
    name: 'a brownout as above, for 15 min to 1 h: longer than the grace',
    perYear: 50,
    lasts: [15 * minute, hour],
    make: (_from, _until, random) => ({
      fate: (probe) =>
        probe.member === 'east' && random.chance(0.5)
          ? random.pick(['refused', 'silent'])
          : undefined,
    }),
  },
  {
    name: 'the primary answers nothing for 11 min to 1 h, then comes back by itself',
    perYear: 50,
    lasts: [11 * minute, hour],
    make: () => ({ fate: ofMember('east', 'silent') }),
  },
  {
    name: 'two of three vantage points do not reach the primary for 11 min to 1 h',
    perYear: 50,
    lasts: [11 * minute, hour],
    make: (_from, _until, random) => {
      const reaches = random.pick(vantagePoints)
      return {
        fate: (probe) => (probe.by !== reaches && probe.member === 'east' ? 'silent' : undefined),
      }
    },
  },
]

/** Troubles of one kind over a year, in the order in which they begin. */
export function troublesOf(kind: NoiseKind, random: Random): Trouble[] {
  const made = Array.from({ length: kind.perYear }, () => {
    const [least, most] = kind.lasts
    const from = day + random.below(year - 3 * day)
    const until = from + least + random.next() ** 2 * (most - least)
    return { from, until, ...kind.make(from, until, random) }
  })
  return made.sort((one, other) => one.from - other.from)
}
