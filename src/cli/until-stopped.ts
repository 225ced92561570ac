import { onStopSignal } from './stop-signals.ts'

/**
 * Resolves at the first Ctrl-C or SIGTERM, or, with `exitWithParent`, when the process that holds our
 * standard input is gone: it can then not even leave us behind by being killed.
 */
export function untilStopped(options: { readonly exitWithParent?: boolean } = {}): Promise<string> {
  return new Promise((resolve) => {
    const stop = (why: string) => {
      // Reading on would keep this process alive after everything has ended.
      if (options.exitWithParent) process.stdin.pause()
      resolve(why)
    }
    const heard = new Set<string>()
    const stopListening = onStopSignal((signal) => {
      // Who asks the same again wants it at once.
      if (heard.has(signal)) {
        stopListening()
        process.kill(process.pid, signal)
        return
      }
      heard.add(signal)
      stop(signal)
    })
    if (!options.exitWithParent) return
    // Nobody reads then what is said at the end: that must not cut the ending short.
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
    process.stdin.resume()
    process.stdin.once('end', () => stop('the parent process ended'))
    process.stdin.once('error', () => stop('the parent process ended'))
  })
}
