import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

export interface Received {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** An HTTP server that answers with what it is told, remembers what it got, and can be killed. */
export interface Upstream {
  readonly origin: string
  readonly received: Received[]
  /** Default: 200 with the upstream's name. */
  answer: (request: Received, response: ServerResponse) => void
  /** Cuts every connection, as a process that dies. */
  kill(): Promise<void>
  /** Listens again on the port it had. */
  revive(): Promise<void>
}

export async function startUpstream(name: string): Promise<Upstream> {
  const received: Received[] = []
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      const one = { method, url, headers, body: Buffer.concat(chunks).toString() }
      received.push(one)
      upstream.answer(one, response)
    })
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', () => resolve())
    })
  await listen(0)
  const { port } = server.address() as AddressInfo
  const upstream: Upstream = {
    origin: `http://127.0.0.1:${port}`,
    received,
    answer: (_request, response) => response.end(name),
    kill: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
    revive: () => listen(port),
  }
  return upstream
}
