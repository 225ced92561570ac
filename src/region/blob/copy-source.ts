import { type Dispatcher, request } from 'undici'
import type { RegionLog } from '../context.ts'
import { isLocalName } from '../http/local-name.ts'
import { type AuthOptions, authenticate } from './blob-auth.ts'
import type { ServedBlobEngine } from './blob-engine.ts'
import { segment } from './blob-engine.ts'
import { type BlobCall, blobKeyOf, header, parseTarget, stateOf } from './blob-request.ts'
import type { BlobProperties, BlobRow, Segment } from './blob-tables.ts'
import { checkSource, readConditions } from './conditions.ts'
import type { ContentFile, ContentFiles } from './content-files.ts'
import { copyAgent } from './copy-agent.ts'
import { storageError } from './storage-error.ts'

/** A blob somewhere, opened for copying. Exactly one of the last three is called, once. */
export interface CopySource {
  /** Bytes that will come: the blob's, or the range's. */
  readonly size: number
  /** Content headers and metadata; no lease, no copy record. */
  readonly properties: BlobProperties
  cancel(): void
  receive(
    expectedMd5: string | undefined,
  ): Promise<{ readonly segments: Segment[]; readonly md5: string | undefined }>
  receiveOne(expectedMd5: string | undefined): Promise<ContentFile>
}

export interface CopySources {
  /** Throws `CannotVerifyCopySource` or `SourceConditionNotMet`. `range` as `bytes=a-b`. */
  open(call: BlobCall, url: string, range?: string): Promise<CopySource>
}

export interface CopySourceOptions extends AuthOptions {
  readonly engine: ServedBlobEngine
  /** PEM of certificate authorities to trust besides the public ones. */
  readonly ca?: string | undefined
  /** Says no when a fault cuts this region off from an address. */
  readonly isReachable?: ((url: string) => boolean) | undefined
  readonly log: RegionLog
}

/** Sources in this region are read directly, all others over HTTP as any client would. */
export function copySources(options: CopySourceOptions): CopySources {
  const { ca } = options
  const agent = copyAgent(ca)
  const isOwn = ({ protocol, hostname, port }: URL) => {
    const own = new URL(options.engine.storageOrigin())
    const isHere = hostname === own.hostname || (isLocalName(hostname) && isLocalName(own.hostname))
    return protocol === own.protocol && port === own.port && isHere
  }
  return {
    async open(call, url, range) {
      const parsed = httpUrl(url)
      if (isOwn(parsed)) {
        // As written: a URL object would resolve what a blob's name may hold, such as `..`.
        const path = url.replace(/^[^/]*\/\/[^/]*/, '')
        return openOwn(call, parseTarget(path, parsed.host), range, options)
      }
      if (options.isReachable?.(url) === false) throw unreadable('The address is not reachable.')
      return openRemote(call, parsed, range, agent, options)
    },
  }
}

/** A SAS is a secret: it is never stored and never repeated. */
export function withoutQuery(url: string): string {
  return url.split('?', 1)[0] ?? url
}

export function httpUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed?.protocol !== 'https:' && parsed?.protocol !== 'http:') {
    throw storageError('InvalidHeaderValue', 'The copy source is not an http or https address.')
  }
  return parsed
}

export function unreadable(reason: string, status = 404): Error {
  return storageError('CannotVerifyCopySource', `The copy source cannot be read. ${reason}`, {
    status,
  })
}

// --- in this region ----------------------------------------------------------------------------

async function openOwn(
  call: BlobCall,
  target: ReturnType<typeof parseTarget>,
  range: string | undefined,
  options: CopySourceOptions,
): Promise<CopySource> {
  const { store } = options.engine
  await permitOwn(call, target, options)
  const row = store.find(blobKeyOf({ ...call, ...target }), stateOf(target))
  if (row === undefined) throw unreadable('The blob does not exist.')
  checkSource(readConditions(call.req.headers, 'x-ms-source-'), row)
  const { offset, length } = slice(range, row.size)
  const content = (): AsyncIterable<Uint8Array> => store.read(row, offset, length)
  return {
    size: length,
    properties: withoutState(row),
    cancel: () => undefined,
    async receive(expectedMd5) {
      if (expectedMd5 !== undefined || length !== row.size) {
        const file = await store.files.write(content(), expectation(length, expectedMd5))
        return { segments: [segment(file)], md5: file.md5 }
      }
      return { segments: await store.duplicate(row), md5: row.properties.contentMd5 }
    },
    receiveOne: (md5) => store.files.write(content(), expectation(length, md5)),
  }
}

/** Within one account the caller's own right to read is enough, else the URL has to carry a SAS. */
async function permitOwn(
  call: BlobCall,
  target: ReturnType<typeof parseTarget>,
  options: CopySourceOptions,
): Promise<void> {
  const authorization = header(call, 'x-ms-copy-source-authorization')
  const isSameAccount = target.account === call.account && call.req.headers.authorization
  if (authorization === undefined && !target.query.has('sig') && isSameAccount) return
  const headers = authorization === undefined ? {} : { authorization }
  try {
    const permit = await authenticate({ target, method: 'GET', headers, now: call.now }, options)
    permit({ permissions: 'r', resource: 'o', serviceSas: true })
  } catch (error) {
    throw unreadable(error instanceof Error ? error.message : String(error), 403)
  }
}

function slice(range: string | undefined, size: number): { offset: number; length: number } {
  if (range === undefined) return { offset: 0, length: size }
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range) ?? []
  if (first === undefined) throw storageError('InvalidHeaderValue', 'The source range is invalid.')
  const offset = Number(first)
  const end = last === undefined || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (end < offset) throw storageError('InvalidRange')
  return { offset, length: end - offset + 1 }
}

function withoutState({ properties }: BlobRow): BlobProperties {
  const { lease: _lease, copy: _copy, accessTier: _tier, versionId: _id, ...rest } = properties
  return rest
}

function expectation(
  sizeBytes: number,
  md5: string | undefined,
): Parameters<ContentFiles['write']>[1] {
  return md5 === undefined ? { sizeBytes } : { sizeBytes, md5 }
}

// --- elsewhere ---------------------------------------------------------------------------------

async function openRemote(
  call: BlobCall,
  url: URL,
  range: string | undefined,
  dispatcher: Dispatcher,
  options: CopySourceOptions,
): Promise<CopySource> {
  const answer = await ask(call, url, range, dispatcher, options.log)
  const size = Number(single(answer, 'content-length'))
  if (!Number.isInteger(size)) {
    answer.body.destroy()
    throw unreadable('It does not say how long it is.')
  }
  const { files } = options.engine.store
  const receiveOne = (md5: string | undefined): Promise<ContentFile> =>
    files.write(readable(answer.body), expectation(size, md5))
  return {
    size,
    properties: remoteProperties(answer),
    // Destroying a body that nobody reads raises an error event that has no listener.
    cancel: () => answer.body.on('error', () => undefined).destroy(),
    receiveOne,
    async receive(expectedMd5) {
      const file = await receiveOne(expectedMd5)
      return { segments: [segment(file)], md5: file.md5 }
    },
  }
}

async function ask(
  call: BlobCall,
  url: URL,
  range: string | undefined,
  dispatcher: Dispatcher,
  log: RegionLog,
): Promise<Dispatcher.ResponseData> {
  let answer: Dispatcher.ResponseData
  try {
    answer = await request(url, { method: 'GET', headers: sourceHeaders(call, range), dispatcher })
  } catch (error) {
    log.warn({ source: withoutQuery(url.href), error: String(error) }, 'copy source unreachable')
    throw unreadable('The address does not answer.')
  }
  const { statusCode } = answer
  if (statusCode === 200 || statusCode === 206) return answer
  await answer.body.dump()
  if (statusCode === 412 || statusCode === 304) throw storageError('SourceConditionNotMet')
  const code = single(answer, 'x-ms-error-code') ?? 'no error code'
  const passedOn = [401, 403, 404, 409].includes(statusCode) ? statusCode : 404
  throw unreadable(`It answers ${statusCode} (${code}).`, passedOn)
}

/** Conditions on the source travel with the read, so that what is checked is what is copied. */
function sourceHeaders(call: BlobCall, range: string | undefined): Record<string, string> {
  const headers: Record<string, string> = {
    'x-ms-version': header(call, 'x-ms-version') ?? '2020-12-06',
    'x-ms-date': new Date(call.now).toUTCString(),
    'accept-encoding': 'identity',
  }
  if (range !== undefined) headers['x-ms-range'] = range
  const authorization = header(call, 'x-ms-copy-source-authorization')
  if (authorization !== undefined) headers.authorization = authorization
  for (const name of ['match', 'none-match', 'modified-since', 'unmodified-since']) {
    const value = header(call, `x-ms-source-if-${name}`)
    if (value !== undefined) headers[`if-${name}`] = value
  }
  return headers
}

/** A source that breaks off is the source's failure, not this region's. */
async function* readable(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } catch (error) {
    throw unreadable(`It broke off: ${error instanceof Error ? error.message : String(error)}.`)
  }
}

function remoteProperties(answer: Dispatcher.ResponseData): BlobProperties {
  const metadata: Record<string, string> = {}
  for (const name of Object.keys(answer.headers)) {
    if (name.startsWith('x-ms-meta-')) metadata[name.slice(10)] = single(answer, name) ?? ''
  }
  return {
    contentType: single(answer, 'content-type') ?? 'application/octet-stream',
    contentMd5: single(answer, 'x-ms-blob-content-md5') ?? single(answer, 'content-md5'),
    contentEncoding: single(answer, 'content-encoding'),
    contentLanguage: single(answer, 'content-language'),
    contentDisposition: single(answer, 'content-disposition'),
    cacheControl: single(answer, 'cache-control'),
    metadata,
  }
}

function single(answer: Dispatcher.ResponseData, name: string): string | undefined {
  const value = answer.headers[name]
  return typeof value === 'string' ? value : value?.[0]
}
