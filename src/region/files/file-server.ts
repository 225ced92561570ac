import type { IncomingMessage, ServerResponse } from 'node:http'
import { authenticate } from '../blob/blob-auth.ts'
import { header, parseTarget } from '../blob/blob-request.ts'
import { storageError } from '../blob/storage-error.ts'
import { storageRequestHandler } from '../blob/storage-server.ts'
import type { RegionLog, TokenAuthority } from '../context.ts'
import type { FileCall } from './file-request.ts'
import { findFileRoute } from './file-routes.ts'
import { type FileSourceOptions, fileSources } from './file-source.ts'

export interface FileServerOptions
  extends Pick<FileSourceOptions, 'ca' | 'isReachable' | 'keysOf' | 'store'> {
  readonly authority: TokenAuthority
  readonly clock: () => Date
  readonly log: RegionLog
  readonly storageOrigin: () => string
}

/** Files are asked for at `{account}.file.…`: the two services share a listener. */
export const isFileHost = (host: string | undefined): boolean =>
  /^[a-z0-9]+(?:-secondary)?\.file\./i.test(host ?? '')

/** The File service as a request listener. */
export function fileRequestHandler(
  options: FileServerOptions,
): (req: IncomingMessage, res: ServerResponse) => void {
  const auth = { authority: options.authority, keysOf: options.keysOf, service: 'file' } as const
  const service = {
    store: options.store,
    sources: fileSources({ ...options, ...auth }),
    origin: (account: string) => {
      const { port } = new URL(options.storageOrigin())
      return `https://${account}.file.core.localhost:${port}/`
    },
  }
  return storageRequestHandler(options, async (req, send, res) => {
    const target = parseTarget(req.url ?? '/', req.headers.host)
    const now = options.clock().getTime()
    const call: FileCall = { ...target, req, res, method: req.method ?? 'GET', now }
    const address = req.socket.remoteAddress
    const request = { target, method: call.method, headers: req.headers, now, address }
    const permit = await authenticate(request, auth)
    checkIntent(call)
    const route = findFileRoute(call)
    permit(route.need(call, service))
    return route.run(call, service, send)
  })
}

/** With a token the service wants to be told that file permissions are passed over. */
function checkIntent(call: FileCall): void {
  if (!header(call, 'authorization')?.toLowerCase().startsWith('bearer ')) return
  if (header(call, 'x-ms-file-request-intent') !== 'backup')
    throw storageError('MissingRequiredHeader', 'x-ms-file-request-intent: backup is mandatory.')
}
