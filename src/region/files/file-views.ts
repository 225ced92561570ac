import { metadataHeaders } from '../blob/container-operations.ts'
import { httpDate } from '../blob/storage-xml.ts'
import type { FileStore } from './file-store.ts'
import { type NodeRow, parentOf, type ShareRow } from './file-tables.ts'

type Headers = Record<string, string | number | undefined>

export const version = (row: { readonly etag: string; readonly modifiedAt: number }): Headers => ({
  etag: `"${row.etag}"`,
  'last-modified': httpDate(row.modifiedAt),
})

export const shareHeaders = (row: ShareRow): Headers => ({
  ...version(row),
  'x-ms-share-quota': row.quotaGib,
  'x-ms-enabled-protocols': 'SMB',
  'x-ms-access-tier': 'TransactionOptimized',
  'x-ms-lease-status': 'unlocked',
  'x-ms-lease-state': 'available',
  ...metadataHeaders(row.metadata),
})

/** What every answer about a file or directory says of it. */
export function nodeHeaders(row: NodeRow, store: FileStore): Headers {
  const { properties } = row
  return {
    ...version(row),
    'x-ms-request-server-encrypted': 'true',
    'x-ms-file-attributes': properties.attributes,
    'x-ms-file-creation-time': properties.createdAt,
    'x-ms-file-last-write-time': properties.writtenAt,
    'x-ms-file-change-time': properties.changedAt,
    'x-ms-file-permission-key': properties.permissionKey,
    'x-ms-file-id': fileId(row),
    'x-ms-file-parent-id': parentId(row, store),
  }
}

/** The whole description, as GET and HEAD give it. */
export function describedHeaders(row: NodeRow, store: FileStore): Headers {
  const { content, metadata } = row.properties
  return {
    ...nodeHeaders(row, store),
    'x-ms-request-server-encrypted': undefined,
    'x-ms-server-encrypted': 'true',
    ...metadataHeaders(metadata),
    ...(row.kind === 'file' && {
      'x-ms-type': 'File',
      'content-type': content.type ?? 'application/octet-stream',
      'content-encoding': content.encoding,
      'content-language': content.language,
      'content-disposition': content.disposition,
      'cache-control': content.cacheControl,
      'content-md5': content.md5,
      'accept-ranges': 'bytes',
      'x-ms-lease-status': 'unlocked',
      'x-ms-lease-state': 'available',
    }),
  }
}

/** Windows hands out ids from this one on. */
const firstId = 13_835_128_424_026_341_376n
export const rootId = '0'
export const fileId = (row: NodeRow): string => String(firstId + BigInt(row.id))

function parentId(row: NodeRow, store: FileStore): string {
  const path = parentOf(row.path)
  const parent = path === '' ? undefined : store.tables.node({ ...row, path })
  return parent === undefined ? rootId : fileId(parent)
}
