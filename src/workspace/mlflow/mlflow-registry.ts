import { digestJson } from '../../model/canonical.ts'
import { HoldfastError } from '../../model/errors.ts'
import type { Json, JsonObject } from '../../model/json.ts'
import type { ObjectId } from '../../model/object-id.ts'
import type {
  CallOptions,
  ObjectOrigin,
  Page,
  PageOptions,
  PutOptions,
  WorkspaceObject,
  WriteOptions,
} from '../workspace.ts'
import type { MlflowHttp, MlflowRequest } from './mlflow-http.ts'
import type { ModelSources } from './model-sources.ts'
import {
  goneTag,
  keyed,
  madeAt,
  present,
  splitTags,
  strings,
  tagChanges,
  tagsOfOrigin,
} from './object-origin.ts'
import { array, object, pairs, text } from './run-document.ts'

const isPrompt = 'mlflow.prompt.is_prompt'
/** Prompts are hidden from a search that does not ask for them. */
const searches = ['', `tags.\`${isPrompt}\` = 'true'`]
/** On a version that only takes a number; it is deleted as soon as it has it. */
const placeholderTag = 'holdfast.placeholder'
/** Of a scheme for which the server demands nothing else. */
const placeholderSource = 's3://holdfast-placeholder/none'
const noStage = 'None'

/**
 * Registered models and their versions; prompts are among them. The server gives out version numbers
 * in order, so numbers that were deleted at the source are used up before the next one is made.
 */
export class MlflowRegistry {
  readonly #http: MlflowHttp
  readonly #sources: ModelSources

  constructor(http: MlflowHttp, sources: ModelSources) {
    this.#http = http
    this.#sources = sources
  }

  listModels(options: PageOptions): Promise<Page<WorkspaceObject>> {
    return this.#search('registered-models', 'name ASC', options, toModel)
  }

  listVersions(options: PageOptions): Promise<Page<WorkspaceObject>> {
    return this.#search('model-versions', 'name ASC,version_number ASC', options, toVersion)
  }

  async getModel({ path: [name = ''] }: ObjectId, options: CallOptions = {}) {
    const body = await this.#get(`registered-models/get?${new URLSearchParams({ name })}`, options)
    return body === undefined ? undefined : toModel(object(body.registered_model))
  }

  async getVersion({ path: [name = '', version = ''] }: ObjectId, options: CallOptions = {}) {
    const query = new URLSearchParams({ name, version })
    const body = await this.#get(`model-versions/get?${query}`, options)
    return body === undefined ? undefined : toVersion(object(body.model_version))
  }

  async putModel(id: ObjectId, body: JsonObject, options: PutOptions): Promise<WorkspaceObject> {
    const [name = ''] = id.path
    const wanted = object(body.properties)
    let there = options.condition === 'absent' ? undefined : await this.getModel(id, options)
    if (there === undefined) {
      const tags = pairs({ ...strings(wanted.tags), ...tagsOfOrigin(options.origin) })
      const description = text(wanted.description)
      await this.#write('POST', 'registered-models/create', { name, description, tags }, options)
      there = await this.getModel(id, options)
    }
    const standing = object(there?.body.properties)
    if (text(wanted.description) !== text(standing.description))
      await this.#write(
        'PATCH',
        'registered-models/update',
        { name, description: text(wanted.description) },
        options,
      )
    await this.#writeTags('registered-models', { name }, wanted.tags, standing.tags, options)
    await this.#writeAliases(name, strings(wanted.aliases), strings(standing.aliases), options)
    return this.#written(await this.getModel(id, options), id)
  }

  async putVersion(id: ObjectId, body: JsonObject, options: PutOptions): Promise<WorkspaceObject> {
    const [name = '', version = ''] = id.path
    const wanted = object(body.properties)
    let there = options.condition === 'absent' ? undefined : await this.getVersion(id, options)
    if (there === undefined) {
      await this.#create(name, Number(version), wanted, options)
      there = await this.getVersion(id, options)
    }
    const standing = object(there?.body.properties)
    for (const field of ['source', 'runId', 'runLink'] as const)
      if (JSON.stringify(wanted[field]) !== JSON.stringify(standing[field]))
        throw immutable(id, field)
    const at = { name, version }
    if (text(wanted.description) !== text(standing.description))
      await this.#write(
        'PATCH',
        'model-versions/update',
        { ...at, description: text(wanted.description) },
        options,
      )
    await this.#writeTags('model-versions', at, wanted.tags, standing.tags, options)
    const stage = text(wanted.stage) || noStage
    if (stage !== (text(standing.stage) || noStage))
      await this.#write(
        'POST',
        'model-versions/transition-stage',
        { ...at, stage, archive_existing_versions: false },
        options,
      )
    return this.#written(await this.getVersion(id, options), id)
  }

  async #create(
    name: string,
    version: number,
    wanted: JsonObject,
    options: PutOptions,
  ): Promise<void> {
    const from = object(wanted.source)
    const { uri: source, isGone } = await this.#sources.placeOf(from, options)
    for (let next = (await this.#newest(name, options)) + 1; next < version; ) {
      const taken = await this.#make({ name, source: placeholderSource, ...placeholder }, options)
      await this.#write(
        'DELETE',
        'model-versions/delete',
        { name, version: String(taken) },
        options,
      )
      if (taken < next || taken >= version) throw passedOver(name, version)
      next = taken + 1
    }
    const made = await this.#make(
      {
        ...present({
          ...{ name, source, run_id: text(wanted.runId), run_link: text(wanted.runLink) },
          ...{ description: text(wanted.description) },
          model_id: isGone ? '' : text(from.loggedModelId),
        }),
        tags: pairs({
          ...{ ...strings(wanted.tags), ...tagsOfOrigin(options.origin) },
          ...(isGone ? { [goneTag]: text(from.form) } : {}),
        }),
      },
      options,
    )
    if (made === version) return
    await this.#write('DELETE', 'model-versions/delete', { name, version: String(made) }, options)
    throw passedOver(name, version)
  }

  /** The highest number that is there; higher ones may have been deleted. */
  async #newest(name: string, options: CallOptions): Promise<number> {
    const body = await this.#get(`registered-models/get?${new URLSearchParams({ name })}`, options)
    const latest = array(object(body?.registered_model).latest_versions)
    return Math.max(0, ...latest.map((one) => Number(object(one).version)))
  }

  async #make(body: JsonObject, options: WriteOptions): Promise<number> {
    const made = await this.#write('POST', 'model-versions/create', body, options)
    return Number(object(made?.model_version).version)
  }

  async #writeTags(
    collection: string,
    at: JsonObject,
    wanted: Json | undefined,
    there: Json | undefined,
    options: WriteOptions,
  ): Promise<void> {
    const { set, gone } = tagChanges(strings(wanted), strings(there))
    for (const [key, value] of set)
      await this.#write('POST', `${collection}/set-tag`, { ...at, key, value }, options)
    for (const key of gone)
      await this.#write('DELETE', `${collection}/delete-tag`, { ...at, key }, options)
  }

  async #writeAliases(
    name: string,
    wanted: Readonly<Record<string, string>>,
    there: Readonly<Record<string, string>>,
    options: WriteOptions,
  ): Promise<void> {
    const { set, gone } = tagChanges(wanted, there)
    for (const alias of gone)
      await this.#write('DELETE', 'registered-models/alias', { name, alias }, options)
    for (const [alias, version] of set)
      await this.#write('POST', 'registered-models/alias', { name, alias, version }, options)
  }

  async #search(
    collection: 'registered-models' | 'model-versions',
    order: string,
    options: PageOptions,
    toObject: (document: JsonObject) => WorkspaceObject,
  ): Promise<Page<WorkspaceObject>> {
    const { which, token } =
      options.cursor === undefined
        ? { which: 0, token: '' }
        : (JSON.parse(options.cursor) as { which: number; token: string })
    const query = new URLSearchParams({ max_results: String(options.pageSize ?? 500) })
    const filter = searches[which]
    if (filter) query.set('filter', filter)
    for (const one of order.split(',')) query.append('order_by', one)
    if (token !== '') query.set('page_token', token)
    const body = await this.#get(`${collection}/search?${query}`, options)
    const list = array(body?.[collection.replace('-', '_')]).map(object)
    const items = list.filter((one) => keyed(one.tags)[placeholderTag] === undefined).map(toObject)
    const next = text(body?.next_page_token)
    if (next !== '') return { items, cursor: JSON.stringify({ which, token: next }) }
    const isLast = which + 1 >= searches.length
    return isLast ? { items } : { items, cursor: JSON.stringify({ which: which + 1, token: '' }) }
  }

  #get(path: string, options: CallOptions): Promise<JsonObject | undefined> {
    return this.#http.json({
      method: 'GET',
      path: `/api/2.0/mlflow/${path}`,
      place: 'model registry',
      signal: options.signal,
      absent: ['RESOURCE_DOES_NOT_EXIST'],
      effect: 'none',
    })
  }

  #write(
    method: MlflowRequest['method'],
    path: string,
    body: JsonObject,
    options: WriteOptions,
  ): Promise<JsonObject | undefined> {
    return this.#http.json({
      method,
      path: `/api/2.0/mlflow/${path}`,
      body,
      place: `registered-model/${text(body.name)}`,
      signal: options.signal,
      effect: path.endsWith('/create') ? 'once' : 'repeatable',
    })
  }

  #written(found: WorkspaceObject | undefined, { kind, path }: ObjectId): WorkspaceObject {
    if (found !== undefined) return found
    throw new HoldfastError('object.not-found', `${kind}/${path.join('/')} was written and is gone`)
  }
}

const placeholder = {
  description: 'Takes a number that is deleted at the original, too.',
  tags: pairs({ [placeholderTag]: 'true' }),
}

function toModel(document: JsonObject): WorkspaceObject {
  const { tags, origin } = splitTags(keyed(document.tags))
  const aliases = array(document.aliases).map(object)
  const properties = present({
    description: text(document.description),
    tags: { ...tags },
    aliases: Object.fromEntries(
      aliases.map((one) => [text(one.alias), String(one.version)] as const),
    ),
  })
  const id: ObjectId = { kind: 'registered-model', path: [text(document.name)] }
  return registered(id, properties, document, origin)
}

function toVersion(document: JsonObject): WorkspaceObject {
  const all = keyed(document.tags)
  const { tags, origin } = splitTags(all)
  const { [goneTag]: form } = all
  const stage = text(document.current_stage)
  const properties = present({
    description: text(document.description),
    tags: { ...tags },
    stage: stage === noStage ? '' : stage,
    status: text(document.status),
    source: { ...sourceOf(text(document.source)), ...(form === undefined ? {} : { form }) },
    runId: text(document.run_id),
    runLink: text(document.run_link),
  })
  const path = [text(document.name), String(document.version)]
  return registered({ kind: 'model-version', path }, properties, document, origin)
}

function registered(
  id: ObjectId,
  properties: JsonObject,
  document: JsonObject,
  origin: ObjectOrigin | undefined,
): WorkspaceObject {
  return {
    id,
    body: { properties, systemData: madeAt(document.creation_timestamp, origin) },
    etag: digestJson(properties),
    ...(origin === undefined ? {} : { origin }),
  }
}

const runArtifact = /^[a-z][\w+.-]*:.*\/([0-9a-f]{32})\/artifacts(?:\/(.*))?$/
const modelArtifact = /^[a-z][\w+.-]*:.*\/(m-[0-9a-f]{32})\/artifacts(?:\/(.*))?$/

/** Where the bytes of a version lie, by what they belong to rather than by where that is kept. */
function sourceOf(uri: string): JsonObject {
  const run = /^runs:\/+([^/]+)(?:\/(.*))?$/.exec(uri)
  if (run !== null) return present({ form: 'runs', runId: run[1], path: run[2] })
  const model = /^models:\/(m-[0-9a-f]{32})(?:\/(.*))?$/.exec(uri)
  if (model !== null) return present({ form: 'models', loggedModelId: model[1], path: model[2] })
  const ofModel = modelArtifact.exec(uri)
  if (ofModel !== null)
    return present({ form: 'artifacts', loggedModelId: ofModel[1], path: ofModel[2] })
  const ofRun = runArtifact.exec(uri)
  if (ofRun !== null) return present({ form: 'artifacts', runId: ofRun[1], path: ofRun[2] })
  return { form: 'uri', uri }
}

function immutable({ path }: ObjectId, field: string): HoldfastError {
  return new HoldfastError(
    'object.immutable',
    `the ${field} of version ${path[1]} of ${path[0]} cannot be changed`,
  )
}

function passedOver(name: string, version: number): HoldfastError {
  return new HoldfastError(
    'model-version.number-passed',
    `the server will not give out version ${version} of ${name} any more`,
    {
      place: `model-version/${name}/${version}`,
      hint: 'A later version was made there, or this one was deleted there. Register it at the source under its next number, or keep the target as it is.',
    },
  )
}
