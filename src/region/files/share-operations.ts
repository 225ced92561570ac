import { header, metadataOf } from '../blob/blob-request.ts'
import type { Answer } from '../blob/container-operations.ts'
import { storageError } from '../blob/storage-error.ts'
import { type FileCall, shareOf } from './file-request.ts'
import type { FileService } from './file-service.ts'
import { usualQuotaGib } from './file-store.ts'
import { shareHeaders, version } from './file-views.ts'
import { noPoliciesXml, servicePropertiesXml, shareListXml, shareStatsXml } from './file-xml.ts'

/** Largest share of the service in its usual kind of account. */
const largestGib = 102_400

export function createShare(call: FileCall, { store }: FileService): Answer {
  const metadata = metadataOf(call) ?? {}
  const quotaGib = quotaOf(call) ?? usualQuotaGib
  const row = store.createShare(call.account, shareOf(call), { metadata, quotaGib })
  return { status: 201, headers: version(row) }
}

export function deleteShare(call: FileCall, { store }: FileService): Answer {
  store.deleteShare(call.account, shareOf(call))
  return { status: 202 }
}

export function shareProperties(call: FileCall, { store }: FileService): Answer {
  return { status: 200, headers: shareHeaders(store.requireShare(call.account, shareOf(call))) }
}

export function setShareProperties(call: FileCall, { store }: FileService): Answer {
  const quotaGib = quotaOf(call)
  const change = quotaGib === undefined ? {} : { quotaGib }
  const row = store.changeShare(call.account, shareOf(call), change)
  return { status: 200, headers: { ...version(row), 'x-ms-share-quota': row.quotaGib } }
}

export function setShareMetadata(call: FileCall, { store }: FileService): Answer {
  const metadata = metadataOf(call) ?? {}
  return {
    status: 200,
    headers: version(store.changeShare(call.account, shareOf(call), { metadata })),
  }
}

export function shareStats(call: FileCall, { store }: FileService): Answer {
  const row = store.requireShare(call.account, shareOf(call))
  return {
    status: 200,
    headers: version(row),
    xml: shareStatsXml(store.tables.usedBytes(row.account, row.name)),
  }
}

/** Stored policies are refused where they would be used, so there are none. */
export function shareAcl(call: FileCall, { store }: FileService): Answer {
  const row = store.requireShare(call.account, shareOf(call))
  return { status: 200, headers: version(row), xml: noPoliciesXml }
}

export function listShares(call: FileCall, { store, origin }: FileService): Answer {
  const page = pageOf(call)
  const limit = page.maxResults ?? 5000
  const rows = store.tables.shares(call.account, page.prefix, page.marker, limit + 1)
  const nextMarker = rows[limit]?.name ?? ''
  const listing = { ...page, serviceEndpoint: origin(call.account), nextMarker }
  return { status: 200, xml: shareListXml(listing, rows.slice(0, limit)) }
}

export const serviceProperties = (): Answer => ({ status: 200, xml: servicePropertiesXml })

function quotaOf(call: FileCall): number | undefined {
  const text = header(call, 'x-ms-share-quota')
  if (text === undefined) return undefined
  const quota = Number(text)
  if (Number.isInteger(quota) && quota >= 1 && quota <= largestGib) return quota
  throw storageError('InvalidHeaderValue', `A quota is 1 to ${largestGib} GiB.`)
}

/** What every list takes: where it begins and how long it is. */
export function pageOf({ query }: FileCall) {
  const text = query.get('maxresults')
  const maxResults = text === undefined ? undefined : Number(text)
  if (maxResults !== undefined && !(Number.isInteger(maxResults) && maxResults >= 1))
    throw storageError('InvalidQueryParameterValue', 'maxresults has to be a number above 0.')
  return {
    prefix: query.get('prefix') ?? '',
    marker: query.get('marker') ?? '',
    maxResults: maxResults === undefined ? undefined : Math.min(maxResults, 5000),
    include: new Set((query.get('include') ?? '').toLowerCase().split(',').filter(Boolean)),
  }
}
