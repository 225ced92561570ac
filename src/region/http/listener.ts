import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo, Server as NetServer } from 'node:net'
import type { Duplex } from 'node:stream'
import { RegionError } from '../region-error.ts'

export type MalformedHandler = (error: Error, socket: Duplex) => void
export type Handler = (request: IncomingMessage, response: ServerResponse) => void

/**
 * A TLS listener that is bound before its services exist, because their addresses are part of what
 * they answer. Requests that arrive meanwhile wait for `serve`.
 */
export interface Listener {
  readonly server: Server
  readonly port: number
  serve(handler: Handler): void
  /** Stops accepting, ends idle connections, and cuts what is left after `graceMs`. */
  close(graceMs: number): Promise<void>
}

export async function listen(options: {
  readonly host: string
  /** Tried in this order; 0 means any free port. */
  readonly ports: readonly number[]
  readonly key: string
  readonly cert: string
  /** Command line option that sets the port, for the error message. */
  readonly portOption: string
  /** Answers what is no HTTP. */
  readonly refuseMalformed: MalformedHandler
}): Promise<Listener> {
  let handler: Handler | undefined
  const waiting: Array<() => void> = []
  const tls = { key: options.key, cert: options.cert, requireHostHeader: false }
  const server = createServer(tls, (request, response) => {
    // Node would refuse it too, but with an answer that says nothing.
    if (request.headers.host === undefined)
      options.refuseMalformed(new Error('no Host header'), request.socket)
    else if (handler) handler(request, response)
    else waiting.push(() => handler?.(request, response))
  })
  // Large uploads take longer than Node's default of five minutes for a whole request.
  server.requestTimeout = 0
  server.keepAliveTimeout = 65_000
  server.on('clientError', options.refuseMalformed)
  await bind(server, options)
  return {
    server,
    port: (server.address() as AddressInfo).port,
    serve(next) {
      handler = next
      for (const start of waiting.splice(0)) start()
    },
    close: (graceMs) =>
      new Promise((resolve) => {
        const cut = setTimeout(() => server.closeAllConnections(), graceMs)
        server.close(() => {
          clearTimeout(cut)
          resolve()
        })
        server.closeIdleConnections()
      }),
  }
}

export async function bind(
  server: NetServer,
  options: { host: string; ports: readonly number[]; portOption: string },
): Promise<void> {
  for (const [index, port] of options.ports.entries()) {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, options.host, () => {
          server.removeListener('error', reject)
          resolve()
        })
      })
      return
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      if (code === 'EADDRINUSE' && index < options.ports.length - 1) continue
      throw code === 'EADDRINUSE' || code === 'EACCES'
        ? new RegionError(
            code === 'EACCES' ? 'region.port-forbidden' : 'region.port-in-use',
            `Port ${port} on ${options.host} ${code === 'EACCES' ? 'may not be used' : 'is in use'}.`,
            `Choose another with ${options.portOption}, or 0 for any free port.`,
            cause,
          )
        : cause
    }
  }
}
