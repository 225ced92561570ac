/**
 * Resolves at the first Ctrl-C or SIGTERM, or, with `exitWithParent`, when the process that holds our
 * standard input is gone: it can then not even leave us behind by being killed.
 */
export function untilStopped(options: { readonly exitWithParent?: boolean } = {}): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => resolve(signal))
    }
    if (!options.exitWithParent) return
    process.stdin.resume()
    process.stdin.once('end', () => resolve('the parent process ended'))
    process.stdin.once('error', () => resolve('the parent process ended'))
  })
}
