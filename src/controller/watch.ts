import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { type Contact, unbrokenForMs } from '../detection/contact.ts'
import {
  type DetectionState,
  defaultThresholds,
  observe,
  startOfDetection,
} from '../detection/detector.ts'
import { probedPlanes, probeUntilStopped } from '../detection/prober.ts'
import { judge, type Verdict } from '../detection/verdict.ts'
import type { Members } from './members.ts'

export interface Watch {
  state(): DetectionState
  /** Null before the first round. */
  verdict(effectivePrimary: string): (Verdict & { readonly at: string }) | null
  /** Resolves when every member has been probed often enough to be judged. */
  settled(): Promise<void>
  stop(): Promise<void>
}

/** Until every member is judged, rounds follow one another quickly. */
const firstRoundsEveryMs = 200

export function startWatch(options: {
  readonly members: Members
  readonly everyMs: number
  readonly timeoutMs: number
  readonly clock: () => Date
  /** What former processes of this place have heard of the members. */
  readonly heard: Readonly<Record<string, Contact>>
  readonly onRound: () => void
}): Watch {
  const { members, clock } = options
  const stopped = new AbortController()
  // Every probe of a round listens.
  setMaxListeners(0, stopped.signal)
  let state = startOfDetection([...members.keys()], clock(), options.heard)
  let at: Date | undefined
  let settle: () => void = () => undefined
  const settled = new Promise<void>((resolve) => {
    settle = resolve
  })
  const unbrokenMs = Math.max(unbrokenForMs, 3 * options.everyMs)
  const thresholds = { ...defaultThresholds, unbrokenMs }
  const isSettled = () => Object.values(state.members).every(({ health }) => health !== 'unknown')
  const probing = probeUntilStopped({
    members: [...members.values()].map(({ direct }) => direct),
    planes: probedPlanes,
    intervalMs: () => (isSettled() ? options.everyMs : firstRoundsEveryMs),
    timeoutMs: options.timeoutMs,
    clock,
    sleep: sleepUnlessAborted,
    onRound: (results, now) => {
      at = now
      state = observe(state, results, now, thresholds)
      if (isSettled()) settle()
      options.onRound()
    },
    signal: stopped.signal,
  })
  return {
    state: () => state,
    verdict: (effectivePrimary) =>
      at === undefined ? null : { ...judge(state, effectivePrimary), at: at.toISOString() },
    settled: () => settled,
    stop: async () => {
      stopped.abort()
      settle()
      await probing
    },
  }
}

export async function sleepUnlessAborted(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
}
