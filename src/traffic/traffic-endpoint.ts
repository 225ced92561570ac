import { HoldfastError, isHoldfastError } from '../model/errors.ts'
import { oneAtATime } from '../store/write-atomically.ts'
import { type Sleep, sleep } from '../workspace/cancellation.ts'
import { refuseStale } from './epoch-guard.ts'
import type { StableEndpoint, StablePointer } from './stable-endpoint.ts'
import { notSwitched } from './traffic-errors.ts'

interface Options {
  readonly signal?: AbortSignal | undefined
}

/** Something that carries requests and can be led elsewhere. `trafficEndpoint` makes it trustworthy. */
export interface TrafficDriver<State> {
  /** For messages, and unique to what is changed: changes of one name wait for each other. */
  readonly name: string
  /** What is set there now; `state` is enough to decide what to change, and to put it back. */
  look(options: Options): Promise<Seen<State>>
  /**
   * Makes it lead there, and changes nothing that is so already: after a crash in the middle it is
   * called again (I2). Throws `traffic.changed` where the service notices that somebody else wrote.
   */
  lead(pointer: StablePointer, state: State, options: Options): Promise<void>
  /** Puts back what `look` saw. */
  restore(state: State, options: Options): Promise<void>
  /** Asks from outside; undefined: requests arrive there. Otherwise why not, in one sentence. */
  problem(pointer: StablePointer, options: Options): Promise<string | undefined>
}

export interface Seen<State> {
  readonly pointer: StablePointer | undefined
  readonly state: State
}

export interface Patience {
  /** How long a switch may take to be seen from outside, in milliseconds. */
  readonly patienceMs: number
  /** Between two looks. Default 100 ms. */
  readonly everyMs?: number
  /** Good looks in a row that count, where old and new answer side by side for a moment. Default 1. */
  readonly looks?: number
  readonly sleep?: Sleep
  readonly now?: () => number
}

/**
 * A switch looks, refuses what is stale (I1), leads, and asks from outside whether requests arrive.
 * When they do not it puts back what was there and throws `traffic.undone`: half a switch is worse
 * than none. A switch that was cancelled is left as it is, for whoever takes it up again (I2).
 */
export function trafficEndpoint<State>(
  driver: TrafficDriver<State>,
  patience: Patience,
): StableEndpoint {
  const { name } = driver

  const switchNow: StableEndpoint['switchTo'] = async (pointer, _target, { signal } = {}) => {
    signal?.throwIfAborted()
    const seen = await driver.look({ signal })
    refuseStale(seen.pointer, pointer, name)
    await driver.lead(pointer, seen.state, { signal })
    const problem = await lastProblem(driver, pointer, patience, signal)
    if (problem === undefined) return
    const wasThere = isSame(seen.pointer, pointer)
    // Another process led there before us and ended: what was before is not known any more.
    if (wasThere) throw notSwitched(name, problem)
    await undo(driver, pointer, seen, problem, patience)
  }

  return {
    name,
    async current({ signal } = {}) {
      return (await driver.look({ signal })).pointer
    },
    switchTo: (...args) => oneAtATime(name, () => switchNow(...args)),
    async verify(pointer, { signal } = {}) {
      const { pointer: set } = await driver.look({ signal })
      const problem = isSame(set, pointer)
        ? await lastProblem(driver, pointer, patience, signal)
        : `It is set to ${set === undefined ? 'nobody' : `${set.member} in epoch ${set.epoch}`}, not to ${pointer.member} in epoch ${pointer.epoch}.`
      if (problem !== undefined) throw notSwitched(name, problem)
    },
  }
}

/** Looks until it leads there or patience is over. */
async function lastProblem<State>(
  driver: TrafficDriver<State>,
  pointer: StablePointer,
  { patienceMs, everyMs = 100, looks = 1, sleep: wait = sleep, now = Date.now }: Patience,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const giveUpAt = now() + patienceMs
  for (let good = 0; ; ) {
    const problem = await driver.problem(pointer, { signal })
    good = problem === undefined ? good + 1 : 0
    if (good >= looks || (problem !== undefined && now() >= giveUpAt)) return problem
    await wait(everyMs, signal)
  }
}

async function undo<State>(
  driver: TrafficDriver<State>,
  pointer: StablePointer,
  before: Seen<State>,
  problem: string,
  patience: Patience,
): Promise<never> {
  const { name: place } = driver
  try {
    const { pointer: set } = await driver.look({})
    // A newer epoch than ours is not ours to take back (I1).
    if (isSame(set, pointer)) await driver.restore(before.state, {})
    // Only to come back when it is so: the side it led to before may well not answer either.
    if (before.pointer !== undefined) {
      await lastProblem(driver, before.pointer, patience, undefined)
    }
  } catch (cause) {
    const reason = isHoldfastError(cause) ? cause.message : String(cause)
    throw new HoldfastError(
      'traffic.not-undone',
      `${problem} Putting back what was there failed, too: ${reason}`,
      {
        kind: 'operator',
        place,
        hint: 'Look at the endpoint itself before switching again.',
        cause,
      },
    )
  }
  throw new HoldfastError('traffic.undone', `${problem} It leads again to where it did before.`, {
    place,
    hint: 'See why requests do not arrive there, then switch again.',
  })
}

const isSame = (one: StablePointer | undefined, other: StablePointer): boolean =>
  one?.member === other.member && one.epoch === other.epoch
