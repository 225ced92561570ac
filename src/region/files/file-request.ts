import { createHash } from 'node:crypto'
import { type BlobCall, header, metadataOf } from '../blob/blob-request.ts'
import { storageError } from '../blob/storage-error.ts'
import type { ContentHeaders, NodeKey, NodeProperties } from './file-tables.ts'

/** A request of the File service: what is a container to the Blob service is a share here. */
export type FileCall = BlobCall

export function shareOf(call: FileCall): string {
  if (call.container === undefined) throw storageError('InvalidUri')
  return call.container
}

/** Slashes at the ends mean nothing; the root directory is ''. */
export const nodeKeyOf = (call: FileCall): NodeKey => ({
  account: call.account,
  share: shareOf(call),
  path: (call.blob ?? '').replace(/^\/+|\/+$/g, ''),
})

/** ISO 8601 with seven digits after the second, as Windows counts time. */
export const fileTime = (ms: number) => new Date(ms).toISOString().replace('Z', '0000Z')

/** `x-ms-file-*-time`: an instant, `now`, or (the default for what exists) what was there. */
function timeOf(call: FileCall, name: string, otherwise: string): string {
  const text = header(call, `x-ms-file-${name}-time`)
  if (text === undefined || text === 'preserve') return otherwise
  if (text === 'now') return fileTime(call.now)
  if (Number.isNaN(Date.parse(text))) throw storageError('InvalidHeaderValue')
  return text
}

/** What a request that makes or changes a file or directory says of it. */
export function propertiesOf(
  call: FileCall,
  kind: 'file' | 'directory',
  before?: NodeProperties,
): NodeProperties {
  const now = fileTime(call.now)
  const attributes = header(call, 'x-ms-file-attributes')
  const isKept = attributes === undefined || attributes === 'preserve'
  const usual = kind === 'directory' ? 'Directory' : 'Archive'
  return {
    metadata: before?.metadata ?? metadataOf(call) ?? {},
    attributes: isKept
      ? (before?.attributes ?? usual)
      : attributes === 'None' && kind === 'directory'
        ? usual
        : attributes,
    createdAt: timeOf(call, 'creation', before?.createdAt ?? now),
    writtenAt: timeOf(call, 'last-write', before?.writtenAt ?? now),
    changedAt: timeOf(call, 'change', now),
    permissionKey: permissionOf(call) ?? before?.permissionKey ?? keyOfPermission('inherit'),
    content: kind === 'file' ? contentOf(call) : {},
  }
}

/** What the time of a write does to a file that was there. */
export const written = (call: FileCall, before: NodeProperties): NodeProperties => {
  const now = fileTime(call.now)
  const keeps = header(call, 'x-ms-file-last-write-time') === 'preserve'
  return { ...before, changedAt: now, ...(!keeps && { writtenAt: now }) }
}

function permissionOf(call: FileCall): string | undefined {
  const key = header(call, 'x-ms-file-permission-key')
  const text = header(call, 'x-ms-file-permission')
  if (key !== undefined && key !== 'preserve') return key
  return text === undefined || text === 'preserve' ? undefined : keyOfPermission(text)
}

/** The service names a security descriptor by a key of its own; equal ones have one key. */
function keyOfPermission(text: string): string {
  const digest = createHash('sha256').update(text).digest()
  return `${digest.readBigUInt64BE(0)}*${digest.readBigUInt64BE(8)}`
}

function contentOf(call: FileCall): ContentHeaders {
  const given = {
    type: header(call, 'x-ms-content-type'),
    encoding: header(call, 'x-ms-content-encoding'),
    language: header(call, 'x-ms-content-language'),
    disposition: header(call, 'x-ms-content-disposition'),
    cacheControl: header(call, 'x-ms-cache-control'),
    md5: header(call, 'x-ms-content-md5'),
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

export function sizeHeader(call: FileCall, name: string): number | undefined {
  const text = header(call, name)
  if (text === undefined) return undefined
  const size = Number(text)
  if (Number.isSafeInteger(size) && size >= 0) return size
  throw storageError('InvalidHeaderValue', `The header ${name} is no size.`)
}

/** `bytes=a-b` of `x-ms-range` or `range`. Undefined: none is given. */
export function rangeOf(
  call: FileCall,
  size: number,
): { readonly first: number; readonly last: number } | undefined {
  const text = header(call, 'x-ms-range') ?? header(call, 'range')
  const [, begin, end] = /^bytes=(\d+)-(\d*)$/.exec(text ?? '') ?? []
  if (begin === undefined) return undefined
  const first = Number(begin)
  const last = end === undefined || end === '' ? size - 1 : Number(end)
  if (last < first) throw storageError('InvalidRange')
  return { first, last }
}
