import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { HoldfastError, isHoldfastError } from '../../model/errors.ts'
import { imageId } from '../../model/images.ts'
import type { Json } from '../../model/json.ts'
import { formatObjectId, type ObjectId } from '../../model/object-id.ts'
import { cancelledError } from '../cancellation.ts'
import { steadyStream } from '../steady-stream.ts'
import type {
  CallOptions,
  ImageLayer,
  ImageManifest,
  NotProtected,
  Page,
  PageOptions,
  WorkspaceObject,
  WriteOptions,
} from '../workspace.ts'
import type { Cloud } from './cloud.ts'
import { object } from './json-reads.ts'
import { RegistryClient, type RegistryRequest } from './registry-client.ts'

/** Where the service puts what it builds for the workspace's environments. */
const built = 'azureml/'
const manifestTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ')
const stallMs = 60_000

/** Images in the workspace's own container registry, by the OCI distribution API. */
export class Images {
  readonly #member: string
  readonly #client: RegistryClient | undefined

  /** `server`: undefined where the workspace has no registry. */
  constructor(member: string, cloud: Cloud, server: string | undefined) {
    this.#member = member
    this.#client = server === undefined ? undefined : new RegistryClient(member, cloud, server)
  }

  /** Those that the service built, a page of repositories at a time. */
  async list(options: PageOptions = {}): Promise<Page<WorkspaceObject>> {
    if (this.#client === undefined) return { items: [] }
    const place = 'images'
    const { names, next } = await this.#names(
      options.cursor ?? `/v2/_catalog?last=${built.slice(0, -1)}&n=100`,
      { scope: 'registry:catalog:*', place, signal: options.signal },
      'repositories',
    )
    const items: WorkspaceObject[] = []
    for (const repository of names.filter((name) => name.startsWith(built)))
      for (const tag of await this.#tags(repository, options))
        items.push({ id: imageId(repository, tag), body: {}, isSummary: true })
    const isPast = names.some((name) => !name.startsWith(built) && name > built)
    return next === undefined || isPast ? { items } : { items, cursor: next }
  }

  /** Those that the service built, where this identity may not list them. */
  async findNotProtected(options: CallOptions): Promise<readonly NotProtected[]> {
    try {
      await this.list(options)
      return []
    } catch (error) {
      if (!isHoldfastError(error) || error.code !== 'workspace.forbidden') throw error
      const reason = `${error.message}; it needs AcrPull`
      return [{ what: 'images that the service built', count: undefined, reason }]
    }
  }

  async get(id: ObjectId, options: CallOptions = {}): Promise<WorkspaceObject | undefined> {
    const [repository = '', reference = ''] = id.path
    const answer = await this.#find(repository, `manifests/${reference}`, {
      ...{ method: 'HEAD', headers: { accept: manifestTypes } },
      ...{ place: formatObjectId(id), signal: options.signal },
    })
    const digest = answer?.headers.get('docker-content-digest')
    if (answer === undefined || digest === undefined) return undefined
    const mediaType = answer.headers.get('content-type') ?? ''
    return { id, body: { digest, mediaType }, etag: digest }
  }

  async read(
    repository: string,
    reference: string,
    options: CallOptions = {},
  ): Promise<ImageManifest | undefined> {
    const place = `image ${repository}:${reference}`
    const answer = await this.#find(repository, `manifests/${reference}`, {
      ...{ method: 'GET', headers: { accept: manifestTypes }, place, signal: options.signal },
      isStreamed: true,
    })
    if (answer === undefined) return undefined
    const pieces: Uint8Array[] = []
    for await (const piece of this.#pieces(answer.readableStreamBody, place, options))
      pieces.push(piece)
    const content = Buffer.concat(pieces)
    const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`
    const said = reference.includes(':') ? reference : answer.headers.get('docker-content-digest')
    if (said !== undefined && said !== digest)
      throw new HoldfastError('image.corrupt', `${place} is not the content of ${said}`, { place })
    return { digest, mediaType: answer.headers.get('content-type') ?? '', content }
  }

  async hasLayer(repository: string, digest: string, options: CallOptions = {}): Promise<boolean> {
    const place = `layer ${repository}@${digest}`
    const { signal } = options
    return (
      (await this.#find(repository, `blobs/${digest}`, { method: 'HEAD', place, signal })) !==
      undefined
    )
  }

  async readLayer(
    repository: string,
    digest: string,
    options: CallOptions = {},
  ): Promise<ReadableStream<Uint8Array>> {
    const place = `layer ${repository}@${digest}`
    const answer = await this.#find(repository, `blobs/${digest}`, {
      ...{ method: 'GET', place, signal: options.signal, isStreamed: true },
    })
    if (answer === undefined)
      throw new HoldfastError('image.not-found', `${this.#member} has no ${place}`, { place })
    const pieces = this.#pieces(answer.readableStreamBody, place, options)
    return Readable.toWeb(Readable.from(pieces)) as ReadableStream<Uint8Array>
  }

  async writeLayer(
    repository: string,
    { digest, sizeBytes }: ImageLayer,
    content: ReadableStream<Uint8Array>,
    { signal }: WriteOptions,
  ): Promise<void> {
    const place = `layer ${repository}@${digest}`
    const common = { scope: pushTo(repository), place, signal }
    const send = (request: Pick<RegistryRequest, 'method' | 'path' | 'body' | 'headers'>) =>
      this.#open(place).send({ ...common, ...request })
    const begun = await send({ method: 'POST', path: `/v2/${repository}/blobs/uploads/` })
    const sent = await this.#open(place).send({
      ...{ ...common, method: 'PATCH', path: begun.headers.get('location') ?? '', sizeBytes },
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(sizeBytes) },
      body: Readable.fromWeb(content as import('node:stream/web').ReadableStream),
    })
    const location = sent.headers.get('location') ?? ''
    const path = `${location}${location.includes('?') ? '&' : '?'}digest=${digest}`
    await send({ method: 'PUT', path })
  }

  async write(
    repository: string,
    reference: string,
    { mediaType, content }: ImageManifest,
    { signal }: WriteOptions,
  ): Promise<void> {
    const place = `image ${repository}:${reference}`
    await this.#open(place).send({
      ...{ method: 'PUT', path: `/v2/${repository}/manifests/${reference}` },
      ...{ scope: pushTo(repository), place, signal },
      headers: { 'content-type': mediaType },
      body: content,
    })
  }

  async #tags(repository: string, { signal }: CallOptions): Promise<string[]> {
    const scope = `repository:${repository}:metadata_read,pull`
    const all: string[] = []
    for (let path: string | undefined = `/v2/${repository}/tags/list?n=100`; path !== undefined; ) {
      const request = { scope, place: `tags of ${repository}`, signal }
      const { names, next }: Names = await this.#names(path, request, 'tags')
      all.push(...names)
      path = next
    }
    return all
  }

  async #names(
    path: string,
    request: Pick<RegistryRequest, 'scope' | 'place' | 'signal'>,
    field: 'repositories' | 'tags',
  ): Promise<Names> {
    const open = this.#open(request.place)
    const answer = await open.send({ ...request, method: 'GET', path, accept: [404] })
    const link = /<([^>]+)>;\s*rel="?next"?/i.exec(answer.headers.get('link') ?? '')?.[1]
    const document = answer.bodyAsText ? (JSON.parse(answer.bodyAsText) as Json) : undefined
    const names = object(document)[field]
    return { names: Array.isArray(names) ? names.map(String) : [], next: link }
  }

  /** Undefined: it is not there. */
  async #find(repository: string, below: string, request: Omit<RegistryRequest, 'path' | 'scope'>) {
    if (this.#client === undefined) return undefined
    const path = `/v2/${repository}/${below}`
    const scope = `repository:${repository}:pull`
    const answer = await this.#client.send({ ...request, path, scope, accept: [404] })
    return answer.status === 404 ? undefined : answer
  }

  async *#pieces(
    body: NodeJS.ReadableStream | undefined,
    place: string,
    { signal }: CallOptions,
  ): AsyncGenerator<Uint8Array> {
    if (body === undefined) return
    const content = body as Readable
    const stop = () => content.destroy(cancelledError(signal, place))
    signal?.addEventListener('abort', stop, { once: true })
    try {
      yield* steadyStream(content, stallMs, (reason) => content.destroy(reason))
    } catch (cause) {
      if (signal?.aborted) throw cancelledError(signal, place)
      throw new HoldfastError('workspace.unreachable', `${this.#member} broke off ${place}`, {
        ...{ kind: 'transient', place, cause },
      })
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  #open(place: string): RegistryClient {
    if (this.#client !== undefined) return this.#client
    throw new HoldfastError('image.no-registry', `${this.#member} has no container registry`, {
      ...{ kind: 'operator', place },
      hint: 'Give the workspace a container registry (az ml workspace update --container-registry).',
    })
  }

  close(): void {
    this.#client?.close()
  }
}

interface Names {
  readonly names: readonly string[]
  /** Where the next page is. */
  readonly next: string | undefined
}

const pushTo = (repository: string) => `repository:${repository}:pull,push`
