import { createHash } from 'node:crypto'
import { basename, dirname, relative, resolve } from 'node:path'
import { stringify } from 'yaml'
import { canonicalJson } from '../model/canonical.ts'
import { HoldfastError } from '../model/errors.ts'
import type { Json, JsonObject } from '../model/json.ts'
import { armKind, type Kind } from '../model/kinds.ts'
import { formatObjectId, type ObjectId } from '../model/object-id.ts'
import type { Place } from '../model/place.ts'
import type { BlobStoreName, Workspace } from '../workspace/workspace.ts'
import { type Document, isDocument, mapping, optionalText, text } from './document.ts'
import { parseFile } from './read-folder.ts'
import { guidOf, type Snapshot, takeSnapshot } from './snapshot.ts'

/** What an import will do, in order. `plan` and `apply` see the same list (D7). */
export type ImportAction =
  | {
      readonly action: 'upload'
      readonly store: BlobStoreName
      readonly name: string
      readonly path: string
      readonly sizeBytes: number
      readonly metadata: Readonly<Record<string, string>>
    }
  | {
      readonly action: 'put'
      readonly id: ObjectId
      readonly body: JsonObject
      readonly secrets?: JsonObject
      readonly file: string
    }
  | {
      readonly action: 'submit'
      readonly name: string
      readonly body: JsonObject
      readonly file: string
    }

/** A value inside a specification, with where it stands: errors name file and key. */
export interface Where {
  readonly file: string
  readonly key: string
}

export function at(where: Where, key: string): Where {
  return { file: where.file, key: where.key === '' ? key : `${where.key}.${key}` }
}

export function placeOf(where: Where): string {
  return where.key === '' ? where.file : `${where.file}: ${where.key}`
}

/** Pieces a specification may hold inline (an environment inside a job), turned into objects of their own. */
export interface InlineConverters {
  environment(session: ImportSession, document: Document, where: Where): Promise<JsonObject>
  component(session: ImportSession, document: Document, where: Where): Promise<JsonObject>
  model(session: ImportSession, document: Document, where: Where): Promise<JsonObject>
}

const portable =
  /^(azureml:\/\/|https?:\/\/|wasbs?:\/\/|abfss?:\/\/|adl:\/\/|runs:\/|mlflow|\$\{\{)/i

/**
 * One import into one workspace: resolves references the way the official client does, and collects
 * actions without performing any. It reads the workspace (labels, next versions), never writes.
 */
export class ImportSession {
  readonly actions: ImportAction[] = []
  readonly workspace: Workspace
  readonly target: Place
  readonly inline: InlineConverters
  readonly unknownKeys: Array<{ readonly place: string; readonly key: string }> = []
  readonly #planned = new Map<string, { readonly body: JsonObject; readonly file: string }>()
  readonly #versions = new Map<string, string[]>()
  readonly #uploaded = new Set<string>()

  constructor(workspace: Workspace, target: Place, inline: InlineConverters) {
    this.workspace = workspace
    this.target = target
    this.inline = inline
  }

  /** Name of what has none: the same for the same content, in whatever order and workspace it is said. */
  #hashOf(body: JsonObject): string {
    const own = this.armId('compute').replace(/computes\/$/, '')
    const text = canonicalJson(body).replaceAll(own, '')
    return createHash('sha256').update(text).digest('hex').slice(0, 32)
  }

  armId(kind: Kind, ...path: string[]): string {
    const { subscriptionId, resourceGroup, workspaceName } = this.target
    const segments = armKind(kind)?.segments ?? []
    const tail = segments.map((segment, i) => `${segment}/${path[i] ?? ''}`).join('/')
    return `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/Microsoft.MachineLearningServices/workspaces/${workspaceName}/${tail}`
  }

  /**
   * Converts one specification. When that throws, nothing of it is left behind: what it had planned on
   * the way (code, an environment) would else be taken for done by the next one that needs the same.
   */
  async attempt(convert: () => Promise<void>): Promise<void> {
    const actions = this.actions.length
    const planned = new Map(this.#planned)
    const uploaded = new Set(this.#uploaded)
    const versions = new Map([...this.#versions].map(([key, list]) => [key, [...list]]))
    try {
      await convert()
    } catch (error) {
      this.actions.length = actions
      restore(this.#planned, planned)
      restore(this.#versions, versions)
      this.#uploaded.clear()
      for (const key of uploaded) this.#uploaded.add(key)
      throw error
    }
  }

  put(id: ObjectId, body: JsonObject, where: Where, secrets?: JsonObject): void {
    const key = formatObjectId(id)
    if (id.path.length === 2 && /^(environment|data|model|component|code|feature)/.test(id.kind)) {
      const before = this.#planned.get(key)
      if (before !== undefined) {
        if (JSON.stringify(before.body) === JSON.stringify(body)) return
        throw this.#differs(id, before.file, where)
      }
      this.#remember(id.kind, id.path[0] ?? '', id.path[1] ?? '')
    }
    this.#planned.set(key, { body, file: where.file })
    this.actions.push({
      action: 'put',
      id,
      body,
      file: where.file,
      ...(secrets ? { secrets } : {}),
    })
  }

  submit(name: string, body: JsonObject, where: Where): void {
    this.actions.push({ action: 'submit', name, body, file: where.file })
  }

  /**
   * The version to write under: the given one; else the newest one if it already says the same; else
   * the next number, as the official client counts.
   */
  async versionFor(
    kind: Kind,
    name: string,
    given: string | undefined,
    body: JsonObject,
  ): Promise<string> {
    if (given !== undefined) return given
    const versions = await this.#versionsOf(kind, name)
    const newest = versions.at(-1)
    if (newest !== undefined) {
      const existing =
        this.#planned.get(formatObjectId({ kind, path: [name, newest] }))?.body ??
        (await this.workspace.getObject({ kind, path: [name, newest] }))?.body
      if (existing && contains(existing, body)) return newest
    }
    const highest = Math.max(0, ...versions.map(Number).filter(Number.isFinite))
    return String(Math.floor(highest) + 1)
  }

  /** ARM id of `azureml:name:version`, `azureml:name@label`, `name:version`; other forms pass through. */
  async assetId(kind: Kind, reference: string, where: Where): Promise<string> {
    const plain = reference.replace(/^azureml:(?!\/\/)/, '')
    if (plain.startsWith('/subscriptions/') || portable.test(reference)) return plain
    const labelled = /^([^@/]+)@(.+)$/.exec(plain)
    if (labelled) {
      const [, name = '', label = ''] = labelled
      if (name.startsWith('AzureML-'))
        return `azureml://registries/azureml/${armKind(kind)?.segments[0]}/${name}/labels/${label}`
      const newest = (await this.#versionsOf(kind, name)).at(-1)
      if (newest === undefined) throw this.#missing(kind, name, where)
      return this.armId(kind, name, newest)
    }
    const versioned = /^([^:/]+):(.+)$/.exec(plain)
    if (versioned) {
      const [, name = '', version = ''] = versioned
      if (name.startsWith('AzureML-'))
        return `azureml://registries/azureml/${armKind(kind)?.segments[0]}/${name}/versions/${version}`
      return this.armId(kind, name, version)
    }
    throw new HoldfastError(
      'specification.bad-reference',
      `'${reference}' is not a reference to a ${kind}`,
      {
        place: placeOf(where),
        hint: 'Write azureml:NAME:VERSION or azureml:NAME@latest.',
      },
    )
  }

  compute(value: unknown, where: Where): string | undefined {
    const name = optionalText(value, placeOf(where))?.replace(/^azureml:(?!\/\/)/, '')
    if (name === undefined || name === 'serverless') return undefined
    if (name === 'local') {
      throw new HoldfastError(
        'specification.local-compute',
        'compute: local runs on the submitting machine and is no object of a workspace',
        { place: placeOf(where), hint: 'Name a compute of the workspace.' },
      )
    }
    return name.startsWith('/subscriptions/') || name.startsWith('${{')
      ? name
      : this.armId('compute', name)
  }

  async environment(value: unknown, where: Where): Promise<string> {
    if (!isDocument(value)) return this.assetId('environment', text(value, placeOf(where)), where)
    const body = await this.inline.environment(this, value, where)
    const name = optionalText(value.name, placeOf(where))
    if (name !== undefined) {
      const version = await this.versionFor(
        'environment',
        name,
        optionalText(value.version, placeOf(where)),
        body,
      )
      this.put({ kind: 'environment', path: [name, version] }, body, where)
      return this.armId('environment', name, version)
    }
    const anonymous = withProperties(body, { isAnonymous: true })
    const version = this.#hashOf(anonymous)
    this.put(
      { kind: 'environment', path: ['CliV2AnonymousEnvironment', version] },
      anonymous,
      where,
    )
    return this.armId('environment', 'CliV2AnonymousEnvironment', version)
  }

  /** A registered model, or an inline one, which the official client registers anonymously. */
  async model(value: unknown, where: Where): Promise<string> {
    if (!isDocument(value)) return this.assetId('model', text(value, placeOf(where)), where)
    const body = await this.inline.model(this, value, where)
    const name = optionalText(value.name, placeOf(where)) ?? guidOf(this.#hashOf(body))
    const version = await this.versionFor(
      'model',
      name,
      optionalText(value.version, placeOf(where)),
      body,
    )
    this.put({ kind: 'model', path: [name, version] }, body, where)
    return this.armId('model', name, version)
  }

  /** A registered component, a file beside the specification, or an inline one. */
  async component(value: unknown, where: Where): Promise<string> {
    if (isDocument(value)) return this.#anonymousComponent(value, where)
    const reference = text(value, placeOf(where))
    const file = reference.replace(/^file:/, '')
    if (/\.ya?ml$/i.test(file) && !/^azureml:/.test(file)) {
      const path = resolve(dirname(where.file), file)
      return this.#anonymousComponent(await readDocument(path, where), { file: path, key: '' })
    }
    return this.assetId('component', reference, where)
  }

  /** Uploads a local code folder once and returns the ARM id of its code version. */
  async code(value: unknown, where: Where): Promise<string | undefined> {
    const given = optionalText(value, placeOf(where))
    if (given === undefined) return undefined
    if (given.startsWith('azureml:')) return this.assetId('code', given, where)
    // A Git address is fetched by the service, not by the client.
    if (/^(git\+|https?:)/.test(given)) return given
    const snapshot = await takeSnapshot(resolve(dirname(where.file), given), placeOf(where))
    const name = guidOf(snapshot.sha256)
    this.#upload(`container:${name}`, '', snapshot, { name, version: '1' })
    this.put(
      { kind: 'code', path: [name, '1'] },
      {
        properties: {
          codeUri: `${this.target.blobOrigin}/${name}`,
          isAnonymous: true,
          properties: { hash_sha256: snapshot.sha256, hash_version: '202208' },
        },
      },
      where,
    )
    return this.armId('code', name, '1')
  }

  /**
   * A storage address: portable forms pass through, a local path is uploaded to the default datastore.
   * `type` says what a reference to an asset refers to: a model, when it is a model's type.
   */
  async storageUri(value: unknown, where: Where, type?: unknown): Promise<string> {
    const given = text(value, placeOf(where))
    if (portable.test(given)) return given
    const kind = /^(custom|mlflow|triton)_model$/i.test(String(type)) ? 'model' : 'data'
    if (given.startsWith('azureml:')) return this.assetId(kind, given, where)
    const snapshot = await takeSnapshot(
      resolve(dirname(where.file), given.replace(/^file:(\/\/)?/, '')),
      placeOf(where),
    )
    const prefix = `LocalUpload/${snapshot.sha256.slice(0, 32)}/`
    const root = `${prefix}${snapshot.baseName}`
    this.#upload('workspaceblobstore', snapshot.isFolder ? `${root}/` : prefix, snapshot, {})
    return `azureml://datastores/workspaceblobstore/paths/${root}${snapshot.isFolder ? '/' : ''}`
  }

  #upload(
    store: BlobStoreName,
    prefix: string,
    snapshot: Snapshot,
    metadata: Record<string, string>,
  ): void {
    for (const file of snapshot.files) {
      const name = `${prefix}${file.name}`
      const key = `${store}/${name}`
      if (this.#uploaded.has(key)) continue
      this.#uploaded.add(key)
      this.actions.push({
        action: 'upload',
        store,
        name,
        path: file.path,
        sizeBytes: file.sizeBytes,
        metadata: { ...metadata, upload_status: 'completed', sha256: file.sha256 },
      })
    }
  }

  async #anonymousComponent(document: Document, where: Where): Promise<string> {
    const body = withProperties(await this.inline.component(this, document, where), {
      isAnonymous: true,
    })
    const version = guidOf(this.#hashOf(body))
    this.put({ kind: 'component', path: ['azureml_anonymous', version] }, body, where)
    return this.armId('component', 'azureml_anonymous', version)
  }

  /** Known versions in order of making: those of the workspace, then those this import adds. */
  async #versionsOf(kind: Kind, name: string): Promise<string[]> {
    const key = `${kind}/${name}`
    const known = this.#versions.get(key)
    if (known) return known
    const found: Array<{ version: string; at: string }> = []
    let cursor: string | undefined
    do {
      const page = await this.workspace.listObjects(kind, {
        parent: { kind: `${kind}-container` as Kind, path: [name] },
        ...(cursor ? { cursor } : {}),
      })
      for (const item of page.items)
        found.push({ version: item.id.path[1] ?? '', at: createdAt(item.body) })
      cursor = page.cursor
    } while (cursor !== undefined)
    found.sort((a, b) =>
      a.at < b.at ? -1 : a.at > b.at ? 1 : Number(a.version) - Number(b.version),
    )
    const versions = found.map((f) => f.version)
    const plannedPrefix = `${formatObjectId({ kind, path: [name] })}/`
    for (const id of this.#planned.keys()) {
      const version = id.startsWith(plannedPrefix)
        ? decodeURIComponent(id.slice(plannedPrefix.length))
        : undefined
      if (version !== undefined && !versions.includes(version)) versions.push(version)
    }
    this.#versions.set(key, versions)
    return versions
  }

  #remember(kind: Kind, name: string, version: string): void {
    const key = `${kind}/${name}`
    const known = this.#versions.get(key)
    if (known) {
      if (!known.includes(version)) known.push(version)
    }
  }

  /** A version cannot be changed, so the service would refuse the second one. */
  #differs(id: ObjectId, file: string, where: Where): HoldfastError {
    return new HoldfastError(
      'specification.duplicate',
      `${id.kind} ${id.path.join(':')} is described differently in '${relative(dirname(where.file), file)}'`,
      { place: placeOf(where), hint: 'Give one of the two another version.' },
    )
  }

  #missing(kind: Kind, name: string, where: Where): HoldfastError {
    return new HoldfastError(
      'specification.reference-not-found',
      `no version of ${kind} '${name}' exists in the workspace or in this folder`,
      {
        place: placeOf(where),
        hint: `Import ${kind} '${name}' first, or name a version that exists.`,
      },
    )
  }
}

function restore<V>(map: Map<string, V>, before: ReadonlyMap<string, V>): void {
  map.clear()
  for (const [key, value] of before) map.set(key, value)
}

export async function readDocument(path: string, where: Where): Promise<Document> {
  const parsed = await parseFile(path).catch((cause: unknown) => {
    throw new HoldfastError(
      'specification.path-not-found',
      `the specification names '${basename(path)}', which does not exist`,
      { place: placeOf(where), cause },
    )
  })
  if (parsed instanceof HoldfastError) throw parsed
  return mapping(parsed, path)
}

export function withProperties(body: JsonObject, extra: JsonObject): JsonObject {
  return { ...body, properties: { ...(body.properties as JsonObject), ...extra } }
}

export function yamlText(value: unknown): string {
  return typeof value === 'string' ? value : stringify(value)
}

function createdAt(body: JsonObject): string {
  const systemData = body.systemData
  return isDocument(systemData) && typeof systemData.createdAt === 'string'
    ? systemData.createdAt
    : ''
}

/** Whether everything that `wanted` says stands in `existing`; the service adds fields of its own. */
function contains(existing: Json | undefined, wanted: Json | undefined): boolean {
  if (wanted === undefined) return true
  if (Array.isArray(wanted))
    return (
      Array.isArray(existing) &&
      existing.length === wanted.length &&
      wanted.every((w, i) => contains(existing[i], w))
    )
  if (isDocument(wanted))
    return (
      isDocument(existing) &&
      Object.entries(wanted).every(([k, w]) => contains(existing[k] as Json, w as Json))
    )
  return existing === wanted
}
