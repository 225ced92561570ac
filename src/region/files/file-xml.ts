import { element, escapeXml, httpDate } from '../blob/storage-xml.ts'
import { type NodeRow, nameOf, type ShareRow } from './file-tables.ts'
import { fileId } from './file-views.ts'

/** The XML documents of the File service. Element order follows the REST reference. */
const declaration = '<?xml version="1.0" encoding="utf-8"?>'

interface Listing {
  readonly serviceEndpoint: string
  readonly prefix: string
  readonly marker: string
  readonly maxResults: number | undefined
  readonly nextMarker: string
  readonly include: ReadonlySet<string>
}

const metadataXml = (metadata: Readonly<Record<string, string>>): string => {
  const entries = Object.entries(metadata).map(([name, value]) => element(name, value))
  return `<Metadata>${entries.join('')}</Metadata>`
}

const head = ({ prefix, marker, maxResults }: Listing): string =>
  [
    prefix === '' ? '' : element('Prefix', prefix),
    marker === '' ? '' : element('Marker', marker),
    maxResults === undefined ? '' : element('MaxResults', maxResults),
  ].join('')

export function shareListXml(listing: Listing, shares: readonly ShareRow[]): string {
  const items = shares.map((row) => {
    const properties = [
      element('Last-Modified', httpDate(row.modifiedAt)),
      element('Etag', `"${row.etag}"`),
      element('Quota', row.quotaGib),
      element('AccessTier', 'TransactionOptimized'),
      element('LeaseStatus', 'unlocked'),
      element('LeaseState', 'available'),
      element('EnabledProtocols', 'SMB'),
    ].join('')
    const metadata = listing.include.has('metadata') ? metadataXml(row.metadata) : ''
    return `<Share>${element('Name', row.name)}<Properties>${properties}</Properties>${metadata}</Share>`
  })
  return [
    declaration,
    `<EnumerationResults ServiceEndpoint="${escapeXml(listing.serviceEndpoint)}">`,
    head(listing),
    `<Shares>${items.join('')}</Shares>`,
    element('NextMarker', listing.nextMarker),
    '</EnumerationResults>',
  ].join('')
}

export function directoryListXml(
  listing: Listing & {
    readonly share: string
    readonly path: string
    readonly directoryId: string
  },
  nodes: readonly NodeRow[],
): string {
  return [
    declaration,
    `<EnumerationResults ServiceEndpoint="${escapeXml(listing.serviceEndpoint)}"`,
    ` ShareName="${escapeXml(listing.share)}" DirectoryPath="${escapeXml(listing.path)}">`,
    head(listing),
    element('DirectoryId', listing.directoryId),
    `<Entries>${nodes.map((row) => entryXml(row, listing.include)).join('')}</Entries>`,
    element('NextMarker', listing.nextMarker),
    '</EnumerationResults>',
  ].join('')
}

function entryXml(row: NodeRow, include: ReadonlySet<string>): string {
  const { properties } = row
  const times = include.has('timestamps')
    ? [
        element('CreationTime', properties.createdAt),
        element('LastAccessTime', properties.writtenAt),
        element('LastWriteTime', properties.writtenAt),
        element('ChangeTime', properties.changedAt),
        element('Last-Modified', httpDate(row.modifiedAt)),
      ]
    : []
  const fields = [
    ...(row.kind === 'file' ? [element('Content-Length', row.size)] : []),
    ...times,
    ...(include.has('etag') ? [element('Etag', `"${row.etag}"`)] : []),
  ].join('')
  const tag = row.kind === 'file' ? 'File' : 'Directory'
  return [
    `<${tag}>${element('FileId', fileId(row))}${element('Name', nameOf(row.path))}`,
    `<Properties>${fields}</Properties>`,
    include.has('attributes') ? element('Attributes', properties.attributes) : '',
    include.has('permissionkey') ? element('PermissionKey', properties.permissionKey) : '',
    `</${tag}>`,
  ].join('')
}

export const rangeListXml = (ranges: ReadonlyArray<{ first: number; last: number }>): string =>
  `${declaration}<Ranges>${ranges
    .map(({ first, last }) => `<Range>${element('Start', first)}${element('End', last)}</Range>`)
    .join('')}</Ranges>`

export const shareStatsXml = (bytes: number): string =>
  `${declaration}<ShareStats>${element('ShareUsageBytes', bytes)}</ShareStats>`

export const servicePropertiesXml = `${declaration}<StorageServiceProperties><Cors /></StorageServiceProperties>`
export const noPoliciesXml = `${declaration}<SignedIdentifiers />`
export const noHandlesXml = `${declaration}<EnumerationResults><Entries /><NextMarker /></EnumerationResults>`
