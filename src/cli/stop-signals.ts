const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
export type StopSignal = (typeof signals)[number]

let hungUp = false

/** Whether the terminal was closed while somebody listened. */
export const isHungUp = (): boolean => hungUp

/**
 * Calls for every Ctrl-C and SIGTERM, and gives what ends the listening. A terminal that closes is
 * told once: the system and the shell both send SIGHUP, and that is nobody's impatience.
 */
export function onStopSignal(stop: (signal: StopSignal) => void): () => void {
  const heard = new Set<StopSignal>()
  const hear = (signal: StopSignal) => {
    const isEcho = signal === 'SIGHUP' && heard.has(signal)
    heard.add(signal)
    hungUp ||= signal === 'SIGHUP'
    if (!isEcho) stop(signal)
  }
  for (const signal of signals) process.on(signal, hear)
  return () => {
    for (const signal of signals) process.off(signal, hear)
  }
}
