import { after, type BlobRow } from './blob-tables.ts'
import { type ListPosition, present } from './past-tables.ts'
import { storageError } from './storage-error.ts'
import type { ListedItem } from './storage-xml.ts'

/** Blobs with `prefix`, at `from` or later, by name and moment, at most `limit`. */
export type ReadBlobs = (range: {
  readonly prefix: string
  readonly from: ListPosition
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
  let from = readMarker(request.marker)
  for (;;) {
    const wanted = limit - items.length + 1
    const rows = read({ prefix, from, limit: wanted })
    const folder = rows.findIndex((row) => folderOf(row.name, prefix, delimiter) !== undefined)
    for (const blob of folder < 0 ? rows : rows.slice(0, folder)) {
      if (items.length === limit) return { items, nextMarker: writeMarker(placeOf(blob)) }
      items.push({ blob })
    }
    const first = folder < 0 ? undefined : rows[folder]
    if (first === undefined) return { items, nextMarker: '' }
    const name = folderOf(first.name, prefix, delimiter)
    if (name === undefined) throw storageError('InternalError')
    if (items.length === limit) return { items, nextMarker: writeMarker({ name, moment: '' }) }
    items.push({ prefix: name })
    from = { name: after(name), moment: '' }
  }
}

function folderOf(name: string, prefix: string, delimiter: string | undefined): string | undefined {
  if (delimiter === undefined) return undefined
  const at = name.indexOf(delimiter, prefix.length)
  return at < 0 ? undefined : name.slice(0, at + delimiter.length)
}

function placeOf({ name, past }: BlobRow): ListPosition {
  return { name, moment: past?.moment ?? present }
}

/** No name holds a zero character. */
const writeMarker = ({ name, moment }: ListPosition): string =>
  Buffer.from(`${name}\0${moment}`, 'utf8').toString('base64url')

function readMarker(marker: string | undefined): ListPosition {
  if (marker === undefined) return { name: '', moment: '' }
  const [name = '', moment = ''] = Buffer.from(marker, 'base64url').toString('utf8').split('\0')
  if (writeMarker({ name, moment }) !== marker) {
    throw storageError('InvalidQueryParameterValue', 'The marker is not one of this service.')
  }
  return { name, moment }
}
