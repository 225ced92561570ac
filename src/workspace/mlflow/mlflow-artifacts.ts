import { createReadStream } from 'node:fs'
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { Readable } from 'node:stream'
import { HoldfastError } from '../../model/errors.ts'
import type { BlobInfo, CallOptions, Page, PageOptions, WriteOptions } from '../workspace.ts'
import { type ArtifactLocation, artifactLocation } from './artifact-location.ts'
import type { MlflowHttp } from './mlflow-http.ts'
import type { MlflowRuns } from './mlflow-runs.ts'
import { array, object, text } from './run-document.ts'

/** The artifacts of runs; a store is called `run:<id>`. */
export class MlflowArtifacts {
  readonly #http: MlflowHttp
  readonly #runs: MlflowRuns
  readonly #root: string | undefined
  readonly #folders = new Map<string, { names: Promise<Set<string>>; until: number }>()
  readonly #locations = new Map<string, Promise<ArtifactLocation>>()

  constructor(http: MlflowHttp, runs: MlflowRuns, root: string | undefined) {
    this.#http = http
    this.#runs = runs
    this.#root = root
  }

  async list(
    store: string,
    options: PageOptions & { readonly prefix?: string },
  ): Promise<Page<BlobInfo>> {
    const runId = runOf(store)
    const location = await this.#locate(runId, options)
    const found =
      location.is === 'folder'
        ? await listFolder(location.folder)
        : location.is === 'proxied' && !(await this.#mayHold(location.path, options))
          ? []
          : await this.#listFolderOf(runId, '', options)
    const items = found
      .filter((one) => one.name.startsWith(options.prefix ?? ''))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
    return { items }
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
    const runId = runOf(store)
    const location = await this.#locate(runId, options)
    if (location.is === 'folder') return readFolder(location.folder, name)
    const stream = await this.#http.stream({
      method: 'GET',
      path:
        location.is === 'proxied'
          ? `${proxyPath}/${encodePath(`${location.path}/${name}`)}`
          : `/get-artifact?${new URLSearchParams({ path: name, run_uuid: runId })}`,
      place: `artifact ${name} of run/${runId}`,
      signal: options.signal,
      effect: 'none',
    })
    if (stream !== undefined) return stream
    throw new HoldfastError('blob.not-found', `run ${runId} has no artifact ${name}`, {
      place: name,
    })
  }

  async write(
    store: string,
    blob: BlobInfo,
    content: ReadableStream<Uint8Array>,
    options: WriteOptions,
  ): Promise<BlobInfo> {
    const runId = runOf(store)
    const location = await this.#locate(runId, options)
    if (location.is === 'folder') await writeFolder(location.folder, blob.name, content)
    else if (location.is === 'proxied') await this.#upload(location.path, blob, content, options)
    else throw notWritable(runId, location.uri)
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
    const body = await this.#http.json({
      method: 'GET',
      path: `${proxyPath}?${new URLSearchParams({ path: folder })}`,
      place: `artifacts in ${folder}`,
      signal: options.signal,
      absent: ['RESOURCE_DOES_NOT_EXIST'],
      effect: 'none',
    })
    return new Set(array(body?.files).map((one) => text(object(one).path).split('/').at(-1) ?? ''))
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

  #locate(runId: string, options: CallOptions): Promise<ArtifactLocation> {
    const known = this.#locations.get(runId)
    if (known !== undefined) return known
    const asked = this.#runs.get(runId, options).then((run) => {
      if (run !== undefined) return artifactLocation(text(run.body.artifactUri), this.#root)
      throw new HoldfastError('object.not-found', `there is no run ${runId}`, {
        place: `run/${runId}`,
      })
    })
    this.#remember(runId, asked)
    asked.catch(() => this.#locations.delete(runId))
    return asked
  }

  /** The newest few thousand: a pass asks several times for one run, and never again later. */
  #remember(runId: string, location: Promise<ArtifactLocation>): void {
    const [oldest] = this.#locations.keys()
    if (this.#locations.size >= 4096 && oldest !== undefined) this.#locations.delete(oldest)
    this.#locations.set(runId, location)
  }

  /** Spares the look-up: a run that was just listed says where its artifacts are. */
  know(runId: string, artifactUri: string): void {
    if (artifactUri !== '')
      this.#remember(runId, Promise.resolve(artifactLocation(artifactUri, this.#root)))
  }
}

const folderMs = 5000
const proxyPath = '/api/2.0/mlflow-artifacts/artifacts'

function runOf(store: string): string {
  if (store.startsWith('run:')) return store.slice('run:'.length)
  throw new HoldfastError('blob.no-store', `an MLflow server has no blob store '${store}'`)
}

function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}

/** The service knows neither time nor type nor hash of an artifact. */
function artifact(name: string, sizeBytes: number): BlobInfo {
  return { name, sizeBytes, etag: '', modifiedAt: '', metadata: {} }
}

function notWritable(runId: string, uri: string): HoldfastError {
  return new HoldfastError(
    'artifact.not-writable',
    `the artifacts of run ${runId} lie at ${uri.split('?')[0]}, which cannot be written from here`,
    {
      kind: 'operator',
      place: `run/${runId}`,
      hint: 'Let the server proxy artifacts (--serve-artifacts), or name the folder of its artifact root under `artifacts:` in continuity.yaml.',
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
