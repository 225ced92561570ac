const closed = new AbortController()

/** Aborts when nobody reads standard output any more, as behind `| head`. */
export const readerGone: AbortSignal = closed.signal

/**
 * A reader that has seen enough is no failure: what is left to say is said to nobody, and work that
 * only shows something ends. Whatever moves a group goes on to its end, so a broken pipe of standard
 * error, where progress is shown, ends nothing.
 */
export function outliveReaders(): void {
  process.stdout.on('error', (error) => {
    throwUnlessClosed(process.stdout, error)
    closed.abort()
  })
  process.stderr.on('error', (error) => throwUnlessClosed(process.stderr, error))
}

function throwUnlessClosed({ isTTY }: NodeJS.WriteStream, error: NodeJS.ErrnoException): void {
  // What a terminal says that was closed; of a disk it is a failure.
  const isHungUp = isTTY === true && error.code === 'EIO'
  if (error.code !== 'EPIPE' && !isHungUp) throw error
}
