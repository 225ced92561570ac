import { setTimeout as delay } from 'node:timers/promises'
import type { ExecutorLeases } from './executor-leases.ts'

/** Runs that several processes share through one database. */
export interface SharedRuns {
  /** Executors with runs under way. */
  executors(): Promise<readonly string[]>
  /** Gives what these executors left to whoever is alive; resolves with the ids. */
  adopt(executors: readonly string[]): Promise<readonly string[]>
}

export interface TakeOverOptions {
  readonly leases: ExecutorLeases
  readonly runs: SharedRuns
  /** From one beat to the next, in milliseconds; well below the lease's time. */
  readonly everyMs: number
  /** What was accepted by a controller that died before it began. */
  readonly takeUp: () => Promise<void>
  readonly onAdopted: (ids: readonly string[]) => void
  readonly onError: (error: unknown) => void
}

/**
 * Says that this controller lives, and takes over what a dead one left under way. Who was only
 * suspended and comes back finds its runs recorded by another and lets go of them; until then both
 * look before they act (I2).
 */
export async function startTakeOver(options: TakeOverOptions): Promise<() => Promise<void>> {
  const { leases, runs } = options
  const stopped = new AbortController()
  const round = async () => {
    await leases.beat()
    const dead = await leases.deadOf(await runs.executors())
    if (dead.length > 0) {
      const adopted = await runs.adopt(dead)
      if (adopted.length > 0) options.onAdopted(adopted)
    }
    await options.takeUp()
  }
  await leases.beat()
  const beating = (async () => {
    while (!stopped.signal.aborted) {
      await round().catch(options.onError)
      await delay(options.everyMs, undefined, { signal: stopped.signal }).catch(() => undefined)
    }
  })()
  return async () => {
    stopped.abort()
    await beating
  }
}
