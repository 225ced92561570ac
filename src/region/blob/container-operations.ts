import type { ServedBlobEngine } from './blob-engine.ts'
import { type BlobCall, containerOf, metadataOf, requiredHeader } from './blob-request.ts'
import type { ContainerRow } from './blob-tables.ts'
import { checkRead, checkWrite, readConditions } from './conditions.ts'
import { listBlobs, type ReadBlobs } from './list-blobs.ts'
import { storageError } from './storage-error.ts'
import { blobListXml, containerListXml, httpDate } from './storage-xml.ts'

/** An answer with its body in memory. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | number | undefined>>
  /** An XML document. */
  readonly xml?: string
}

export function createContainer(call: BlobCall, engine: ServedBlobEngine): Answer {
  const row = engine.store.createContainer(call.account, containerOf(call), metadataOf(call) ?? {})
  return { status: 201, headers: version(row) }
}

export function deleteContainer(call: BlobCall, engine: ServedBlobEngine): Answer {
  const conditions = readConditions(call.req.headers)
  engine.store.deleteContainer(call.account, containerOf(call), (row) => {
    checkWrite(conditions, row)
  })
  return { status: 202 }
}

/** The container in the path is the name it gets; what it was called and when is in headers. */
export function restoreContainer(call: BlobCall, engine: ServedBlobEngine): Answer {
  const name = requiredHeader(call, 'x-ms-deleted-container-name')
  const version = requiredHeader(call, 'x-ms-deleted-container-version')
  engine.store.restoreContainer(call.account, name, version, containerOf(call))
  return { status: 201 }
}

export function containerProperties(call: BlobCall, engine: ServedBlobEngine): Answer {
  const row = engine.store.requireContainer(call.account, containerOf(call))
  checkRead(readConditions(call.req.headers), row)
  return {
    status: 200,
    headers: {
      ...version(row),
      'x-ms-lease-status': 'unlocked',
      'x-ms-lease-state': 'available',
      'x-ms-has-immutability-policy': 'false',
      'x-ms-has-legal-hold': 'false',
      ...metadataHeaders(row.metadata),
    },
  }
}

export function setContainerMetadata(call: BlobCall, engine: ServedBlobEngine): Answer {
  const conditions = readConditions(call.req.headers)
  const row = engine.store.setContainerMetadata(
    call.account,
    containerOf(call),
    metadataOf(call) ?? {},
    (existing) => checkWrite(conditions, existing),
  )
  return { status: 200, headers: version(row) }
}

/** Nobody has anonymous access to a region, and stored policies are refused where they are used. */
export function containerAcl(call: BlobCall, engine: ServedBlobEngine): Answer {
  const row = engine.store.requireContainer(call.account, containerOf(call))
  const xml = '<?xml version="1.0" encoding="utf-8"?><SignedIdentifiers />'
  return { status: 200, headers: version(row), xml }
}

export function listContainers(call: BlobCall, engine: ServedBlobEngine): Answer {
  const prefix = call.query.get('prefix')
  const maxResults = maxResultsOf(call)
  const limit = maxResults ?? 5000
  const include = includeOf(call)
  const rows = containerPage(call, engine, limit + 1, include.has('deleted'))
  const nextRow = rows[limit]
  const xml = containerListXml({
    serviceEndpoint: `${engine.storageOrigin()}/${call.account}`,
    prefix,
    marker: call.query.get('marker'),
    maxResults,
    containers: rows.slice(0, limit),
    nextMarker: nextRow === undefined ? '' : placeOf(nextRow),
    withMetadata: include.has('metadata'),
    now: call.now,
  })
  return { status: 200, xml }
}

function containerPage(
  call: BlobCall,
  engine: ServedBlobEngine,
  limit: number,
  withDeleted: boolean,
): ContainerRow[] {
  const { account, now, query } = call
  const prefix = query.get('prefix') ?? ''
  const from = query.get('marker') ?? ''
  const live = engine.store.tables.containers(account, prefix, from, limit)
  if (!withDeleted) return live
  const deleted = engine.store.past.containers(account, { prefix, from, now })
  return [...live, ...deleted]
    .toSorted((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1))
    .slice(0, limit)
}

/** Deleted containers follow the one that has their name now; no name holds a blank. */
function placeOf({ name, deleted }: ContainerRow): string {
  return deleted === undefined ? name : `${name} ${deleted.version}`
}

export function listBlobsOf(call: BlobCall, engine: ServedBlobEngine): Answer {
  const container = containerOf(call)
  engine.store.requireContainer(call.account, container)
  const { query } = call
  const maxResults = maxResultsOf(call)
  const prefix = query.get('prefix')
  const marker = query.get('marker') || undefined
  const delimiter = query.get('delimiter') || undefined
  const include = includeOf(call)
  const page = listBlobs(rowsOf(call, engine, include), {
    prefix: prefix ?? '',
    delimiter,
    marker,
    limit: maxResults ?? 5000,
  })
  const xml = blobListXml({
    serviceEndpoint: `${engine.storageOrigin()}/${call.account}`,
    container,
    prefix,
    marker,
    maxResults,
    delimiter,
    ...page,
    include,
    now: call.now,
  })
  return { status: 200, xml }
}

export function accountInformation(): Answer {
  return {
    status: 200,
    headers: {
      'x-ms-sku-name': 'Standard_LRS',
      'x-ms-account-kind': 'StorageV2',
      'x-ms-is-hns-enabled': 'false',
    },
  }
}

/** Snapshots and versions live beside the blobs: the plain listing does not look at them. */
function rowsOf(call: BlobCall, engine: ServedBlobEngine, include: ReadonlySet<string>): ReadBlobs {
  const { account, now } = call
  const container = containerOf(call)
  const { tables, past } = engine.store
  const kinds = [...kindsOf].flatMap(([name, kind]) => (include.has(name) ? [kind] : []))
  if (kinds.length === 0)
    return ({ from, ...range }) => tables.blobs(account, container, { ...range, from: from.name })
  const withDeleted = include.has('deleted')
  return (range) => past.list(account, container, { ...range, kinds, withDeleted, now })
}

const kindsOf = [
  ['snapshots', 'snapshot'],
  ['versions', 'version'],
  ['deleted', 'deleted'],
] as const

function includeOf(call: BlobCall): Set<string> {
  const include = new Set((call.query.get('include') ?? '').split(',').filter(Boolean))
  // Asking for what never exists here is answered truthfully by leaving it out.
  const never = [
    'uncommittedblobs',
    'tags',
    'system',
    'immutabilitypolicy',
    'legalhold',
    'permissions',
  ]
  const served = [...never, 'metadata', 'copy', 'snapshots', 'versions', 'deleted']
  if (include.has('deletedwithversions'))
    throw storageError('NotImplemented', 'This region does not offer include=deletedwithversions.')
  const unknown = [...include].find((one) => !served.includes(one))
  if (unknown !== undefined) {
    throw storageError('InvalidQueryParameterValue', `include=${unknown} is not known.`)
  }
  return include
}

function maxResultsOf(call: BlobCall): number | undefined {
  const text = call.query.get('maxresults')
  if (text === undefined) return undefined
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) {
    throw storageError('InvalidQueryParameterValue', 'maxresults has to be a number above 0.')
  }
  return Math.min(value, 5000)
}

export function version(row: Pick<ContainerRow, 'etag' | 'modifiedAt'>): Record<string, string> {
  return { etag: `"${row.etag}"`, 'last-modified': httpDate(row.modifiedAt) }
}

export function metadataHeaders(
  metadata: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => [`x-ms-meta-${name}`, value]),
  )
}
