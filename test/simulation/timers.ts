import { syncBuiltinESMExports } from 'node:module'
import timers from 'node:timers/promises'
import type { Schedule } from './schedule.ts'

/**
 * Time limits and pauses inside the product run on simulated time while a simulation does. The only
 * two doors to real time in what is simulated are these; a third would show as a differing digest.
 */
export async function withSimulatedTimers<T>(
  schedule: Schedule,
  work: () => Promise<T>,
): Promise<T> {
  const real = { timeout: AbortSignal.timeout, delay: timers.setTimeout }
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
  syncBuiltinESMExports()
  try {
    return await work()
  } finally {
    AbortSignal.timeout = real.timeout
    timers.setTimeout = real.delay
    syncBuiltinESMExports()
  }
}
