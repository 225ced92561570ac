import { randomUUID } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import { contentLengthOf, header, metadataOf, requiredHeader } from '../blob/blob-request.ts'
import type { Answer } from '../blob/container-operations.ts'
import { storageError } from '../blob/storage-error.ts'
import type { Send } from '../blob/storage-server.ts'
import { type FileCall, nodeKeyOf, propertiesOf, rangeOf, written } from './file-request.ts'
import type { FileService } from './file-service.ts'
import { describedHeaders, nodeHeaders, version } from './file-views.ts'
import { rangeListXml } from './file-xml.ts'

/** The service takes a range in one request up to this size. */
const largestRange = 4 * 1024 * 1024

/** GET and HEAD of a file; writes the answer itself, because content is streamed. */
export async function readFile(
  call: FileCall,
  { store }: FileService,
  send: Send,
): Promise<undefined> {
  const row = store.require(nodeKeyOf(call), 'file')
  const headers = describedHeaders(row, store)
  if (call.method === 'HEAD') {
    send(200, { ...headers, 'content-length': row.size })
    call.res.end()
    return undefined
  }
  const range = rangeOf(call, row.size)
  if (range && range.first >= row.size)
    throw storageError('InvalidRange', undefined, {
      headers: { 'content-range': `bytes */${row.size}` },
    })
  const first = range?.first ?? 0
  const last = Math.min(range?.last ?? row.size - 1, row.size - 1)
  const length = last - first + 1
  const content = store.read(row, first, length)
  if (range === undefined) send(200, { ...headers, 'content-length': length })
  else {
    const { 'content-md5': md5, ...rest } = headers
    send(206, {
      ...rest,
      'content-range': `bytes ${first}-${last}/${row.size}`,
      'content-length': length,
      'x-ms-content-md5': md5,
    })
  }
  await pipeline(content, call.res)
  return undefined
}

export async function putRange(call: FileCall, engine: FileService): Promise<Answer> {
  const { store } = engine
  const key = nodeKeyOf(call)
  const range = rangeOf(call, Number.MAX_SAFE_INTEGER)
  if (range === undefined) throw storageError('MissingRequiredHeader', 'A range has to be given.')
  const action = requiredHeader(call, 'x-ms-write').toLowerCase()
  const edit = (row: { properties: ReturnType<typeof propertiesOf> }) =>
    written(call, row.properties)
  if (action === 'clear') {
    const row = store.writeRange(key, range, undefined, edit)
    return { status: 201, headers: nodeHeaders(row, store) }
  }
  if (action !== 'update') throw storageError('InvalidHeaderValue')
  const sizeBytes = range.last - range.first + 1
  if (sizeBytes > largestRange) throw storageError('RequestBodyTooLarge')
  // Refused before the body is stored, and again when the row is written.
  if (range.last >= store.require(key, 'file').size) throw storageError('InvalidRange')
  const content = await receive(call, engine, sizeBytes)
  const row = store.writeRange(key, range, content.file, edit)
  return { status: 201, headers: { ...nodeHeaders(row, store), 'content-md5': content.md5 } }
}

async function receive(call: FileCall, { store, sources }: FileService, sizeBytes: number) {
  const from = header(call, 'x-ms-copy-source')
  if (from !== undefined) {
    const source = await sources.open(call, from, requiredHeader(call, 'x-ms-source-range'))
    if (source.size !== sizeBytes) {
      source.cancel()
      throw storageError('InvalidRange')
    }
    return store.files.write(source.content(), { sizeBytes })
  }
  if (contentLengthOf(call) !== sizeBytes) throw storageError('InvalidHeaderValue')
  const md5 = header(call, 'content-md5')
  return store.files.write(call.req, { sizeBytes, ...(md5 !== undefined && { md5 }) })
}

export function listRanges(call: FileCall, { store }: FileService): Answer {
  const row = store.require(nodeKeyOf(call), 'file')
  const range = rangeOf(call, row.size)
  const end = Math.min(range ? range.last + 1 : row.size, row.size)
  const found = store.ranges(row, range?.first ?? 0, end)
  return {
    status: 200,
    headers: { ...version(row), 'x-ms-content-length': row.size },
    xml: rangeListXml(found),
  }
}

/** Complete when the answer leaves, so there is nothing pending that a crash could forget. */
export async function copyFile(call: FileCall, { store, sources }: FileService): Promise<Answer> {
  const key = nodeKeyOf(call)
  store.requireShare(key.account, key.share)
  const source = await sources.open(call, requiredHeader(call, 'x-ms-copy-source'))
  const given = propertiesOf(call, 'file')
  const properties = {
    ...given,
    metadata: metadataOf(call) ?? source.metadata,
    content: { type: source.contentType, ...given.content },
  }
  const { file } = await store.files.write(source.content(), { sizeBytes: source.size })
  const row = store.createFile(key, source.size, properties, file)
  return {
    status: 202,
    headers: { ...version(row), 'x-ms-copy-id': randomUUID(), 'x-ms-copy-status': 'success' },
  }
}
