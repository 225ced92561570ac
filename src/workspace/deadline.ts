import { setMaxListeners } from 'node:events'

export interface Deadline {
  readonly signal: AbortSignal
  /** Once the work is done: the clock is stopped, and nobody listens to the other signals any more. */
  lift(): void
}

/**
 * Ends with any of these signals, or after so many milliseconds. `AbortSignal.any` with
 * `AbortSignal.timeout` looks the same and is not: nothing holds that timeout, Node 20 collects it
 * before it fires, and a request that vanished is waited for ever. It also keeps something of each
 * call as long as the other signals live.
 */
export function deadlineOf(ms: number, ...signals: readonly (AbortSignal | undefined)[]): Deadline {
  const ends = new AbortController()
  const others = signals.filter((signal) => signal !== undefined)
  const end = (reason: unknown) => {
    lift()
    ends.abort(reason)
  }
  const late = () => end(new DOMException(`${ms} ms are over`, 'TimeoutError'))
  const timer = setTimeout(late, ms).unref()
  const listeners = others.map((signal) => ({ signal, listener: () => end(signal.reason) }))
  const lift = () => {
    clearTimeout(timer)
    for (const { signal, listener } of listeners) signal.removeEventListener('abort', listener)
  }
  for (const { signal, listener } of listeners) {
    // Many calls under way listen to one signal; that is no leak.
    setMaxListeners(0, signal)
    signal.addEventListener('abort', listener)
  }
  const gone = others.find(({ aborted }) => aborted)
  if (gone !== undefined) end(gone.reason)
  return { signal: ends.signal, lift }
}

/** The same for work that has no end to lift it at; it is let go after that time. */
export function endingAfter(
  ms: number,
  ...signals: readonly (AbortSignal | undefined)[]
): AbortSignal {
  return deadlineOf(ms, ...signals).signal
}
