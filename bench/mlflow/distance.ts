import { createServer, connect as dial, type Socket } from 'node:net'

/** A relay in front of a local port that delays every byte by half a round trip each way. */
export function startDistance(
  port: number,
  rttMs: number,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = dial(port, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.setNoDelay(true)
      from.on('data', (chunk) => setTimeout(() => to.writable && to.write(chunk), rttMs / 2))
      from.on('end', () => setTimeout(() => to.end(), rttMs / 2))
      from.on('error', () => to.destroy())
      from.on('close', () => sockets.delete(from))
    }
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve({
        port: typeof address === 'object' && address ? address.port : 0,
        close: async () => {
          for (const socket of sockets) socket.destroy()
          await new Promise((done) => server.close(done))
        },
      })
    })
  })
}
