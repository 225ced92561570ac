import { syncBuiltinESMExports } from 'node:module'
import timers from 'node:timers/promises'
import type { Schedule } from './schedule.ts'

/** What `setTimeout` gives back. */
class SimulatedTimer {
  isCleared = false
  unref(): this {
    return this
  }
}

/**
 * Time limits and pauses inside the product run on simulated time while a simulation does. The only
 * doors to real time in what is simulated are these; another one would show as a differing digest.
 */
export async function withSimulatedTimers<T>(
  schedule: Schedule,
  work: () => Promise<T>,
): Promise<T> {
  const real = { timeout: AbortSignal.timeout, delay: timers.setTimeout }
  const { setTimeout, clearTimeout } = globalThis
  AbortSignal.timeout = (ms) => {
    const limit = new AbortController()
    schedule.at(schedule.now() + ms, () => limit.abort(new DOMException('late', 'TimeoutError')))
    return limit.signal
  }
  const delay = async (ms?: number, value?: unknown, options?: { signal?: AbortSignal }) => {
    await schedule.wait(ms ?? 1, options?.signal)
    return value
  }
  timers.setTimeout = delay as typeof timers.setTimeout
  const begin = (late: () => void, ms = 1) => {
    const timer = new SimulatedTimer()
    schedule.at(schedule.now() + ms, () => timer.isCleared || late())
    return timer
  }
  globalThis.setTimeout = begin as never
  globalThis.clearTimeout = ((timer?: unknown) => {
    if (timer instanceof SimulatedTimer) timer.isCleared = true
    else clearTimeout(timer as never)
  }) as typeof clearTimeout
  syncBuiltinESMExports()
  try {
    return await work()
  } finally {
    AbortSignal.timeout = real.timeout
    timers.setTimeout = real.delay
    Object.assign(globalThis, { setTimeout, clearTimeout })
    syncBuiltinESMExports()
  }
}
