import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AzureError, type RegionLog } from '../context.ts'
import { header } from './blob-request.ts'
import type { Answer } from './container-operations.ts'
import { storageError } from './storage-error.ts'
import { errorXml } from './storage-xml.ts'

/** Newest version of the REST interface that the official client of this repository speaks. */
const defaultVersion = '2026-04-06'

type Headers = Readonly<Record<string, string | number | undefined>>
export type Send = (status: number, headers: Headers) => void

/** What the services of a storage account have in common: headers of every answer, errors as XML. */
export function storageRequestHandler(
  { clock, log }: { readonly clock: () => Date; readonly log: RegionLog },
  /** Undefined: the operation wrote its answer itself, with `send`. */
  serve: (req: IncomingMessage, send: Send, res: ServerResponse) => Promise<Answer | undefined>,
): (req: IncomingMessage, res: ServerResponse) => void {
  async function respond(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const now = clock().getTime()
    const send: Send = (status, headers) => writeHead(req, res, status, headers, now)
    const answer = await serve(req, send, res)
    if (answer === undefined) return
    const { status, headers = {}, xml } = answer
    await drain(req)
    const body = Buffer.from(req.method === 'HEAD' ? '' : (xml ?? ''), 'utf8')
    const type = xml === undefined ? {} : { 'content-type': 'application/xml' }
    send(status, { 'content-length': body.length, ...headers, ...type })
    res.end(body)
  }
  return (req, res) => {
    respond(req, res).catch((error: unknown) => {
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
  log.error(
    { error: error instanceof Error ? error.stack : String(error) },
    'storage request failed',
  )
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
    server: 'Holdfast-Storage/1.0',
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
