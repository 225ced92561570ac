import type { RegionLog } from './context.ts'
import { describe } from './http/azure-answer.ts'

/** What a region does by itself as time goes by: schedules that fire, nodes that idle, bins that empty. */
export interface Chores {
  /** Does now what is due by the region's clock; resolves when it is done. One look at a time. */
  look(): Promise<void>
  stop(): Promise<void>
}

export interface Chore {
  readonly name: string
  readonly work: () => void | Promise<void>
}

/** A chore is due at most this much later than its time, in milliseconds. */
const lookEveryMs = 1000

export function startChores(chores: readonly Chore[], log: RegionLog): Chores {
  let last: Promise<void> = Promise.resolve()
  const look = () => {
    last = last.then(() => doAll(chores, log))
    return last
  }
  let isLooking = false
  const timer = setInterval(() => {
    if (isLooking) return
    isLooking = true
    void look().finally(() => {
      isLooking = false
    })
  }, lookEveryMs)
  timer.unref()
  return {
    look,
    async stop() {
      clearInterval(timer)
      await last
    },
  }
}

/** One chore that fails keeps no other from its turn, and has its own again at the next look. */
async function doAll(chores: readonly Chore[], log: RegionLog): Promise<void> {
  for (const { name, work } of chores)
    try {
      await work()
    } catch (error) {
      log.error({ chore: name, error: describe(error) }, 'a chore of the region failed')
    }
}
