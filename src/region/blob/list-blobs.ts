import { after, type BlobRow } from './blob-tables.ts'
import { storageError } from './storage-error.ts'
import type { ListedItem } from './storage-xml.ts'

/** Blobs with `prefix`, named `from` or later, in name order, at most `limit`. */
export type ReadBlobs = (range: {
  readonly prefix: string
  readonly from: string
  readonly limit: number
}) => BlobRow[]

export interface ListRequest {
  readonly prefix: string
  readonly delimiter: string | undefined
  /** `nextMarker` of the page before. */
  readonly marker: string | undefined
  readonly limit: number
}

export interface ListPage {
  readonly items: readonly ListedItem[]
  /** Empty: nothing is left. */
  readonly nextMarker: string
}

/**
 * One page of a listing. With a delimiter, names that share what comes before it fold into one
 * prefix, and the walk jumps over them: a folder of a million blobs costs one row.
 */
export function listBlobs(read: ReadBlobs, request: ListRequest): ListPage {
  const { prefix, delimiter, limit } = request
  const items: ListedItem[] = []
  let from = request.marker === undefined ? '' : readMarker(request.marker)
  for (;;) {
    const wanted = limit - items.length + 1
    const rows = read({ prefix, from, limit: wanted })
    const folder = rows.findIndex((row) => folderOf(row.name, prefix, delimiter) !== undefined)
    for (const blob of folder < 0 ? rows : rows.slice(0, folder)) {
      if (items.length === limit) return { items, nextMarker: writeMarker(blob.name) }
      items.push({ blob })
    }
    const first = folder < 0 ? undefined : rows[folder]
    if (first === undefined) return { items, nextMarker: '' }
    const name = folderOf(first.name, prefix, delimiter)
    if (name === undefined) throw storageError('InternalError')
    if (items.length === limit) return { items, nextMarker: writeMarker(name) }
    items.push({ prefix: name })
    from = after(name)
  }
}

function folderOf(name: string, prefix: string, delimiter: string | undefined): string | undefined {
  if (delimiter === undefined) return undefined
  const at = name.indexOf(delimiter, prefix.length)
  return at < 0 ? undefined : name.slice(0, at + delimiter.length)
}

const writeMarker = (name: string): string => Buffer.from(name, 'utf8').toString('base64url')

function readMarker(marker: string): string {
  const name = Buffer.from(marker, 'base64url').toString('utf8')
  if (writeMarker(name) !== marker) {
    throw storageError('InvalidQueryParameterValue', 'The marker is not one of this service.')
  }
  return name
}
