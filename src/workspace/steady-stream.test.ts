import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { steadyStream } from './steady-stream.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const piece = new Uint8Array([1])

/** A source that gives so many pieces and then stalls until it is ended. */
function stalling(pieces: number) {
  const ends = new AbortController()
  async function* body() {
    for (let n = 0; n < pieces; n += 1) yield piece
    await new Promise((_, reject) => {
      ends.signal.addEventListener('abort', () => reject(ends.signal.reason))
    })
  }
  return { body: body(), end: (reason: Error) => ends.abort(reason) }
}

describe('a body that is read piece by piece', () => {
  it('ends when nothing comes for too long', async () => {
    const { body, end } = stalling(2)
    const stream = steadyStream(body, 1000, end)
    expect((await stream.next()).value).toBe(piece)
    expect((await stream.next()).value).toBe(piece)
    const third = expect(stream.next()).rejects.toThrow('nothing came for 1000 ms')
    await vi.advanceTimersByTimeAsync(1000)
    await third
  })

  it('waits for a reader that takes its time', async () => {
    const { body, end } = stalling(2)
    const stream = steadyStream(body, 1000, end)
    await stream.next()
    await vi.advanceTimersByTimeAsync(60_000)
    expect((await stream.next()).value).toBe(piece)
    await stream.return(undefined)
    expect(vi.getTimerCount()).toBe(0)
  })
})
