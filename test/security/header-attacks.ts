import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:tls'
import type { Answer } from '../../src/region/testing/test-region.ts'
import type { Attack, World } from './attack.ts'

/**
 * Requests that two servers in a row could read differently: the second request hidden in the first
 * must never be answered, and the connection must end.
 */
const hidden = 'GET /metadata/endpoints HTTP/1.1\r\nHost: localhost\r\n\r\n'
const post = (lines: readonly string[], body: string) =>
  `POST /subscriptions HTTP/1.1\r\nHost: localhost\r\n${lines.join('\r\n')}\r\n\r\n${body}`

const rawRequests: ReadonlyArray<readonly [string, string]> = [
  [
    'a length and chunks',
    post(
      [`Content-Length: ${hidden.length + 5}`, 'Transfer-Encoding: chunked'],
      `0\r\n\r\n${hidden}`,
    ),
  ],
  ['two lengths', post(['Content-Length: 0', `Content-Length: ${hidden.length}`], hidden)],
  ['a length that is no number', post(['Content-Length: +5'], `xxxxx${hidden}`)],
  ['a negative length', post(['Content-Length: -1'], hidden)],
  ['an unknown transfer encoding', post(['Transfer-Encoding: xchunked'], `0\r\n\r\n${hidden}`)],
  ['chunks said twice', post(['Transfer-Encoding: chunked, chunked'], `0\r\n\r\n${hidden}`)],
  ['a chunk size that is no number', post(['Transfer-Encoding: chunked'], `zz\r\n${hidden}`)],
  ['a chunk size with a sign', post(['Transfer-Encoding: chunked'], `-1\r\n${hidden}`)],
  ['a space before the colon', post(['Transfer-Encoding : chunked'], `0\r\n\r\n${hidden}`)],
  ['a folded header', post(['X-A: b\r\n Transfer-Encoding: chunked'], `0\r\n\r\n${hidden}`)],
  [
    'line feeds alone',
    `POST /subscriptions HTTP/1.1\nHost: localhost\nContent-Length: 0\n\n${hidden}`,
  ],
  ['a NUL in a header', post(['X-A: a\u0000b', 'Content-Length: 0'], hidden)],
  ['no host', `GET /metadata/endpoints HTTP/1.1\r\n\r\n`],
  ['headers of 100 kB', post([`X-A: ${'a'.repeat(100_000)}`, 'Content-Length: 0'], '')],
  ['an address of 100 kB', `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`],
  ['an unknown method', 'STEAL /subscriptions HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  ['another protocol', 'GET / HTTP/9.9\r\nHost: localhost\r\n\r\n'],
  ['no protocol at all', `${'\u0016\u0003\u0001'.repeat(20)}\r\n\r\n`],
]

export const headerAttacks: readonly Attack[] = rawRequests.flatMap(([what, bytes]) =>
  (['main', 'storage'] as const).map((listener) => ({
    name: `${listener} listener: ${what}`,
    refused: { status: [400, 401, 413, 414, 431, 501], shape: 'http' as const },
    send: (world: World) =>
      sendRaw(world, listener === 'main' ? world.origin : world.storageOrigin, bytes),
  })),
)

async function sendRaw(world: World, origin: string, bytes: string): Promise<Answer> {
  const { hostname, port } = new URL(origin)
  const ca = readFileSync(world.caPath, 'utf8')
  const socket = connect({ host: hostname, port: Number(port), ca, servername: hostname })
  await once(socket, 'secureConnect')
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk
  })
  // Cut while it still sends: that is a refusal too, and what came before it counts.
  socket.on('error', () => socket.destroy())
  const closed = once(socket, 'close')
  socket.write(bytes, 'latin1')
  await closed
  const statuses = [...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status))
  if (statuses.length > 1) throw new Error(`answered ${statuses.length} requests: ${statuses}`)
  if (/^HTTP\/1\.1 (400|431) /.test(text) && !/BadRequest|RequestHeaderTooLarge|Invalid/.test(text))
    throw new Error(`not the shape of Azure: ${text}`)
  return { status: statuses[0] ?? 0, headers: {}, body: text.slice(0, 400) }
}
