import { randomUUID } from 'node:crypto'
import type { ServedBlobEngine } from './blob-engine.ts'
import {
  blockGuard,
  blockIdOf,
  contentHeaders,
  propertiesOf,
  writeGuard,
  written,
} from './blob-operations.ts'
import { type BlobCall, blobKeyOf, header, metadataOf, requiredHeader } from './blob-request.ts'
import type { BlobProperties, BlobRow } from './blob-tables.ts'
import type { Answer } from './container-operations.ts'
import { type CopySource, type CopySources, withoutQuery } from './copy-source.ts'
import { storageError } from './storage-error.ts'

/** Above this the service wants the asynchronous copy, or blocks. */
const maxSyncCopyBytes = 256 * 1024 * 1024

/**
 * Copy Blob. The copy is complete when the answer leaves, so it is `success` at once: there is
 * nothing pending that a crash could forget.
 */
export async function copyBlob(
  call: BlobCall,
  engine: ServedBlobEngine,
  sources: CopySources,
): Promise<Answer> {
  const synchronous = header(call, 'x-ms-requires-sync') === 'true'
  const { row, md5 } = await copyWhole(call, engine, sources, {
    ...(synchronous ? { maxBytes: maxSyncCopyBytes } : {}),
    recordsCopy: true,
    properties: (source) => ({
      ...source.properties,
      metadata: metadataOf(call) ?? source.properties.metadata,
    }),
  })
  return {
    status: 202,
    headers: {
      ...written(row),
      'x-ms-copy-id': row.properties.copy?.id,
      'x-ms-copy-status': 'success',
      'content-md5': synchronous ? md5 : undefined,
    },
  }
}

/** Put Blob From URL: source properties are taken over unless the caller says otherwise. */
export async function putBlobFromUrl(
  call: BlobCall,
  engine: ServedBlobEngine,
  sources: CopySources,
): Promise<Answer> {
  const inherit = header(call, 'x-ms-copy-source-blob-properties') !== 'false'
  const { row, md5 } = await copyWhole(call, engine, sources, {
    recordsCopy: false,
    properties: (source, contentMd5) => ({
      ...(inherit ? source.properties : propertiesOf(call, undefined)),
      ...contentHeaders(call),
      contentMd5: header(call, 'x-ms-blob-content-md5') ?? contentMd5,
      metadata: metadataOf(call) ?? source.properties.metadata,
    }),
  })
  return { status: 201, headers: { ...written(row), 'content-md5': md5 } }
}

interface WholeCopy {
  readonly maxBytes?: number
  readonly recordsCopy: boolean
  readonly properties: (source: CopySource, md5: string | undefined) => BlobProperties
}

async function copyWhole(
  call: BlobCall,
  engine: ServedBlobEngine,
  sources: CopySources,
  how: WholeCopy,
): Promise<{ readonly row: BlobRow; readonly md5: string | undefined }> {
  const { store } = engine
  const key = blobKeyOf(call)
  const guard = writeGuard(call)
  store.requireContainer(key.account, key.container)
  guard(store.tables.blob(key))
  const source = await sources.open(call, requiredHeader(call, 'x-ms-copy-source'))
  if (how.maxBytes !== undefined && source.size > how.maxBytes) {
    source.cancel()
    throw storageError(
      'CannotVerifyCopySource',
      'The source is larger than a synchronous copy may be (256 MiB).',
      { status: 409 },
    )
  }
  const expectedMd5 = header(call, 'x-ms-source-content-md5')
  const { segments, md5 } = await source.receive(expectedMd5)
  const copy = {
    id: randomUUID(),
    source: withoutQuery(requiredHeader(call, 'x-ms-copy-source')),
    completedAt: call.now,
    bytes: source.size,
  }
  const properties = { ...how.properties(source, md5), copy: how.recordsCopy ? copy : undefined }
  return { row: store.putBlob(key, segments, properties, guard), md5 }
}

export async function putBlockFromUrl(
  call: BlobCall,
  engine: ServedBlobEngine,
  sources: CopySources,
): Promise<Answer> {
  const { store } = engine
  const key = blobKeyOf(call)
  const blockId = blockIdOf(call)
  store.requireContainer(key.account, key.container)
  const url = requiredHeader(call, 'x-ms-copy-source')
  const range = header(call, 'x-ms-source-range')
  const source = await sources.open(call, url, range)
  const content = await source.receiveOne(header(call, 'x-ms-source-content-md5'))
  store.stageBlock(key, blockId, content, blockGuard(call))
  return {
    status: 201,
    headers: { 'content-md5': content.md5, 'x-ms-request-server-encrypted': 'true' },
  }
}
