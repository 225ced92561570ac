import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { basename, dirname, join, posix } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { HoldfastError } from '../model/errors.ts'
import type { Json, JsonObject } from '../model/json.ts'
import type { Place } from '../model/place.ts'
import type { CallOptions, Workspace } from '../workspace/workspace.ts'
import { snapshotsMark } from './read-folder.ts'
import { secretVariable, withReferences } from './secret-references.ts'
import { takeSnapshot } from './snapshot.ts'
import { specificationText } from './specification-text.ts'

/** A file of the export: text made here, or a downloaded file of a code snapshot. */
export type ExportFile = { readonly text: string } | { readonly from: string }

const markText = 'What specifications beside this folder name. Nothing in here is one by itself.\n'

/** Turns nameless things that others hold (an environment inside a component) into specifications. */
export interface NamelessConverters {
  environment(session: ExportSession, body: JsonObject, file: string): Promise<JsonObject>
  component(session: ExportSession, body: JsonObject, file: string): Promise<JsonObject>
}

const segmentsOfKind: Readonly<Record<string, 'versioned' | 'named' | 'deployment'>> = {
  environments: 'versioned',
  models: 'versioned',
  data: 'versioned',
  components: 'versioned',
  codes: 'versioned',
  featurestoreentities: 'versioned',
  featuresets: 'versioned',
  computes: 'named',
  datastores: 'named',
  jobs: 'named',
  connections: 'named',
  onlineendpoints: 'deployment',
}

/**
 * One export of one workspace: writes references the way the official client reads them, and keeps
 * what specifications need beside them (code, conda files, nameless components), named by content so
 * that the same content is the same file wherever it is exported from.
 */
export class ExportSession {
  readonly files = new Map<string, ExportFile>()
  readonly notCarried: Array<{ readonly object: string; readonly key: string }> = []
  readonly workspace: Workspace
  readonly place: Place
  readonly call: CallOptions
  readonly #staging: string
  readonly #converters: NamelessConverters
  readonly #codes = new Map<string, Promise<string>>()

  constructor(options: {
    readonly workspace: Workspace
    readonly place: Place
    /** A temporary folder; the caller removes it after the files were written. */
    readonly staging: string
    readonly nameless: NamelessConverters
    readonly call: CallOptions
  }) {
    this.workspace = options.workspace
    this.place = options.place
    this.call = options.call
    this.#staging = options.staging
    this.#converters = options.nameless
  }

  /** `azureml:name:version` and the like for an ARM id of this workspace; anything else as it is. */
  reference(value: Json | undefined): string | undefined {
    if (typeof value !== 'string') return undefined
    const [segment = '', name = '', below, inner = ''] = this.#own(value) ?? []
    const form = segmentsOfKind[segment.toLowerCase()]
    if (form === 'named' && below === undefined) return `azureml:${name}`
    if (form !== undefined && below !== undefined) return `azureml:${name}:${inner}`
    return value
  }

  /** A storage address by datastore, where it lies in one of this workspace. */
  uri(value: Json | undefined): string | undefined {
    if (typeof value !== 'string') return undefined
    const own = /^azureml:\/\/(subscriptions\/.*?\/workspaces\/[^/]+)\/(datastores\/.*)$/i.exec(
      value,
    )
    if (own !== null && this.#own(`/${own[1]}/x/y`) !== undefined) return `azureml://${own[2]}`
    for (const [datastore, container] of Object.entries(this.place.containers)) {
      const prefix = `${this.place.blobOrigin}/${container}/`
      if (value.startsWith(prefix))
        return `azureml://datastores/${datastore}/paths/${value.slice(prefix.length)}`
    }
    return this.reference(value)
  }

  /** The name of the variable that holds a secret, in the form that shells fill in; never the value (I9). */
  secret(kind: string, name: string, field: string): string {
    return `\${${secretVariable(kind, name, field)}}`
  }

  conda(text: string, file: string): string {
    return this.#beside(`conda/${shortHash(text)}.yml`, { text }, file)
  }

  /** A named environment by reference, a nameless one inline. */
  async environment(value: Json | undefined, file: string): Promise<Json | undefined> {
    const version = this.#versionOf(value, 'environments', 'CliV2AnonymousEnvironment')
    if (version === undefined) return this.reference(value)
    const body = await this.#read('environment', 'CliV2AnonymousEnvironment', version)
    return body === undefined
      ? this.reference(value)
      : this.#converters.environment(this, body, file)
  }

  /** A named component by reference, a nameless one as a file of its own. */
  async component(value: Json | undefined, file: string): Promise<string | undefined> {
    const version = this.#versionOf(value, 'components', 'azureml_anonymous')
    if (version === undefined) return this.reference(value)
    const body = await this.#read('component', 'azureml_anonymous', version)
    if (body === undefined) return this.reference(value)
    const document = await this.#converters.component(this, body, 'nameless/component.yml')
    return this.#nameless(document, file)
  }

  /** A job that only a schedule holds, as a file of its own: the official client reads no other form. */
  async job(convert: (file: string) => Promise<JsonObject>, file: string): Promise<string> {
    return this.#nameless(await convert('nameless/job.yml'), file)
  }

  /** The folder with the files of a code version. */
  async code(value: Json | undefined, file: string): Promise<string | undefined> {
    if (typeof value !== 'string') return undefined
    const own = this.#own(value)
    if (own === undefined || own[0]?.toLowerCase() !== 'codes') return this.reference(value)
    const [, name = '', , version = ''] = own
    const key = `${name}/${version}`
    const known = this.#codes.get(key) ?? this.#download(name, version)
    this.#codes.set(key, known)
    return relativeTo(file, await known)
  }

  /** A build context: its files, where they lie in this workspace's storage. */
  async folder(value: Json | undefined, file: string): Promise<string | undefined> {
    const uri = this.uri(value)
    const [, store = '', path = ''] =
      /^azureml:\/\/datastores\/([^/]+)\/paths\/(.+)$/.exec(uri ?? '') ?? []
    if (uri === undefined || this.place.containers[store] === undefined) return uri
    const known = this.#codes.get(uri) ?? this.#take(store, folderOf(path), basename(path))
    this.#codes.set(uri, known)
    return relativeTo(file, await known)
  }

  #nameless(document: JsonObject, file: string): string {
    // A secret has no part in the name of its reference, nor in that of the file.
    const shape = shortHash(specificationText(withReferences(document, 'nameless', '')))
    const text = specificationText(withReferences(document, 'nameless', shape))
    this.files.set(`nameless/${snapshotsMark}`, { text: markText })
    return this.#beside(`nameless/${shortHash(text)}.yml`, { text }, file)
  }

  #beside(path: string, content: ExportFile, file: string): string {
    this.files.set(path, content)
    return relativeTo(file, path)
  }

  async #read(kind: 'environment' | 'component', name: string, version: string) {
    return (await this.workspace.getObject({ kind, path: [name, version] }, this.call))?.body
  }

  /** Segments below this workspace: `['models', 'm', 'versions', '1']`. */
  #own(value: string): string[] | undefined {
    const { subscriptionId, resourceGroup, workspaceName } = this.place
    const plain = value.replace(/^azureml:(?=\/)/, '')
    const prefix = `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/Microsoft.MachineLearningServices/workspaces/${workspaceName}/`
    const short = prefix.replace('/providers/Microsoft.MachineLearningServices', '')
    for (const one of [prefix, short])
      if (plain.toLowerCase().startsWith(one.toLowerCase()))
        return plain.slice(one.length).split('/')
    return undefined
  }

  #versionOf(value: Json | undefined, segment: string, name: string): string | undefined {
    if (typeof value !== 'string') return undefined
    const own = this.#own(value) ?? []
    return own[0]?.toLowerCase() === segment && own[1] === name ? own[3] : undefined
  }

  async #download(name: string, version: string): Promise<string> {
    const code = await this.workspace.getObject({ kind: 'code', path: [name, version] }, this.call)
    const properties = (code?.body.properties ?? {}) as JsonObject
    const uri = String(properties.codeUri ?? '')
    const { store, prefix } = this.#storeOf(uri, `code ${name}:${version}`)
    return this.#take(store, prefix, '')
  }

  /** Downloads a folder of a blob store; its place in the export is named by its content. */
  async #take(store: string, prefix: string, name: string): Promise<string> {
    const folder = join(this.#staging, String(this.#codes.size), name)
    await mkdir(folder, { recursive: true })
    let cursor: string | undefined
    do {
      const page = await this.workspace.listBlobs(store, {
        ...this.call,
        prefix,
        ...(cursor === undefined ? {} : { cursor }),
      })
      for (const blob of page.items) await this.#fetch(store, blob.name, prefix, folder)
      cursor = page.cursor
    } while (cursor !== undefined)
    const snapshot = await takeSnapshot(folder, prefix)
    // A folder keeps its name: an upload is addressed by it.
    const place = name === '' ? 'code' : 'contexts'
    const root = posix.join(place, snapshot.sha256.slice(0, 12), name)
    this.files.set(`${place}/${snapshotsMark}`, { text: markText })
    for (const one of snapshot.files) this.files.set(`${root}/${one.name}`, { from: one.path })
    return root
  }

  async #fetch(store: string, name: string, prefix: string, folder: string): Promise<void> {
    const below = posix.normalize(name.slice(prefix.length))
    // A name in storage may climb out of any folder; a file of an export must not.
    if (below === '' || below === '.' || below.startsWith('..') || posix.isAbsolute(below))
      throw new HoldfastError(
        'export.unsafe-name',
        `'${name}' cannot be written as a file below a folder`,
        { place: store },
      )
    const path = join(folder, ...below.split('/'))
    await mkdir(dirname(path), { recursive: true })
    const stream = await this.workspace.readBlob(store, name, this.call)
    await pipeline(
      Readable.fromWeb(stream as Parameters<typeof Readable.fromWeb>[0]),
      createWriteStream(path),
    )
  }

  #storeOf(uri: string, what: string): { readonly store: string; readonly prefix: string } {
    const path = /^azureml:\/\/.*?datastores\/([^/]+)\/paths\/(.*)$/i.exec(uri)
    if (path !== null) return { store: path[1] ?? '', prefix: folderOf(path[2] ?? '') }
    const { blobOrigin, containers } = this.place
    if (!uri.startsWith(`${blobOrigin}/`))
      throw new HoldfastError(
        'export.foreign-code',
        `the files of ${what} lie outside of this workspace's storage account`,
        { place: uri.replace(/\?.*/, '') },
      )
    const [container = '', ...rest] = decodeURIComponent(
      new URL(uri).href.slice(new URL(blobOrigin).href.replace(/\/$/, '').length + 1),
    ).split('/')
    const datastore = Object.entries(containers).find(([, name]) => name === container)?.[0]
    return { store: datastore ?? `container:${container}`, prefix: folderOf(rest.join('/')) }
  }
}

const folderOf = (path: string) => (path === '' || path.endsWith('/') ? path : `${path}/`)

function relativeTo(file: string, path: string): string {
  const relative = posix.relative(posix.dirname(file), path)
  return relative.startsWith('.') ? relative : `./${relative}`
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}
