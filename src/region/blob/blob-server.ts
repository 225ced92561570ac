import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RegionLog, TokenAuthority } from '../context.ts'
import { authenticate } from './blob-auth.ts'
import type { ServedBlobEngine } from './blob-engine.ts'
import { type BlobCall, parseTarget } from './blob-request.ts'
import { findRoute } from './blob-routes.ts'
import { copySources } from './copy-source.ts'
import { storageRequestHandler } from './storage-server.ts'

export interface BlobServerOptions {
  readonly engine: ServedBlobEngine
  readonly authority: TokenAuthority
  readonly clock: () => Date
  readonly log: RegionLog
  /** PEM of certificate authorities to trust when copying from a URL, besides the public ones. */
  readonly ca?: string
  /** False: this region is cut off from the address, and a copy from it is refused. */
  readonly isReachable?: (url: string) => boolean
}

/** The Blob service as a request listener; the account is in the host or first in the path. */
export function blobRequestHandler(
  options: BlobServerOptions,
): (req: IncomingMessage, res: ServerResponse) => void {
  const { engine, authority, clock } = options
  const keysOf = (account: string) => engine.store.tables.keys(account)
  const sources = copySources({ ...options, keysOf })
  return storageRequestHandler(options, async (req, send, res) => {
    const target = parseTarget(req.url ?? '/', req.headers.host)
    const method = req.method ?? 'GET'
    const now = clock().getTime()
    const call: BlobCall = { ...target, req, res, method, now }
    const address = req.socket.remoteAddress
    const request = { target, method, headers: req.headers, now, address }
    const permit = await authenticate(request, { authority, keysOf })
    const route = findRoute(call)
    permit(route.need(call, engine))
    return route.run({ call, engine, sources, send })
  })
}
