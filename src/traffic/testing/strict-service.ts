import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'

export interface ServiceRequest {
  readonly method: string
  /** Without query. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Record<string, unknown>
}

export interface ServiceReply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

export interface StrictService {
  readonly origin: string
  stop(): Promise<void>
}

/** A service over TLS that answers JSON as `answer` says, and 500 with the reason when it throws. */
export async function startStrictService(
  certificate: { readonly key: string; readonly cert: string },
  answer: (request: ServiceRequest) => ServiceReply,
): Promise<StrictService> {
  const server = createServer(certificate, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      const { pathname, searchParams } = new URL(url, 'https://localhost')
      const text = Buffer.concat(chunks).toString()
      const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
      let reply: ServiceReply
      try {
        reply = answer({ method, path: pathname, query: searchParams, headers, body })
      } catch (error) {
        reply = { status: 500, body: { message: String(error) } }
      }
      response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers })
      response.end(reply.body === undefined ? '' : JSON.stringify(reply.body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    origin: `https://localhost:${port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
