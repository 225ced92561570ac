import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

/**
 * A request's body, ready to be sent. Small ones are held in memory and can be sent again; larger
 * ones pass through and can be sent once.
 */
export type RequestBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'held'; readonly bytes: Buffer }
  | { readonly kind: 'stream'; readonly stream: () => Readable }

export async function readBody(request: IncomingMessage, heldBytes: number): Promise<RequestBody> {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
  if (length === undefined && encoding === undefined) return { kind: 'none' }
  const chunks: Buffer[] = []
  let size = 0
  // Taken by hand, never returned: an upstream that fails must not take the caller's connection with
  // it, because the answer goes there.
  const iterator: AsyncIterator<Buffer> = request[Symbol.asyncIterator]()
  const stream = (): Readable => Readable.from(resumed(chunks, iterator), { objectMode: false })
  if (Number(length ?? 0) > heldBytes) return { kind: 'stream', stream }
  for (;;) {
    const next = await iterator.next()
    if (next.done) return { kind: 'held', bytes: Buffer.concat(chunks) }
    chunks.push(next.value)
    size += next.value.length
    // Chunked and larger than announced to be held: what came so far goes first.
    if (size > heldBytes) return { kind: 'stream', stream }
  }
}

async function* resumed(
  first: readonly Buffer[],
  rest: AsyncIterator<Buffer>,
): AsyncGenerator<Buffer> {
  yield* first
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value
}
