import type { IncomingMessage, ServerResponse } from 'node:http'
import type { StateName } from './blob-history.ts'
import type { BlobKey } from './blob-tables.ts'
import { storageError } from './storage-error.ts'

/** Where a request points: an account, and in it a container and a blob. */
export interface Target {
  readonly account: string
  readonly container: string | undefined
  readonly blob: string | undefined
  /** As sent, still percent-encoded: what Shared Key signs. */
  readonly rawPath: string
  readonly query: ReadonlyMap<string, string>
}

/**
 * Split by hand: `URL` would resolve `..` and merge slashes, and both are legal in blob names.
 * Names never become file names, so no name needs to be refused for the file system's sake.
 */
export function parseTarget(url: string, host?: string): Target {
  const [rawPath = '/', rawQuery = ''] = cut(url, '?')
  const byHost = accountOfHost(host)
  const [account = '', rest] =
    byHost === undefined ? cut(rawPath.slice(1), '/') : [byHost, rawPath.slice(1)]
  const [container, blob] = rest === undefined ? [] : cut(rest, '/')
  return {
    account: decode(account),
    container: container === undefined || container === '' ? undefined : decode(container),
    // As Azure does it: a backslash in a blob name is a slash.
    blob: blob === undefined || blob === '' ? undefined : decode(blob).replaceAll('\\', '/'),
    rawPath,
    query: parseQuery(rawQuery),
  }
}

/**
 * Clients put the account into the host (`{account}.blob.core.localhost`) or, as with every storage
 * emulator, first in the path (`localhost/{account}/…`).
 */
function accountOfHost(host: string | undefined): string | undefined {
  return /^([a-z0-9]+)(?:-secondary)?\.(?:blob|file)\./i.exec(host ?? '')?.[1]?.toLowerCase()
}

/** Names in lower case. A plus sign is a plus sign, as the clients sign it. */
function parseQuery(raw: string): Map<string, string> {
  const query = new Map<string, string>()
  for (const pair of raw.split('&')) {
    if (pair === '') continue
    const [name = '', value = ''] = cut(pair, '=')
    query.set(decode(name).toLowerCase(), decode(value))
  }
  return query
}

function cut(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    if (error instanceof URIError) throw storageError('InvalidUri')
    throw error
  }
}

/** One request on its way through the service. */
export interface BlobCall extends Target {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly method: string
  readonly now: number
}

export function header(call: { readonly req: IncomingMessage }, name: string): string | undefined {
  const value = call.req.headers[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

export function requiredHeader(call: BlobCall, name: string): string {
  const value = header(call, name)
  if (value === undefined) {
    throw storageError('MissingRequiredHeader', `The header ${name} is mandatory.`)
  }
  return value
}

export function containerOf(call: BlobCall): string {
  if (call.container === undefined) throw storageError('InvalidUri')
  return call.container
}

export function blobKeyOf(call: BlobCall): BlobKey {
  if (call.blob === undefined) throw storageError('InvalidUri')
  return { account: call.account, container: containerOf(call), name: call.blob }
}

/** Which state of the blob is meant: `snapshot` or `versionid` of the query. */
export function stateOf({ query }: Pick<Target, 'query'>): StateName {
  const state = { snapshot: query.get('snapshot'), versionId: query.get('versionid') }
  if (state.snapshot !== undefined && state.versionId !== undefined)
    throw storageError('InvalidQueryParameterValue', 'A snapshot has no version.')
  return state
}

/** `x-ms-meta-*`, with the case the caller wrote; undefined when there is none. */
export function metadataOf(call: BlobCall): Record<string, string> | undefined {
  const metadata: Record<string, string> = {}
  const { rawHeaders } = call.req
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (!name.toLowerCase().startsWith('x-ms-meta-')) continue
    const key = name.slice('x-ms-meta-'.length)
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key)) throw storageError('InvalidMetadata')
    metadata[key] = (rawHeaders[i + 1] ?? '').trim()
  }
  return Object.keys(metadata).length === 0 ? undefined : metadata
}

/** The body's announced length: the service takes no chunked uploads. */
export function contentLengthOf(call: BlobCall): number {
  const text = header(call, 'content-length')
  if (text === undefined) throw storageError('MissingContentLengthHeader')
  return Number(text)
}

const maxXmlBytes = 8 * 1024 * 1024

export async function readText(call: BlobCall): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of call.req) {
    size += chunk.length
    if (size > maxXmlBytes) throw storageError('InvalidXmlDocument')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
