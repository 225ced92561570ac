import { metadataOf, requiredHeader } from '../blob/blob-request.ts'
import type { Answer } from '../blob/container-operations.ts'
import { storageError } from '../blob/storage-error.ts'
import { type FileCall, nodeKeyOf, propertiesOf, sizeHeader } from './file-request.ts'
import type { FileService } from './file-service.ts'
import { keyOf, type NodeRow } from './file-tables.ts'
import { describedHeaders, fileId, nodeHeaders, rootId, version } from './file-views.ts'
import { directoryListXml, noHandlesXml } from './file-xml.ts'
import { pageOf } from './share-operations.ts'

/** Operations on files and directories that move no content. */

export function createDirectory(call: FileCall, { store }: FileService): Answer {
  const row = store.createDirectory(nodeKeyOf(call), propertiesOf(call, 'directory'))
  return { status: 201, headers: nodeHeaders(row, store) }
}

const largestFile = 4 * 1024 ** 4

export function createFile(call: FileCall, { store }: FileService): Answer {
  if (requiredHeader(call, 'x-ms-type').toLowerCase() !== 'file')
    throw storageError('InvalidHeaderValue', 'The x-ms-type of a file is file.')
  const size = sizeHeader(call, 'x-ms-content-length')
  if (size === undefined) throw storageError('MissingRequiredHeader')
  if (size > largestFile) throw storageError('InvalidHeaderValue', 'A file has at most 4 TiB.')
  const row = store.createFile(nodeKeyOf(call), size, propertiesOf(call, 'file'))
  return { status: 201, headers: nodeHeaders(row, store) }
}

const removing =
  (kind: NodeRow['kind']) =>
  (call: FileCall, { store }: FileService): Answer => {
    store.remove(nodeKeyOf(call), kind)
    return { status: 202 }
  }
export const deleteDirectory = removing('directory')
export const deleteFile = removing('file')

export function directoryProperties(call: FileCall, { store }: FileService): Answer {
  const key = nodeKeyOf(call)
  // The root is a directory of every share and has no row.
  if (key.path === '') {
    const share = store.requireShare(key.account, key.share)
    return { status: 200, headers: { ...version(share), 'x-ms-file-id': rootId } }
  }
  return { status: 200, headers: describedHeaders(store.require(key, 'directory'), store) }
}

const settingMetadata =
  (kind: NodeRow['kind']) =>
  (call: FileCall, { store }: FileService): Answer => {
    const metadata = metadataOf(call) ?? {}
    const row = store.change(nodeKeyOf(call), kind, ({ properties }) => ({
      properties: { ...properties, metadata },
    }))
    return { status: 200, headers: nodeHeaders(row, store) }
  }
export const setDirectoryMetadata = settingMetadata('directory')
export const setFileMetadata = settingMetadata('file')

/** Content headers that are not given are cleared, as the service does it. */
const settingProperties =
  (kind: NodeRow['kind']) =>
  (call: FileCall, { store }: FileService): Answer => {
    const size = kind === 'file' ? sizeHeader(call, 'x-ms-content-length') : undefined
    const row = store.change(nodeKeyOf(call), kind, ({ properties }) => ({
      properties: propertiesOf(call, kind, properties),
      ...(size !== undefined && { size }),
    }))
    return { status: 200, headers: nodeHeaders(row, store) }
  }
export const setDirectoryProperties = settingProperties('directory')
export const setFileProperties = settingProperties('file')

export function listDirectory(call: FileCall, { store, origin }: FileService): Answer {
  const key = nodeKeyOf(call)
  const directory = key.path === '' ? undefined : store.require(key, 'directory')
  if (!directory) store.requireShare(key.account, key.share)
  const page = pageOf(call)
  const limit = page.maxResults ?? 5000
  const from = page.marker
  const rows = store.tables.children(key, { prefix: page.prefix, from, limit: limit + 1 })
  const next = rows[limit]
  const xml = directoryListXml(
    {
      ...page,
      serviceEndpoint: origin(call.account),
      nextMarker: next === undefined ? '' : keyOf(next.path),
      ...{ share: key.share, path: key.path },
      directoryId: directory === undefined ? rootId : fileId(directory),
    },
    rows.slice(0, limit),
  )
  return { status: 200, xml }
}

/** The request names the new path; the header names, as an address, what moves there. */
const renaming =
  (kind: NodeRow['kind']) =>
  (call: FileCall, { store }: FileService): Answer => {
    const to = nodeKeyOf(call)
    const source = requiredHeader(call, 'x-ms-file-rename-source')
    const [, share = '', path = ''] =
      /^\/([^/]+)\/(.+)$/.exec(decodeURIComponent(pathOf(source, call.account))) ?? []
    if (share !== to.share)
      throw storageError('InvalidHeaderValue', 'What is renamed is in the same share.')
    const replaces = call.req.headers['x-ms-file-rename-replace-if-exists'] === 'true'
    const row = store.rename({ ...to, path: path.replace(/\/+$/, '') }, kind, to.path, replaces)
    return { status: 200, headers: nodeHeaders(row, store) }
  }
export const renameDirectory = renaming('directory')
export const renameFile = renaming('file')

/** Path-style addresses begin with the account, which is not part of the path. */
function pathOf(source: string, account: string): string {
  if (!URL.canParse(source)) throw storageError('InvalidHeaderValue')
  const { pathname, hostname } = new URL(source)
  const isPathStyle = !hostname.toLowerCase().startsWith(`${account}.`)
  return isPathStyle && pathname.startsWith(`/${account}/`)
    ? pathname.slice(account.length + 1)
    : pathname
}

/** Only SMB opens handles, and the region speaks REST alone. */
export const listHandles = (): Answer => ({ status: 200, xml: noHandlesXml })
export const closeHandles = (): Answer => ({
  status: 200,
  headers: { 'x-ms-number-of-handles-closed': 0, 'x-ms-number-of-handles-failed': 0 },
})
