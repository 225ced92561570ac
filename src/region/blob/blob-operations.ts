import { randomUUID } from 'node:crypto'
import type { ServedBlobEngine } from './blob-engine.ts'
import { segment } from './blob-engine.ts'
import type { SnapshotsToo } from './blob-history.ts'
import {
  type BlobCall,
  blobKeyOf,
  contentLengthOf,
  header,
  metadataOf,
  readText,
  requiredHeader,
  stateOf,
} from './blob-request.ts'
import type { BlobProperties, BlobRow } from './blob-tables.ts'
import { checkWrite, readConditions } from './conditions.ts'
import { type Answer, version } from './container-operations.ts'
import type { ContentExpectation } from './content-files.ts'
import { applyLease, checkLeaseForRead, checkLeaseForWrite, type LeaseAction } from './lease.ts'
import { storageError } from './storage-error.ts'
import { blockListXml, parseBlockList } from './storage-xml.ts'

/** The conditions and the lease of the request, as a question to the blob as it is now. */
export function writeGuard(call: BlobCall): (existing: BlobRow | undefined) => void {
  const conditions = readConditions(call.req.headers)
  const leaseId = header(call, 'x-ms-lease-id')
  return (existing) => {
    checkWrite(conditions, existing)
    checkLeaseForWrite(existing?.properties.lease, leaseId, call.now)
  }
}

export async function putBlob(call: BlobCall, engine: ServedBlobEngine): Promise<Answer> {
  const type = requiredHeader(call, 'x-ms-blob-type')
  if (type !== 'BlockBlob') {
    throw storageError('NotImplemented', `This region stores block blobs, not '${type}'.`)
  }
  const { store } = engine
  const key = blobKeyOf(call)
  const guard = writeGuard(call)
  const expected = expectationOf(call)
  // Refused before the body is stored, and again when the row is written.
  store.requireContainer(key.account, key.container)
  guard(store.tables.blob(key))
  const content = await store.files.write(call.req, expected)
  const row = store.putBlob(
    key,
    [segment(content)],
    {
      ...propertiesOf(call, header(call, 'x-ms-blob-content-md5') ?? content.md5),
      contentType:
        header(call, 'x-ms-blob-content-type') ??
        header(call, 'content-type') ??
        'application/octet-stream',
    },
    guard,
  )
  return { status: 201, headers: { ...written(row), 'content-md5': content.md5 } }
}

export async function putBlock(call: BlobCall, engine: ServedBlobEngine): Promise<Answer> {
  const { store } = engine
  const key = blobKeyOf(call)
  const expected = expectationOf(call)
  const blockId = blockIdOf(call)
  store.requireContainer(key.account, key.container)
  const content = await store.files.write(call.req, expected)
  store.stageBlock(key, blockId, content, blockGuard(call))
  return {
    status: 201,
    headers: { 'content-md5': content.md5, 'x-ms-request-server-encrypted': 'true' },
  }
}

/** Staging a block asks for the lease only; conditions belong to the commit. */
export function blockGuard(call: BlobCall): (existing: BlobRow | undefined) => void {
  return (existing) => {
    const leaseId = header(call, 'x-ms-lease-id')
    checkLeaseForWrite(existing?.properties.lease, leaseId, call.now)
  }
}

export function blockIdOf(call: BlobCall): string {
  const blockId = call.query.get('blockid')
  if (blockId === undefined) throw storageError('InvalidBlockId')
  return blockId
}

export async function putBlockList(call: BlobCall, engine: ServedBlobEngine): Promise<Answer> {
  const list = parseBlockList(await readText(call))
  const md5 = header(call, 'x-ms-blob-content-md5')
  const key = blobKeyOf(call)
  const row = engine.store.commitBlocks(key, list, propertiesOf(call, md5), writeGuard(call))
  return { status: 201, headers: written(row) }
}

export function getBlockList(call: BlobCall, engine: ServedBlobEngine): Answer {
  const { tables } = engine.store
  const key = blobKeyOf(call)
  engine.store.requireContainer(key.account, key.container)
  const row = tables.blob(key)
  const staged = tables.stagedBlocks(key)
  if (row === undefined && staged.length === 0) throw storageError('BlobNotFound')
  const type = call.query.get('blocklisttype') ?? 'committed'
  const xml = blockListXml(
    type === 'uncommitted' ? undefined : row === undefined ? [] : tables.segments(row.id),
    type === 'committed' ? undefined : staged,
  )
  const head = row === undefined ? {} : { ...version(row), 'x-ms-blob-content-length': row.size }
  return { status: 200, headers: head, xml }
}

export function setMetadata(call: BlobCall, engine: ServedBlobEngine): Answer {
  const metadata = metadataOf(call) ?? {}
  const edit = (properties: BlobProperties) => ({ ...properties, metadata })
  const row = change(call, engine, edit, { isNewVersion: true })
  return { status: 200, headers: written(row) }
}

/** What is not given is cleared, as the service does it. */
export function setProperties(call: BlobCall, engine: ServedBlobEngine): Answer {
  const md5 = header(call, 'x-ms-blob-content-md5')
  const given = contentHeaders(call)
  const row = change(call, engine, ({ metadata, accessTier, lease, copy }) => ({
    ...given,
    contentType: given.contentType ?? '',
    contentMd5: md5,
    metadata,
    accessTier,
    lease,
    copy,
  }))
  return { status: 200, headers: version(row) }
}

export function setTier(call: BlobCall, engine: ServedBlobEngine): Answer {
  const accessTier = tierOf(requiredHeader(call, 'x-ms-access-tier'))
  const key = blobKeyOf(call)
  engine.store.update(key, ({ properties }) => ({ ...properties, accessTier }), {
    keepEtag: true,
  })
  return { status: 200 }
}

export function deleteBlob(call: BlobCall, engine: ServedBlobEngine): Answer {
  const key = blobKeyOf(call)
  const state = stateOf(call)
  if (state.snapshot !== undefined || state.versionId !== undefined) {
    const isPermanent = call.query.get('deletetype')?.toLowerCase() === 'permanent'
    return deleted(engine.store.deleteState(key, state, isPermanent))
  }
  const guard = writeGuard(call)
  engine.store.requireContainer(key.account, key.container)
  const mustExist = (existing: BlobRow | undefined) => {
    if (existing === undefined) throw storageError('BlobNotFound')
    guard(existing)
  }
  const outcome = engine.store.deleteBlob(key, mustExist, snapshotsTooOf(call))
  return deleted(outcome ?? { isPermanent: false })
}

function deleted({ isPermanent }: { readonly isPermanent: boolean }): Answer {
  return { status: 202, headers: { 'x-ms-delete-type-permanent': String(isPermanent) } }
}

function snapshotsTooOf(call: BlobCall): SnapshotsToo {
  const text = header(call, 'x-ms-delete-snapshots')
  if (text === undefined) return 'refuse'
  if (text === 'include' || text === 'only') return text
  throw storageError('InvalidHeaderValue', 'Snapshots are deleted with include or only.')
}

export function snapshotBlob(call: BlobCall, engine: ServedBlobEngine): Answer {
  const conditions = readConditions(call.req.headers)
  const leaseId = header(call, 'x-ms-lease-id')
  const guard = (existing: BlobRow | undefined) => {
    checkWrite(conditions, existing)
    checkLeaseForRead(existing?.properties.lease, leaseId, call.now)
  }
  const { row, moment } = engine.store.snapshot(blobKeyOf(call), metadataOf(call), guard)
  return { status: 201, headers: { ...written(row), 'x-ms-snapshot': moment } }
}

export function undeleteBlob(call: BlobCall, engine: ServedBlobEngine): Answer {
  engine.store.undelete(blobKeyOf(call))
  return { status: 200 }
}

export function leaseBlob(call: BlobCall, engine: ServedBlobEngine): Answer {
  const request = leaseActionOf(call)
  const conditions = readConditions(call.req.headers)
  let status = 200
  let remaining: number | undefined
  const row = engine.store.update(
    blobKeyOf(call),
    (existing) => {
      checkWrite(conditions, existing)
      const outcome = applyLease(existing.properties.lease, request, call.now)
      status = outcome.status
      remaining = outcome.remainingSeconds
      return { ...existing.properties, lease: outcome.lease }
    },
    { keepEtag: true },
  )
  const leaseId = request.action === 'break' ? undefined : row.properties.lease?.id
  return {
    status,
    headers: { ...version(row), 'x-ms-lease-id': leaseId, 'x-ms-lease-time': remaining },
  }
}

function leaseActionOf(call: BlobCall): LeaseAction {
  const action = requiredHeader(call, 'x-ms-lease-action')
  const id = (): string => requiredHeader(call, 'x-ms-lease-id')
  const proposed = header(call, 'x-ms-proposed-lease-id')
  switch (action) {
    case 'acquire':
      return { action, duration: leaseDuration(call), proposedId: proposed ?? randomUUID() }
    case 'renew':
    case 'release':
      return { action, id: id() }
    case 'change':
      return { action, id: id(), proposedId: requiredHeader(call, 'x-ms-proposed-lease-id') }
    case 'break':
      return { action, period: breakPeriod(call) }
    default:
      throw storageError('InvalidHeaderValue', `The lease action '${action}' is not known.`)
  }
}

function leaseDuration(call: BlobCall): number {
  const seconds = Number(requiredHeader(call, 'x-ms-lease-duration'))
  if (seconds === -1 || (Number.isInteger(seconds) && seconds >= 15 && seconds <= 60)) {
    return seconds
  }
  throw storageError('InvalidHeaderValue', 'A lease lasts 15 to 60 seconds, or -1 for ever.')
}

function breakPeriod(call: BlobCall): number | undefined {
  const text = header(call, 'x-ms-lease-break-period')
  if (text === undefined) return undefined
  const seconds = Number(text)
  if (Number.isInteger(seconds) && seconds >= 0 && seconds <= 60) return seconds
  throw storageError('InvalidHeaderValue', 'A break period is 0 to 60 seconds.')
}

function change(
  call: BlobCall,
  engine: ServedBlobEngine,
  edit: (properties: BlobProperties) => BlobProperties,
  options: { readonly isNewVersion?: boolean } = {},
): BlobRow {
  const guard = writeGuard(call)
  const change = (existing: BlobRow) => {
    guard(existing)
    return edit(existing.properties)
  }
  return engine.store.update(blobKeyOf(call), change, options)
}

function expectationOf(call: BlobCall): ContentExpectation {
  if (header(call, 'x-ms-structured-body') !== undefined) {
    throw storageError('NotImplemented', 'This region does not read structured bodies.')
  }
  const md5 = header(call, 'content-md5')
  const crc64 = header(call, 'x-ms-content-crc64')
  return {
    sizeBytes: contentLengthOf(call),
    ...(md5 === undefined ? {} : { md5 }),
    ...(crc64 === undefined ? {} : { crc64 }),
  }
}

/** Content headers the caller gives; `x-ms-blob-*` is what clients send, so it wins. */
export function contentHeaders(call: BlobCall): Partial<BlobProperties> {
  const pick = (name: string): string | undefined => header(call, `x-ms-blob-${name}`)
  const given = {
    contentType: pick('content-type'),
    contentEncoding: pick('content-encoding'),
    contentLanguage: pick('content-language'),
    contentDisposition: pick('content-disposition'),
    cacheControl: pick('cache-control'),
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

export function propertiesOf(call: BlobCall, contentMd5: string | undefined): BlobProperties {
  if (header(call, 'x-ms-tags') !== undefined) {
    throw storageError('NotImplemented', 'This region does not keep blob index tags.')
  }
  const tier = header(call, 'x-ms-access-tier')
  return {
    contentType: 'application/octet-stream',
    ...contentHeaders(call),
    contentMd5,
    metadata: metadataOf(call) ?? {},
    ...(tier === undefined ? {} : { accessTier: tierOf(tier) }),
  }
}

function tierOf(tier: string): string {
  if (['Hot', 'Cool', 'Cold'].includes(tier)) return tier
  throw storageError('InvalidHeaderValue', `The access tier '${tier}' is not offered here.`)
}

export function written(row: BlobRow): Record<string, string | undefined> {
  const { versionId } = row.properties
  return {
    ...version(row),
    'x-ms-request-server-encrypted': 'true',
    'x-ms-version-id': versionId,
  }
}
