/**
 * The pieces of a body as they come. One that stalls for longer than `ms` is ended with `end`: a
 * half-open connection says nothing for ever. A reader that takes its time is not counted.
 */
export async function* steadyStream(
  body: AsyncIterable<Uint8Array>,
  ms: number,
  end: (reason: Error) => void,
): AsyncGenerator<Uint8Array> {
  const stalled = () => end(new DOMException(`nothing came for ${ms} ms`, 'TimeoutError'))
  let timer = setTimeout(stalled, ms)
  try {
    for await (const piece of body) {
      clearTimeout(timer)
      yield piece
      timer = setTimeout(stalled, ms)
    }
  } finally {
    clearTimeout(timer)
  }
}
