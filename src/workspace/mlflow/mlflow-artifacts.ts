import { createReadStream } from 'node:fs'
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { Readable } from 'node:stream'
import { HoldfastError } from '../../model/errors.ts'
import type { JsonObject } from '../../model/json.ts'
import type { BlobInfo, CallOptions, Page, PageOptions, WriteOptions } from '../workspace.ts'
import { type ArtifactLocation, artifactLocation } from './artifact-location.ts'
import type { MlflowHttp } from './mlflow-http.ts'
import { array, object, text } from './run-document.ts'

/** Where the artifacts of one kind of thing lie; '' when there is no such thing. */
export type UriOf = (id: string, options: CallOptions) => Promise<string>

/** The artifacts of runs, logged models and traces; a store is called `run:<id>` and so on. */
export class MlflowArtifacts {
  readonly #http: MlflowHttp
  readonly #uris: Readonly<Record<string, UriOf>>
  readonly #root: string | undefined
  readonly #folders = new Map<string, { names: Promise<Set<string>>; until: number }>()
  readonly #locations = new Map<string, Promise<ArtifactLocation>>()

  constructor(http: MlflowHttp, uris: Readonly<Record<string, UriOf>>, root: string | undefined) {
    this.#http = http
    this.#uris = uris
    this.#root = root
  }

  async list(
    store: string,
    options: PageOptions & { readonly prefix?: string },
  ): Promise<Page<BlobInfo>> {
    const location = await this.#locate(store, options)
    const found = await this.#listAt(store, location, options)
    const items = found
      .filter((one) => one.name.startsWith(options.prefix ?? ''))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
    return { items }
  }

  async #listAt(
    store: string,
    location: ArtifactLocation,
    options: CallOptions,
  ): Promise<readonly BlobInfo[]> {
    if (location.is === 'folder') return listFolder(location.folder)
    const { kind, id } = partsOf(store)
    if (kind !== 'run' && location.is === 'elsewhere') throw notListable(store, location.uri)
    if (kind !== 'run' && location.is === 'proxied')
      return this.#listProxied(location.path, '', options)
    if (location.is === 'proxied' && !(await this.#mayHold(location.path, options))) return []
    return this.#listFolderOf(id, '', options)
  }

  async get(store: string, name: string, options: CallOptions): Promise<BlobInfo | undefined> {
    const { items } = await this.list(store, { ...options, prefix: name })
    return items.find((one) => one.name === name)
  }

  async read(
    store: string,
    name: string,
    options: CallOptions,
  ): Promise<ReadableStream<Uint8Array>> {
    const location = await this.#locate(store, options)
    if (location.is === 'folder') return readFolder(location.folder, name)
    const stream = await this.#http.stream({
      method: 'GET',
      path:
        location.is === 'proxied'
          ? `${proxyPath}/${encodePath(`${location.path}/${name}`)}`
          : `/get-artifact?${new URLSearchParams({ path: name, run_uuid: partsOf(store).id })}`,
      place: `artifact ${name} of ${store}`,
      signal: options.signal,
      effect: 'none',
    })
    if (stream !== undefined) return stream
    throw new HoldfastError('blob.not-found', `${store} has no artifact ${name}`, {
      place: name,
    })
  }

  async write(
    store: string,
    blob: BlobInfo,
    content: ReadableStream<Uint8Array>,
    options: WriteOptions,
  ): Promise<BlobInfo> {
    const location = await this.#locate(store, options)
    if (location.is === 'folder') await writeFolder(location.folder, blob.name, content)
    else if (location.is === 'proxied') await this.#upload(location.path, blob, content, options)
    else throw notWritable(store, location.uri)
    return { ...artifact(blob.name, blob.sizeBytes) }
  }

  async #upload(
    path: string,
    blob: BlobInfo,
    content: ReadableStream<Uint8Array>,
    options: WriteOptions,
  ): Promise<void> {
    await this.#http.json({
      method: 'PUT',
      path: `${proxyPath}/${encodePath(`${path}/${blob.name}`)}`,
      bytes: Readable.fromWeb(content as Parameters<typeof Readable.fromWeb>[0]),
      place: `artifact ${blob.name}`,
      signal: options.signal,
      effect: 'repeatable',
    })
    this.#folders.delete(path.split('/').slice(0, -2).join('/'))
  }

  /**
   * Most runs of most experiments hold nothing, and one request for their experiment's folder tells
   * which do. The answer is good for a few seconds only.
   */
  async #mayHold(path: string, options: CallOptions): Promise<boolean> {
    const [, experiment, run] = /^(.+)\/([^/]+)\/artifacts$/.exec(path) ?? []
    if (experiment === undefined || run === undefined) return true
    const known = this.#folders.get(experiment)
    if (known !== undefined && known.until > performance.now()) return (await known.names).has(run)
    const names = this.#namesIn(experiment, options)
    this.#folders.set(experiment, { names, until: performance.now() + folderMs })
    names.catch(() => this.#folders.delete(experiment))
    return (await names).has(run)
  }

  async #namesIn(folder: string, options: CallOptions): Promise<Set<string>> {
    const files = await this.#filesIn(folder, options)
    return new Set(files.map((one) => text(one.path).split('/').at(-1) ?? ''))
  }

  async #filesIn(folder: string, options: CallOptions): Promise<readonly JsonObject[]> {
    const body = await this.#http.json({
      method: 'GET',
      path: `${proxyPath}?${new URLSearchParams({ path: folder })}`,
      place: `artifacts in ${folder}`,
      signal: options.signal,
      absent: ['RESOURCE_DOES_NOT_EXIST'],
      effect: 'none',
    })
    return array(body?.files).map(object)
  }

  /** The server lists one folder at a time. */
  async #listFolderOf(runId: string, folder: string, options: CallOptions): Promise<BlobInfo[]> {
    const found: BlobInfo[] = []
    let token = ''
    do {
      const query = new URLSearchParams({ run_id: runId })
      if (folder !== '') query.set('path', folder)
      if (token !== '') query.set('page_token', token)
      const body = await this.#http.json({
        method: 'GET',
        path: `/api/2.0/mlflow/artifacts/list?${query}`,
        place: `artifacts of run/${runId}`,
        signal: options.signal,
        absent: ['RESOURCE_DOES_NOT_EXIST'],
        effect: 'none',
      })
      for (const one of array(body?.files).map(object)) {
        const path = text(one.path)
        if (one.is_dir === true) found.push(...(await this.#listFolderOf(runId, path, options)))
        else found.push(artifact(path, Number(one.file_size ?? 0)))
      }
      token = text(body?.next_page_token)
    } while (token !== '')
    return found
  }

  /** One folder of the proxy at a time, whatever it belongs to. */
  async #listProxied(root: string, folder: string, options: CallOptions): Promise<BlobInfo[]> {
    const path = folder === '' ? root : `${root}/${folder}`
    const found: BlobInfo[] = []
    for (const one of await this.#filesIn(path, options)) {
      const name = text(one.path).split('/').at(-1) ?? ''
      const inner = folder === '' ? name : `${folder}/${name}`
      if (one.is_dir === true) found.push(...(await this.#listProxied(root, inner, options)))
      else found.push(artifact(inner, Number(one.file_size ?? 0)))
    }
    return found
  }

  #locate(store: string, options: CallOptions): Promise<ArtifactLocation> {
    const known = this.#locations.get(store)
    if (known !== undefined) return known
    const { kind, id } = partsOf(store)
    const uriOf = this.#uris[kind]
    if (uriOf === undefined) throw noStore(store)
    const asked = uriOf(id, options).then((uri) => {
      if (uri !== '') return artifactLocation(uri, this.#root)
      throw new HoldfastError('object.not-found', `there is no ${kind} ${id}`, {
        place: `${kind}/${id}`,
      })
    })
    this.#remember(store, asked)
    asked.catch(() => this.#locations.delete(store))
    return asked
  }

  /** The newest few thousand: a pass asks several times for one run, and never again later. */
  #remember(store: string, location: Promise<ArtifactLocation>): void {
    const [oldest] = this.#locations.keys()
    if (this.#locations.size >= 4096 && oldest !== undefined) this.#locations.delete(oldest)
    this.#locations.set(store, location)
  }

  /** Spares the look-up: a run that was just listed says where its artifacts are. */
  know(runId: string, artifactUri: string): void {
    if (artifactUri !== '')
      this.#remember(`run:${runId}`, Promise.resolve(artifactLocation(artifactUri, this.#root)))
  }
}

const folderMs = 5000
const proxyPath = '/api/2.0/mlflow-artifacts/artifacts'

/** `run:<id>` -> `run` and the id. */
function partsOf(store: string): { readonly kind: string; readonly id: string } {
  const colon = store.indexOf(':')
  if (colon < 0) throw noStore(store)
  return { kind: store.slice(0, colon), id: store.slice(colon + 1) }
}

function noStore(store: string): HoldfastError {
  return new HoldfastError('blob.no-store', `an MLflow server has no blob store '${store}'`)
}

function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}

/** The service knows neither time nor type nor hash of an artifact. */
function artifact(name: string, sizeBytes: number): BlobInfo {
  return { name, sizeBytes, etag: '', modifiedAt: '', metadata: {} }
}

const reachable =
  'Let the server proxy artifacts (--serve-artifacts), or name the folder of its artifact root under `artifacts:` in continuity.yaml.'

/** No list is not an empty list: files nobody looked at are not proven (I4). */
function notListable(store: string, uri: string): HoldfastError {
  return new HoldfastError(
    'artifact.not-listable',
    `the files of ${store} lie at ${uri.split('?')[0]}, which cannot be listed from here`,
    { kind: 'operator', place: store, hint: reachable },
  )
}

function notWritable(store: string, uri: string): HoldfastError {
  return new HoldfastError(
    'artifact.not-writable',
    `the artifacts of ${store} lie at ${uri.split('?')[0]}, which cannot be written from here`,
    {
      kind: 'operator',
      place: store,
      hint: reachable,
    },
  )
}

async function listFolder(folder: string): Promise<BlobInfo[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
    (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return []
      throw unreadable(folder, cause)
    },
  )
  const files = entries.filter((entry) => entry.isFile() && !entry.name.endsWith(unfinished))
  return Promise.all(
    files.map(async (entry) => {
      const path = join(entry.parentPath, entry.name)
      const { size } = await stat(path)
      return artifact(relative(folder, path).split(sep).join('/'), size)
    }),
  )
}

function readFolder(folder: string, name: string): ReadableStream<Uint8Array> {
  const file = inside(folder, name)
  return Readable.toWeb(createReadStream(file)) as ReadableStream<Uint8Array>
}

const unfinished = '.holdfast-part'

/** Whole or not at all: a reader never sees half a file. */
async function writeFolder(
  folder: string,
  name: string,
  content: ReadableStream<Uint8Array>,
): Promise<void> {
  const file = inside(folder, name)
  try {
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file + unfinished, content, { flush: true })
    await rename(file + unfinished, file)
  } catch (cause) {
    await rm(file + unfinished, { force: true })
    throw cause instanceof HoldfastError ? cause : unreadable(file, cause)
  }
}

/** A name from a server must not lead out of the folder of its run. */
function inside(folder: string, name: string): string {
  const file = join(folder, name)
  if (file.startsWith(folder + sep)) return file
  throw new HoldfastError('artifact.bad-name', `the artifact name '${name}' leads out of its run`)
}

function unreadable(place: string, cause: unknown): HoldfastError {
  return new HoldfastError('artifact.unreachable', `the folder '${place}' cannot be used`, {
    kind: 'operator',
    place,
    hint: 'Check the path under `artifacts:` in continuity.yaml and what this process may do there.',
    cause,
  })
}
