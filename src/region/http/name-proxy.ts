import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { bind } from './listener.ts'
import { isLocalName } from './local-name.ts'

/**
 * An HTTP proxy (CONNECT only) that knows where `*.localhost` is. Azure's clients build host names
 * themselves (`{account}.blob.{suffix}`), and not every system resolves names below `localhost`; with
 * `HTTPS_PROXY` they need no line in the hosts file. TLS stays end to end: the proxy reads nothing.
 *
 * Always on the loopback address: what it opens for a caller, the caller could open itself.
 */
export interface NameProxy {
  readonly port: number
  close(): Promise<void>
}

export async function startNameProxy(ports: readonly number[]): Promise<NameProxy> {
  const server = createServer((_request, response) => {
    response.writeHead(405, { 'content-type': 'text/plain', allow: 'CONNECT' })
    response.end(
      'This proxy of a local region takes CONNECT alone: set HTTPS_PROXY, not HTTP_PROXY.\n',
    )
  })
  const tunnels = new Set<Socket>()
  server.on('connect', (request, client: Socket, head: Buffer) => {
    tunnels.add(client)
    client.on('close', () => tunnels.delete(client))
    tunnel(request.url ?? '', client, head)
  })
  await bind(server, { host: '127.0.0.1', ports, portOption: '--port' })
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
        for (const socket of tunnels) socket.destroy()
      }),
  }
}

function tunnel(authority: string, client: Socket, head: Buffer): void {
  const target = destination(authority)
  if (target === undefined) {
    client.end('HTTP/1.1 400 Bad Request\r\n\r\n')
    return
  }
  // Requests come in small pieces; held back for an acknowledgement each would take 40 ms.
  const upstream = connect({ ...target, noDelay: true })
  client.setNoDelay(true)
  upstream.once('connect', () => {
    client.write('HTTP/1.1 200 Connection established\r\n\r\n')
    upstream.write(head)
    upstream.pipe(client).pipe(upstream)
  })
  upstream.on('error', () => {
    if (upstream.bytesRead > 0) client.destroy()
    else client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
  })
  upstream.on('close', () => client.destroySoon())
  client.on('error', () => upstream.destroy())
  client.on('close', () => upstream.destroy())
}

/** `host:port` of a CONNECT; a name below `localhost` is this machine (RFC 6761). */
export function destination(authority: string): { host: string; port: number } | undefined {
  const [, name = '', digits = ''] =
    /^(\[[0-9a-f:.]+\]|[^\s:[\]/]+):(\d{1,5})$/i.exec(authority) ?? []
  const port = Number(digits)
  if (name === '' || port < 1 || port > 65_535) return undefined
  const host = name.toLowerCase().replace(/\.$/, '')
  if (isLocalName(host)) return { host: '127.0.0.1', port }
  return { host: host.replace(/^\[|\]$/g, ''), port }
}
