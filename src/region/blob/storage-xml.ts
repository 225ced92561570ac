import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { remainingDays } from './blob-history.ts'
import type { BlobRow, ContainerRow } from './blob-tables.ts'
import { leaseState } from './lease.ts'
import { storageError } from './storage-error.ts'

/** The XML documents of the Blob service. Element order follows the REST reference. */
const declaration = '<?xml version="1.0" encoding="utf-8"?>'

export function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\r', '&#13;')
    .replaceAll('\n', '&#10;')
    .replaceAll('\t', '&#9;')
}

export function element(name: string, content: string | number | undefined): string {
  if (content === undefined || content === '') return `<${name} />`
  return `<${name}>${escapeXml(String(content))}</${name}>`
}

const optional = (name: string, content: string | undefined): string =>
  content === undefined || content === '' ? '' : element(name, content)

/** XML 1.0 has no way to write some characters: such names travel percent-encoded. */
function nameElement(name: string): string {
  return [...name].some(isUnwritable)
    ? `<Name Encoded="true">${escapeXml(encodeURIComponent(name))}</Name>`
    : element('Name', name)
}

function isUnwritable(character: string): boolean {
  const code = character.codePointAt(0) ?? 0
  return (code < 0x20 && !'\t\n\r'.includes(character)) || code === 0xfffe || code === 0xffff
}

export function errorXml(code: string, message: string): string {
  return `${declaration}<Error>${element('Code', code)}${element('Message', message)}</Error>`
}

export interface BlobListing {
  readonly serviceEndpoint: string
  readonly container: string
  readonly prefix: string | undefined
  readonly marker: string | undefined
  readonly maxResults: number | undefined
  readonly delimiter: string | undefined
  readonly items: readonly ListedItem[]
  readonly nextMarker: string
  readonly include: ReadonlySet<string>
  readonly now: number
}
export type ListedItem = { readonly blob: BlobRow } | { readonly prefix: string }

export function blobListXml(listing: BlobListing): string {
  const items = listing.items.map((item) =>
    'blob' in item
      ? blobXml(item.blob, listing)
      : `<BlobPrefix>${nameElement(item.prefix)}</BlobPrefix>`,
  )
  return [
    declaration,
    `<EnumerationResults ServiceEndpoint="${escapeXml(listing.serviceEndpoint)}"`,
    ` ContainerName="${escapeXml(listing.container)}">`,
    optional('Prefix', listing.prefix),
    optional('Marker', listing.marker),
    optional('MaxResults', listing.maxResults?.toString()),
    optional('Delimiter', listing.delimiter),
    `<Blobs>${items.join('')}</Blobs>`,
    element('NextMarker', listing.nextMarker),
    '</EnumerationResults>',
  ].join('')
}

function blobXml(blob: BlobRow, { include, now }: BlobListing): string {
  const { properties } = blob
  const state = leaseState(properties.lease, now)
  const locked = state === 'leased' || state === 'breaking'
  const fields = [
    element('Creation-Time', httpDate(blob.createdAt)),
    element('Last-Modified', httpDate(blob.modifiedAt)),
    element('Etag', blob.etag),
    element('Content-Length', blob.size),
    element('Content-Type', properties.contentType),
    element('Content-Encoding', properties.contentEncoding),
    element('Content-Language', properties.contentLanguage),
    element('Content-MD5', properties.contentMd5),
    element('Cache-Control', properties.cacheControl),
    element('Content-Disposition', properties.contentDisposition),
    element('BlobType', 'BlockBlob'),
    element('AccessTier', properties.accessTier ?? 'Hot'),
    properties.accessTier === undefined ? element('AccessTierInferred', 'true') : '',
    element('LeaseStatus', locked ? 'locked' : 'unlocked'),
    element('LeaseState', state),
    element('ServerEncrypted', 'true'),
    include.has('copy') ? copyXml(blob) : '',
  ].join('')
  const metadata = include.has('metadata') ? metadataXml(properties.metadata) : ''
  const head = nameElement(blob.name) + stateXml(blob, include)
  const described = `<Properties>${fields}${deletionXml(blob.past, now)}</Properties>`
  return `<Blob>${head}${described}${metadata}</Blob>`
}

function stateXml({ past, properties }: BlobRow, include: ReadonlySet<string>): string {
  const { versionId } = properties
  return [
    past?.deletedAt === undefined ? '' : element('Deleted', 'true'),
    past?.kind === 'snapshot' ? element('Snapshot', past.moment) : '',
    include.has('versions') ? optional('VersionId', versionId) : '',
    include.has('versions') && versionId !== undefined && past === undefined
      ? element('IsCurrentVersion', 'true')
      : '',
  ].join('')
}

function deletionXml(
  deleted: { readonly deletedAt?: number; readonly purgeAt?: number } | undefined,
  now: number,
): string {
  if (deleted?.deletedAt === undefined || deleted.purgeAt === undefined) return ''
  return [
    element('DeletedTime', httpDate(deleted.deletedAt)),
    element('RemainingRetentionDays', remainingDays(deleted.purgeAt, now)),
  ].join('')
}

function copyXml({ properties: { copy } }: BlobRow): string {
  if (copy === undefined) return ''
  return [
    element('CopyId', copy.id),
    element('CopyStatus', 'success'),
    element('CopySource', copy.source),
    element('CopyProgress', `${copy.bytes}/${copy.bytes}`),
    element('CopyCompletionTime', httpDate(copy.completedAt)),
  ].join('')
}

function metadataXml(metadata: Readonly<Record<string, string>>): string {
  const entries = Object.entries(metadata)
  return `<Metadata>${entries.map(([name, value]) => element(name, value)).join('')}</Metadata>`
}

export interface ContainerListing {
  readonly serviceEndpoint: string
  readonly prefix: string | undefined
  readonly marker: string | undefined
  readonly maxResults: number | undefined
  readonly containers: readonly ContainerRow[]
  readonly nextMarker: string
  readonly withMetadata: boolean
  readonly now: number
}

export function containerListXml(listing: ContainerListing): string {
  const containers = listing.containers.map((row) => {
    const properties = [
      element('Last-Modified', httpDate(row.modifiedAt)),
      element('Etag', row.etag),
      '<LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState>',
      '<HasImmutabilityPolicy>false</HasImmutabilityPolicy><HasLegalHold>false</HasLegalHold>',
      deletionXml(row.deleted, listing.now),
    ].join('')
    const metadata = listing.withMetadata ? metadataXml(row.metadata) : ''
    const name =
      element('Name', row.name) +
      (row.deleted === undefined
        ? ''
        : element('Deleted', 'true') + element('Version', row.deleted.version))
    return `<Container>${name}<Properties>${properties}</Properties>${metadata}</Container>`
  })
  return [
    declaration,
    `<EnumerationResults ServiceEndpoint="${escapeXml(listing.serviceEndpoint)}">`,
    optional('Prefix', listing.prefix),
    optional('Marker', listing.marker),
    optional('MaxResults', listing.maxResults?.toString()),
    `<Containers>${containers.join('')}</Containers>`,
    element('NextMarker', listing.nextMarker),
    '</EnumerationResults>',
  ].join('')
}

export interface ListedBlock {
  readonly blockId: string | undefined
  readonly size: number
}

export function blockListXml(
  committed: readonly ListedBlock[] | undefined,
  staged: readonly ListedBlock[] | undefined,
): string {
  const blocks = (tag: string, list: readonly ListedBlock[] | undefined): string =>
    list === undefined
      ? ''
      : `<${tag}>${list
          .filter((one) => one.blockId !== undefined)
          .map(
            (one) => `<Block>${element('Name', one.blockId)}${element('Size', one.size)}</Block>`,
          )
          .join('')}</${tag}>`
  const lists = blocks('CommittedBlocks', committed) + blocks('UncommittedBlocks', staged)
  return `${declaration}<BlockList>${lists}</BlockList>`
}

export interface NamedBlock {
  readonly blockId: string
  readonly from: 'staged' | 'committed' | 'latest'
}

const sources = { Committed: 'committed', Uncommitted: 'staged', Latest: 'latest' } as const

/** The order of the elements is the order of the content. */
export function parseBlockList(xml: string): NamedBlock[] {
  // Entities could read files or grow without end; no document of the service declares any.
  if (/<!DOCTYPE/i.test(xml) || XMLValidator.validate(xml) !== true)
    throw storageError('InvalidXmlDocument')
  const parser = new XMLParser({ preserveOrder: true, parseTagValue: false, trimValues: true })
  const document: unknown = parser.parse(xml)
  const root = array(document).find((node) => isRecord(node) && 'BlockList' in node)
  if (!isRecord(root)) throw storageError('InvalidXmlDocument')
  return array(root.BlockList).map(namedBlock)
}

function namedBlock(node: unknown): NamedBlock {
  if (!isRecord(node)) throw storageError('InvalidXmlDocument')
  for (const [tag, from] of Object.entries(sources)) {
    if (!(tag in node)) continue
    const [content] = array(node[tag])
    const blockId = isRecord(content) ? content['#text'] : undefined
    if (typeof blockId === 'string') return { blockId, from }
  }
  throw storageError('InvalidXmlDocument')
}

const array = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

export function httpDate(at: number): string {
  return new Date(at).toUTCString()
}
