import { createHash } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import type { ServedBlobEngine } from './blob-engine.ts'
import { type BlobCall, blobKeyOf, header, stateOf } from './blob-request.ts'
import type { BlobRow } from './blob-tables.ts'
import { checkRead, readConditions } from './conditions.ts'
import { metadataHeaders, version } from './container-operations.ts'
import { checkLeaseForRead, leaseState } from './lease.ts'
import { storageError } from './storage-error.ts'
import { httpDate } from './storage-xml.ts'

type Headers = Record<string, string | number | undefined>

/** GET and HEAD of a blob; writes the answer itself, because content is streamed. */
export async function readBlob(
  call: BlobCall,
  engine: ServedBlobEngine,
  send: (status: number, headers: Headers) => void,
): Promise<void> {
  const row = engine.store.requireBlob(blobKeyOf(call), stateOf(call))
  checkRead(readConditions(call.req.headers), row)
  checkLeaseForRead(row.properties.lease, header(call, 'x-ms-lease-id'), call.now)
  if (call.method === 'HEAD') {
    send(200, { ...blobHeaders(call, row), 'content-length': row.size })
    call.res.end()
    return
  }
  const range = rangeOf(call, row.size)
  const { offset, length } = range ?? { offset: 0, length: row.size }
  const headers = blobHeaders(call, row)
  if (range !== undefined) {
    headers['content-range'] = `bytes ${offset}-${offset + length - 1}/${row.size}`
    headers['x-ms-blob-content-md5'] = row.properties.contentMd5
    headers['content-md5'] = await rangeMd5(call, engine, row, range)
  }
  const content = engine.store.read(row, offset, length)
  send(range === undefined ? 200 : 206, { ...headers, 'content-length': length })
  await pipeline(content, call.res)
}

/** MD5 of a range, when asked; the service offers it up to 4 MiB. */
async function rangeMd5(
  call: BlobCall,
  engine: ServedBlobEngine,
  row: BlobRow,
  range: { readonly offset: number; readonly length: number },
): Promise<string | undefined> {
  if (header(call, 'x-ms-range-get-content-md5') !== 'true') return undefined
  if (range.length > 4 * 1024 * 1024) {
    throw storageError('InvalidHeaderValue', 'The MD5 of a range is offered up to 4 MiB.')
  }
  const hash = createHash('md5')
  for await (const chunk of engine.store.read(row, range.offset, range.length)) hash.update(chunk)
  return hash.digest('base64')
}

/** Undefined: the whole blob. A range that is not understood is ignored, as HTTP wants it. */
function rangeOf(
  call: BlobCall,
  size: number,
): { readonly offset: number; readonly length: number } | undefined {
  const text = header(call, 'x-ms-range') ?? header(call, 'range')
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(text ?? '') ?? []
  if (first === undefined) return undefined
  const offset = Number(first)
  const end = last === undefined || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (offset >= size || end < offset) {
    throw storageError('InvalidRange', undefined, {
      headers: { 'content-range': `bytes */${size}` },
    })
  }
  return { offset, length: end - offset + 1 }
}

function blobHeaders(call: BlobCall, row: BlobRow): Headers {
  const { properties } = row
  const { copy, lease } = properties
  const state = leaseState(lease, call.now)
  const locked = state === 'leased' || state === 'breaking'
  return {
    ...version(row),
    'content-type': overridden(call, 'rsct', properties.contentType),
    'content-md5': properties.contentMd5,
    'content-encoding': overridden(call, 'rsce', properties.contentEncoding),
    'content-language': overridden(call, 'rscl', properties.contentLanguage),
    'content-disposition': overridden(call, 'rscd', properties.contentDisposition),
    'cache-control': overridden(call, 'rscc', properties.cacheControl),
    'accept-ranges': 'bytes',
    'x-ms-blob-type': 'BlockBlob',
    'x-ms-version-id': properties.versionId,
    'x-ms-is-current-version': isCurrentVersion(row) ? 'true' : undefined,
    'x-ms-creation-time': httpDate(row.createdAt),
    'x-ms-lease-status': locked ? 'locked' : 'unlocked',
    'x-ms-lease-state': state,
    'x-ms-lease-duration': locked ? (lease?.duration === -1 ? 'infinite' : 'fixed') : undefined,
    'x-ms-server-encrypted': 'true',
    'x-ms-access-tier': properties.accessTier ?? 'Hot',
    'x-ms-access-tier-inferred': properties.accessTier === undefined ? 'true' : undefined,
    ...(copy === undefined
      ? {}
      : {
          'x-ms-copy-id': copy.id,
          'x-ms-copy-status': 'success',
          'x-ms-copy-source': copy.source,
          'x-ms-copy-progress': `${copy.bytes}/${copy.bytes}`,
          'x-ms-copy-completion-time': httpDate(copy.completedAt),
        }),
    ...metadataHeaders(properties.metadata),
  }
}

const isCurrentVersion = ({ past, properties }: BlobRow): boolean =>
  past === undefined && properties.versionId !== undefined

/** A SAS may replace response headers (`rsct` and its like). */
function overridden(call: BlobCall, parameter: string, value?: string): string | undefined {
  const text = (call.query.has('sig') ? call.query.get(parameter) : undefined) ?? value
  return text === '' ? undefined : text
}
