import { HoldfastError } from '../model/errors.ts'

/**
 * One pass at a time. Work that somebody asked for goes before passes that run by themselves: it
 * ends the one under way, whose proven objects stay proven.
 */
export interface PassGate {
  /** Runs in the background, or not at all while something else runs; undefined then. */
  tryBackground<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T | undefined>
  /** Ends a background pass, waits for its end and for earlier requests, then runs. */
  demand<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T>
  /** Ends whatever runs and waits for its end: a failover has begun. */
  clear(reason: string): Promise<void>
}

export function createPassGate(): PassGate {
  let running: { readonly abort: AbortController; readonly background: boolean } | undefined
  let last: Promise<unknown> = Promise.resolve()

  const enter = <T>(
    background: boolean,
    outer: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const abort = new AbortController()
    const mine = { abort, background }
    const turn = last.then(async () => {
      outer?.throwIfAborted()
      running = mine
      try {
        return await work(outer ? AbortSignal.any([outer, abort.signal]) : abort.signal)
      } finally {
        running = undefined
      }
    })
    last = turn.catch(() => undefined)
    return turn
  }

  return {
    tryBackground: async (work) =>
      running === undefined ? enter(true, undefined, work) : undefined,
    demand: (signal, work) => {
      if (running?.background) running.abort.abort(preempted('A sync was asked for.'))
      return enter(false, signal, work)
    },
    clear: async (reason) => {
      running?.abort.abort(preempted(reason))
      await last
    },
  }
}

function preempted(reason: string): HoldfastError {
  return new HoldfastError('pass.preempted', reason, { kind: 'cancelled' })
}
