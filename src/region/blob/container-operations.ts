import type { ServedBlobEngine } from './blob-engine.ts'
import { type BlobCall, containerOf, metadataOf } from './blob-request.ts'
import type { ContainerRow } from './blob-tables.ts'
import { checkRead, checkWrite, readConditions } from './conditions.ts'
import { listBlobs } from './list-blobs.ts'
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
  const from = call.query.get('marker') ?? ''
  const rows = engine.store.tables.containers(call.account, prefix ?? '', from, limit + 1)
  const xml = containerListXml({
    serviceEndpoint: `${engine.storageOrigin()}/${call.account}`,
    prefix,
    marker: call.query.get('marker'),
    maxResults,
    containers: rows.slice(0, limit),
    nextMarker: rows[limit]?.name ?? '',
    withMetadata: includeOf(call).has('metadata'),
  })
  return { status: 200, xml }
}

export function listBlobsOf(call: BlobCall, engine: ServedBlobEngine): Answer {
  const container = containerOf(call)
  engine.store.requireContainer(call.account, container)
  const { query } = call
  const maxResults = maxResultsOf(call)
  const prefix = query.get('prefix')
  const marker = query.get('marker') || undefined
  const delimiter = query.get('delimiter') || undefined
  const page = listBlobs((range) => engine.store.tables.blobs(call.account, container, range), {
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
    include: includeOf(call),
    now: call.now,
  })
  return { status: 200, xml }
}

export function serviceProperties(): Answer {
  const xml =
    '<?xml version="1.0" encoding="utf-8"?><StorageServiceProperties><Cors /><DeleteRetentionPolicy><Enabled>false</Enabled></DeleteRetentionPolicy></StorageServiceProperties>'
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

function includeOf(call: BlobCall): Set<string> {
  const include = new Set((call.query.get('include') ?? '').split(',').filter(Boolean))
  // Asking for what never exists here is answered truthfully by leaving it out.
  const never = ['snapshots', 'uncommittedblobs', 'deleted', 'versions', 'tags', 'system']
  const served = [...never, 'metadata', 'copy', 'immutabilitypolicy', 'legalhold']
  served.push('deletedwithversions', 'permissions')
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
