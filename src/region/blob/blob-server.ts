import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AzureError, type RegionLog, type TokenAuthority } from '../context.ts'
import { authenticate } from './blob-auth.ts'
import type { ServedBlobEngine } from './blob-engine.ts'
import { type BlobCall, header, parseTarget } from './blob-request.ts'
import { findRoute } from './blob-routes.ts'
import { copySources } from './copy-source.ts'
import { storageError } from './storage-error.ts'
import { errorXml } from './storage-xml.ts'

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

/** Newest version of the REST interface that the official client of this repository speaks. */
const defaultVersion = '2026-04-06'

type Headers = Readonly<Record<string, string | number | undefined>>

/** The Blob service as a request listener; the account is in the host or first in the path. */
export function blobRequestHandler(
  options: BlobServerOptions,
): (req: IncomingMessage, res: ServerResponse) => void {
  const { engine, authority, clock, log } = options
  const keysOf = (account: string) => engine.store.tables.keys(account)
  const sources = copySources({ ...options, keysOf })

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const target = parseTarget(req.url ?? '/', req.headers.host)
    const method = req.method ?? 'GET'
    const now = clock().getTime()
    const call: BlobCall = { ...target, req, res, method, now }
    const request = { target, method, headers: req.headers, now }
    const permit = await authenticate(request, { authority, keysOf })
    const route = findRoute(call)
    permit(route.need(call, engine))
    const send = (status: number, headers: Headers): void =>
      writeHead(req, res, status, headers, now)
    const answer = await route.run({ call, engine, sources, send })
    if (answer === undefined) return
    const { status, headers = {}, xml } = answer
    await drain(req)
    const body = Buffer.from(method === 'HEAD' ? '' : (xml ?? ''), 'utf8')
    const type = xml === undefined ? {} : { 'content-type': 'application/xml' }
    send(status, { ...headers, ...type, 'content-length': body.length })
    res.end(body)
  }

  return (req, res) => {
    serve(req, res).catch((error: unknown) => {
      refuse(req, res, asStorageError(error, log), clock().getTime())
    })
  }
}

function asStorageError(error: unknown, log: RegionLog): AzureError {
  if (error instanceof AzureError) return error
  // The caller hung up: there is nobody left to answer, and nothing went wrong here.
  if (error instanceof Error && 'code' in error && hangUps.has(String(error.code))) {
    return storageError('IncompleteBody')
  }
  if (error instanceof Error && 'code' in error && error.code === 'SQLITE_FULL') {
    return storageError('InsufficientStorage')
  }
  log.error({ error: error instanceof Error ? error.stack : String(error) }, 'blob request failed')
  return storageError('InternalError')
}

const hangUps = new Set(['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ECONNABORTED'])

function refuse(req: IncomingMessage, res: ServerResponse, error: AzureError, now: number): void {
  // Half an answer cannot be taken back; cutting the connection tells the client that it is half.
  if (res.headersSent) {
    res.destroy()
    return
  }
  // The rest of a refused upload is not read to its end: a gigabyte would travel for nothing.
  if (!req.complete) res.setHeader('connection', 'close')
  const isBodiless = req.method === 'HEAD' || error.status === 304
  const body = isBodiless ? '' : errorXml(error.code, error.message)
  writeHead(
    req,
    res,
    error.status,
    {
      ...error.headers,
      'x-ms-error-code': error.code,
      'content-type': isBodiless ? undefined : 'application/xml',
      'content-length': Buffer.byteLength(body),
    },
    now,
  )
  res.end(body, () => {
    if (!req.complete) req.resume()
  })
}

function writeHead(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  headers: Headers,
  now: number,
): void {
  const clientRequestId = header({ req }, 'x-ms-client-request-id')
  const all: Headers = {
    ...headers,
    server: 'Holdfast-Blob/1.0',
    date: new Date(now).toUTCString(),
    'x-ms-request-id': randomUUID(),
    'x-ms-version': header({ req }, 'x-ms-version') ?? defaultVersion,
    'x-ms-client-request-id': clientRequestId,
  }
  for (const [name, value] of Object.entries(all)) {
    if (value !== undefined) res.setHeader(name, value)
  }
  res.writeHead(status)
}

/** A body that an operation did not ask for must not stay in the connection. */
async function drain(req: IncomingMessage): Promise<void> {
  if (!req.complete) for await (const _chunk of req) void _chunk
}
