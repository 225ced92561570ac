import { Readable } from 'node:stream'
import {
  AnonymousCredential,
  BlobSASPermissions,
  BlobServiceClient,
  type ContainerClient,
  generateBlobSASQueryParameters,
  newPipeline,
  RestError,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import { HoldfastError, isHoldfastError } from '../../model/errors.ts'
import type { Place } from '../../model/place.ts'
import { cancelledError } from '../cancellation.ts'
import { deadlineOf } from '../deadline.ts'
import { secretOf } from '../secret.ts'
import { steadyStream } from '../steady-stream.ts'
import type {
  BlobInfo,
  BlobStoreName,
  CallOptions,
  Page,
  PageOptions,
  Secret,
  WriteOptions,
} from '../workspace.ts'

/** Larger blobs are copied as a background operation of the storage service and polled. */
const syncCopyLimitBytes = 256 * 1024 * 1024
const sasTtlMs = 3_600_000
const clockSkewMs = 5 * 60_000

/** Blobs of the default storage account, with the account's key (Azure Storage's own client). */
export class AzureBlobs {
  readonly #member: string
  readonly #place: Place
  readonly #credential: StorageSharedKeyCredential
  readonly #service: BlobServiceClient

  constructor(member: string, place: Place, accountKey: string, ca: string | undefined) {
    this.#member = member
    this.#place = place
    this.#credential = new StorageSharedKeyCredential(place.storageAccount, accountKey)
    // Repeating belongs to the `retrying` decorator.
    const pipeline = newPipeline(this.#credential ?? new AnonymousCredential(), {
      retryOptions: { maxTries: 1 },
      ...(ca === undefined ? {} : { tlsOptions: { ca } }),
    })
    this.#service = new BlobServiceClient(place.blobOrigin, pipeline)
  }

  async stores(options: CallOptions = {}): Promise<readonly BlobStoreName[]> {
    const system = new Map(
      Object.entries(this.#place.containers).map(([store, container]) => [container, store]),
    )
    return this.#call('blob stores', options, reading, async (within) => {
      const names: BlobStoreName[] = []
      for await (const container of this.#service.listContainers(within)) {
        names.push(system.get(container.name) ?? `container:${container.name}`)
      }
      return names.sort()
    })
  }

  async list(
    store: BlobStoreName,
    options: PageOptions & { readonly prefix?: string } = {},
  ): Promise<Page<BlobInfo>> {
    return this.#call(`blobs of ${store}`, options, reading, async (within) => {
      const pages = this.#container(store)
        .listBlobsFlat({
          includeMetadata: true,
          ...(options.prefix === undefined ? {} : { prefix: options.prefix }),
          ...within,
        })
        .byPage({
          maxPageSize: options.pageSize ?? 1000,
          ...(options.cursor === undefined ? {} : { continuationToken: options.cursor }),
        })
      const { value, done } = await pages.next()
      if (done || value === undefined) return { items: [] }
      const items = value.segment.blobItems.map(
        (item: { name: string; properties: BlobProperties; metadata?: Record<string, string> }) =>
          toInfo(item.name, item.properties, item.metadata),
      )
      return { items, ...(value.continuationToken ? { cursor: value.continuationToken } : {}) }
    }).catch((error: unknown) => {
      // An absent store is an empty page: nothing was ever written to it.
      if (isHoldfastError(error) && error.code === 'blob.not-found') return { items: [] }
      throw error
    })
  }

  async get(
    store: BlobStoreName,
    name: string,
    options: CallOptions = {},
  ): Promise<BlobInfo | undefined> {
    try {
      return await this.#call(blobPlace(store, name), options, reading, async (within) => {
        const properties = await this.#container(store).getBlobClient(name).getProperties(within)
        return toInfo(name, properties, properties.metadata)
      })
    } catch (error) {
      if (isHoldfastError(error) && error.code === 'blob.not-found') return undefined
      throw error
    }
  }

  async read(
    store: BlobStoreName,
    name: string,
    options: CallOptions & { readonly etag?: string } = {},
  ): Promise<ReadableStream<Uint8Array>> {
    const place = blobPlace(store, name)
    // The body is read long after this call: it has a signal of its own that stays.
    const ends = new AbortController()
    const stop = () => ends.abort(options.signal?.reason)
    options.signal?.addEventListener('abort', stop, { once: true })
    const answer = await this.#call(place, options, reading, async ({ abortSignal }) => {
      abortSignal.addEventListener('abort', () => ends.abort(abortSignal.reason), { once: true })
      return this.#container(store)
        .getBlobClient(name)
        .download(0, undefined, {
          abortSignal: ends.signal,
          ...(options.etag === undefined ? {} : { conditions: { ifMatch: options.etag } }),
        })
    }).catch((error: unknown) => {
      options.signal?.removeEventListener('abort', stop)
      throw error
    })
    const body = answer.readableStreamBody as unknown as AsyncIterable<Uint8Array> | undefined
    if (body === undefined)
      throw new HoldfastError('blob.no-content', 'the storage service sent no content', { place })
    const pieces = this.#pieces(place, body, options, ends, stop)
    return Readable.toWeb(Readable.from(pieces)) as ReadableStream<Uint8Array>
  }

  async *#pieces(
    place: string,
    body: AsyncIterable<Uint8Array>,
    { signal }: CallOptions,
    ends: AbortController,
    stop: () => void,
  ): AsyncGenerator<Uint8Array> {
    try {
      yield* steadyStream(body, answerTimeoutMs, (reason) => ends.abort(reason))
    } catch (cause) {
      if (signal?.aborted) throw cancelledError(signal, place)
      throw translate(this.#member, place, false, cause)
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  async readUrl(store: BlobStoreName, name: string): Promise<Secret<string>> {
    const now = Date.now()
    const containerName = this.#containerName(store)
    const sas = generateBlobSASQueryParameters(
      {
        containerName,
        blobName: name,
        permissions: BlobSASPermissions.parse('r'),
        startsOn: new Date(now - clockSkewMs),
        expiresOn: new Date(now + sasTtlMs),
      },
      this.#credential,
    )
    return secretOf(`${this.#container(store).getBlobClient(name).url}?${sas.toString()}`)
  }

  async copy(
    store: BlobStoreName,
    source: BlobInfo,
    sourceUrl: Secret<string>,
    options: WriteOptions,
  ): Promise<BlobInfo> {
    const target = await this.#ensured(store, options)
    const blob = target.getBlobClient(source.name)
    const kind = { writes: true, sizeBytes: source.sizeBytes }
    await this.#call(blobPlace(store, source.name), options, kind, async (within) => {
      const conditions = { sourceConditions: { ifMatch: source.etag }, ...within }
      if (source.sizeBytes <= syncCopyLimitBytes) {
        await blob.syncCopyFromURL(sourceUrl.reveal(), {
          ...conditions,
          metadata: { ...source.metadata },
        })
        return
      }
      const poller = await blob.beginCopyFromURL(sourceUrl.reveal(), {
        ...conditions,
        metadata: { ...source.metadata },
        intervalInMs: 1000,
      })
      const result = await poller.pollUntilDone()
      if (result.copyStatus !== 'success')
        throw new HoldfastError('blob.copy-failed', `the copy ended ${result.copyStatus}`, {
          kind: 'transient',
          place: blobPlace(store, source.name),
        })
    }).catch((error: unknown) => {
      if (isHoldfastError(error) && error.code === 'blob.source-unreachable') {
        throw new HoldfastError(
          'blob.copy-unsupported',
          'the storage service cannot read the source itself',
          { place: blobPlace(store, source.name), cause: error },
        )
      }
      throw error
    })
    return this.#written(store, source.name, options)
  }

  async write(
    store: BlobStoreName,
    blob: BlobInfo,
    content: ReadableStream<Uint8Array>,
    options: WriteOptions,
  ): Promise<BlobInfo> {
    const target = await this.#ensured(store, options)
    const kind = { writes: true, sizeBytes: blob.sizeBytes }
    await this.#call(blobPlace(store, blob.name), options, kind, async (within) => {
      const stream = Readable.fromWeb(content as import('node:stream/web').ReadableStream)
      await target.getBlockBlobClient(blob.name).uploadStream(stream, 4 * 1024 * 1024, 2, {
        metadata: { ...blob.metadata },
        ...(blob.contentType === undefined
          ? {}
          : { blobHTTPHeaders: { blobContentType: blob.contentType } }),
        ...within,
      })
    })
    return this.#written(store, blob.name, options)
  }

  async delete(store: BlobStoreName, name: string, options: WriteOptions): Promise<void> {
    await this.#call(blobPlace(store, name), options, writing, (within) =>
      this.#container(store).getBlobClient(name).deleteIfExists(within),
    )
  }

  async #written(store: BlobStoreName, name: string, options: CallOptions): Promise<BlobInfo> {
    const written = await this.get(store, name, options)
    if (written === undefined)
      throw new HoldfastError('blob.vanished', 'the blob was written and is not there', {
        kind: 'transient',
        place: blobPlace(store, name),
      })
    return written
  }

  async #ensured(store: BlobStoreName, options: CallOptions): Promise<ContainerClient> {
    const container = this.#container(store)
    // System containers come with the workspace; only those of code snapshots are ours to make.
    if (store.startsWith('container:'))
      await this.#call(`blobs of ${store}`, options, writing, (within) =>
        container.createIfNotExists(within),
      )
    return container
  }

  #container(store: BlobStoreName): ContainerClient {
    return this.#service.getContainerClient(this.#containerName(store))
  }

  #containerName(store: BlobStoreName): string {
    if (store.startsWith('container:')) return store.slice('container:'.length)
    const container = this.#place.containers[store]
    if (container === undefined)
      throw new HoldfastError(
        'blob.unknown-store',
        `${this.#member} has no blob store '${store}'`,
        { place: this.#member },
      )
    return container
  }

  /** One signal for each call: the client itself waits for ever, and a vanished request would, too. */
  async #call<T>(
    place: string,
    { signal }: CallOptions,
    { writes, sizeBytes = 0 }: CallKind,
    body: (within: { readonly abortSignal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    const limitMs = answerTimeoutMs + Math.ceil(sizeBytes / leastBytesPerMs)
    const deadline = deadlineOf(limitMs, signal)
    try {
      return await body({ abortSignal: deadline.signal })
    } catch (cause) {
      if (isHoldfastError(cause)) throw cause
      if (signal?.aborted) throw cancelledError(signal, place)
      throw translate(this.#member, place, writes, cause)
    } finally {
      deadline.lift()
    }
  }
}

interface CallKind {
  readonly writes: boolean
  /** What has to be moved before the service answers. */
  readonly sizeBytes?: number
}
const reading: CallKind = { writes: false }
const writing: CallKind = { writes: true }

interface BlobProperties {
  readonly contentLength?: number
  readonly etag?: string
  readonly lastModified?: Date
  readonly contentType?: string
  readonly contentMD5?: Uint8Array
}

function toInfo(
  name: string,
  properties: BlobProperties,
  metadata: Readonly<Record<string, string>> | undefined,
): BlobInfo {
  return {
    name,
    sizeBytes: properties.contentLength ?? 0,
    // Listings give it without quotes, headers with: one spelling, or a listing would look like a change.
    etag: `"${(properties.etag ?? '').replaceAll('"', '')}"`,
    modifiedAt: properties.lastModified?.toISOString() ?? '',
    metadata: Object.fromEntries(
      Object.entries(metadata ?? {}).map(([key, value]) => [key.toLowerCase(), value]),
    ),
    ...(properties.contentType ? { contentType: properties.contentType } : {}),
    // Listings give an empty one where there is none: two of those are not the same bytes (I4).
    ...(properties.contentMD5?.length
      ? { contentMd5: Buffer.from(properties.contentMD5).toString('base64') }
      : {}),
  }
}

function blobPlace(store: BlobStoreName, name: string): string {
  return `blob ${store}/${name}`
}

/** Milliseconds for which an answer is waited for, besides the time that its bytes take. */
const answerTimeoutMs = 60_000
/** No copy between regions is slower than this for long. */
const leastBytesPerMs = 1000

function translate(member: string, place: string, writes: boolean, cause: unknown): HoldfastError {
  const status = cause instanceof RestError ? cause.statusCode : undefined
  const code =
    cause instanceof RestError
      ? String((cause.details as { errorCode?: string } | undefined)?.errorCode ?? cause.code ?? '')
      : ''
  const at = `${member}: ${place}`
  const text = `${member}'s storage answered ${status ?? 'nothing'}${code ? ` ${code}` : ''}`
  if (code === 'CannotVerifyCopySource' || status === 501)
    return new HoldfastError('blob.source-unreachable', text, { place: at })
  if (status === 404) return new HoldfastError('blob.not-found', text, { place: at })
  if (status === 412)
    return new HoldfastError('blob.changed', text, { kind: 'transient', place: at })
  if (status === 401 || status === 403)
    return new HoldfastError('workspace.forbidden', text, {
      kind: 'operator',
      place: at,
      hint: 'Give this identity Storage Account Key Operator or Blob Data Contributor on the storage account.',
    })
  if (status === 429)
    return new HoldfastError('workspace.throttled', text, { kind: 'transient', place: at })
  if (status === 507)
    return new HoldfastError('workspace.storage-full', text, {
      kind: 'operator',
      place: at,
      hint: 'Free space at the region.',
    })
  if (status !== undefined && status < 500)
    return new HoldfastError('blob.refused', text, { place: at })
  // A blob write is repeatable: the same name gets the same content, so a lost answer may be retried.
  return new HoldfastError(
    status === undefined ? 'workspace.unreachable' : 'workspace.unavailable',
    text,
    { kind: 'transient', place: at, cause: writes ? undefined : cause },
  )
}
