import type { ServerResponse } from 'node:http'

/**
 * Cuts the connection when half of the answer's body is on its way: headers promise more than
 * comes. An answer without a body is cut before its head, so that it is no answer at all.
 */
export function truncate(response: ServerResponse): void {
  const write = response.write.bind(response) as (chunk: unknown, done: () => void) => boolean
  const cut = () => response.destroy()
  let left: number | undefined

  /** Sends what still fits; true when the cut has come. */
  const pass = (chunk: Buffer): boolean => {
    left ??= Math.floor(lengthOf(response, chunk) / 2)
    const part = chunk.subarray(0, left)
    left -= part.length
    const isLast = left === 0
    if (part.length === 0) cut()
    else write(part, isLast ? cut : () => undefined)
    return isLast
  }
  let isOver = false
  const send = (chunk: unknown): void => {
    if (isOver || chunk === undefined || chunk === null || typeof chunk === 'function') return
    isOver = pass(Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk as string))
  }
  response.write = ((chunk: unknown) => {
    send(chunk)
    return true
  }) as typeof response.write
  response.end = ((chunk: unknown) => {
    send(chunk)
    if (!isOver) cut()
    return response
  }) as typeof response.end
}

/** The length the head promises; without one, this chunk's, which the head then promises. */
function lengthOf(response: ServerResponse, chunk: Buffer): number {
  const promised = Number(response.getHeader('content-length'))
  if (promised > 0) return promised
  if (!response.headersSent) response.setHeader('content-length', chunk.length)
  return chunk.length
}
