import { canonicalJson, digestJson } from '../../model/canonical.ts'
import { HoldfastError } from '../../model/errors.ts'
import type { Json, JsonObject } from '../../model/json.ts'
import type { ObjectId } from '../../model/object-id.ts'
import { allPages } from '../pages.ts'
import type {
  BlobInfo,
  CallOptions,
  Page,
  PageOptions,
  PutOptions,
  WorkspaceObject,
  WriteOptions,
} from '../workspace.ts'
import { walkExperiments } from './experiment-walk.ts'
import type { MlflowExperiments } from './mlflow-experiments.ts'
import type { MlflowHttp, MlflowRequest } from './mlflow-http.ts'
import type { MlflowRuns } from './mlflow-runs.ts'
import { ModelMetrics } from './model-metrics.ts'
import {
  keyed,
  madeAt,
  present,
  splitTags,
  strings,
  tagChanges,
  tagsOfOrigin,
} from './object-origin.ts'
import { array, object, pairs, text } from './run-document.ts'

/** The server writes it when a version is made from the model. */
const versionsTag = 'mlflow.modelVersions'
const perPage = 100
/** How long what runs say of models is believed; a list reads it anew. */
const linksMs = 600_000
const pending = 'LOGGED_MODEL_PENDING'

interface Links {
  readonly inputs: JsonObject[]
  readonly outputs: JsonObject[]
}

/** Logged models of MLflow 3. The server mints their ids; which runs read or made one, the runs say. */
export class MlflowLoggedModels {
  readonly #http: MlflowHttp
  readonly #experiments: MlflowExperiments
  readonly #runs: MlflowRuns
  readonly #metrics: ModelMetrics
  readonly #files: (store: string, options: CallOptions) => Promise<readonly BlobInfo[]>
  #links: { readonly byModel: Promise<Map<string, Links>>; readonly until: number } | undefined

  constructor(
    http: MlflowHttp,
    experiments: MlflowExperiments,
    runs: MlflowRuns,
    files: (store: string, options: CallOptions) => Promise<readonly BlobInfo[]>,
  ) {
    this.#http = http
    this.#experiments = experiments
    this.#runs = runs
    this.#metrics = new ModelMetrics(http, runs)
    this.#files = files
  }

  list(options: PageOptions): Promise<Page<WorkspaceObject>> {
    if (options.cursor === undefined) this.#links = undefined
    return walkExperiments(
      this.#experiments,
      options,
      (ids, token) =>
        this.#call('POST', '/search', options, 'none', {
          experiment_ids: [...ids],
          max_results: options.pageSize ?? perPage,
          ...(token === undefined ? {} : { page_token: token }),
        }),
      async (body) => {
        const models = array(body?.models).map(object)
        if (models.length === 0) return []
        const links = await this.#linksOf(options)
        return models.map((model) => summary(model, links.get(idOf(model))))
      },
    )
  }

  async get({ path: [id = ''] }: ObjectId, options: CallOptions = {}) {
    const model = await this.#read(id, options)
    if (model === undefined) return undefined
    const info = object(model.info)
    const links = (await this.#linksOf(options)).get(id)
    const files = await this.#files(`logged-model:${id}`, options)
    const listed = summary(model, links)
    const { tags } = splitTags(keyed(info.tags))
    const { [versionsTag]: _, ...kept } = tags
    const properties = present({
      experimentName: await this.#experiments.name(text(info.experiment_id), options),
      name: text(info.name),
      modelType: text(info.model_type),
      status: text(info.status),
      runId: text(info.source_run_id),
      tags: kept,
      parameters: keyed(object(model.data).params),
      metrics: sorted(array(object(model.data).metrics).map((one) => metricOf(object(one)))),
      inputs: sorted(links?.inputs ?? []),
      outputs: sorted(links?.outputs ?? []),
      files: files.map(({ name, sizeBytes }) => ({ name, sizeBytes })),
    })
    const systemData = madeAt(info.creation_timestamp_ms, listed.origin)
    const { isSummary, ...object_ } = listed
    return { ...object_, body: { properties, systemData } }
  }

  /** An empty name: created under an id of the server's choice. */
  async put({ path: [given = ''] }: ObjectId, body: JsonObject, options: PutOptions) {
    const wanted = object(body.properties)
    const id = given === '' ? await this.#create(wanted, options) : given
    const there = await this.get({ kind: 'logged-model', path: [id] }, options)
    const standing = object(there?.body.properties)
    await this.#update(id, wanted, standing, options)
    await this.#metrics.write(id, array(wanted.metrics), array(standing.metrics), options)
    await this.#link(id, wanted, standing, options)
    const written = await this.get({ kind: 'logged-model', path: [id] }, options)
    if (written !== undefined) return written
    throw new HoldfastError('object.not-found', `logged-model/${id} was written and is gone`)
  }

  async artifactUri(id: string, options: CallOptions): Promise<string> {
    return text(object((await this.#read(id, options))?.info).artifact_uri)
  }

  async #create(wanted: JsonObject, options: PutOptions): Promise<string> {
    const experiment_id = await this.#experiments.ensure(text(wanted.experimentName), options)
    const made = await this.#call('POST', '', options, 'once', {
      ...{ experiment_id, name: text(wanted.name), model_type: text(wanted.modelType) },
      source_run_id: text(wanted.runId),
      params: pairs(strings(wanted.parameters)),
      tags: pairs({ ...strings(wanted.tags), ...tagsOfOrigin(options.origin) }),
    })
    return text(object(object(made?.model).info).model_id)
  }

  async #update(
    id: string,
    wanted: JsonObject,
    there: JsonObject,
    options: WriteOptions,
  ): Promise<void> {
    const tags = tagChanges(strings(wanted.tags), strings(there.tags))
    if (tags.set.length > 0)
      await this.#call('PATCH', `/${id}/tags`, options, 'repeatable', {
        model_id: id,
        tags: pairs(Object.fromEntries(tags.set)),
      })
    for (const key of tags.gone)
      await this.#call('DELETE', `/${id}/tags/${encodeURIComponent(key)}`, options, 'repeatable')
    const params = tagChanges(strings(wanted.parameters), strings(there.parameters))
    if (params.set.length > 0)
      await this.#call('POST', `/${id}/params`, options, 'repeatable', {
        model_id: id,
        params: pairs(Object.fromEntries(params.set)),
      })
    if (text(wanted.status) !== text(there.status) && text(wanted.status) !== pending)
      await this.#call('PATCH', `/${id}`, options, 'repeatable', {
        model_id: id,
        status: text(wanted.status),
      })
  }

  async #link(
    id: string,
    wanted: JsonObject,
    there: JsonObject,
    options: WriteOptions,
  ): Promise<void> {
    const known = (await this.#linksOf(options)).get(id) ?? { inputs: [], outputs: [] }
    for (const [side, path] of [
      ['inputs', 'log-inputs'],
      ['outputs', 'outputs'],
    ] as const) {
      const standing = new Set(array(there[side]).map((one) => canonicalJson(one)))
      for (const link of array(wanted[side]).map(object)) {
        if (standing.has(canonicalJson(link))) continue
        const { runId, ...more } = link
        await this.#runs.link(text(runId), path, { model_id: id, ...more }, options)
        known[side].push(link)
      }
    }
    ;(await this.#linksOf(options)).set(id, known)
  }

  /** Read from the runs once, when there are models at all. */
  #linksOf({ signal }: CallOptions): Promise<Map<string, Links>> {
    if (this.#links !== undefined && this.#links.until > performance.now())
      return this.#links.byModel
    const byModel = this.#readLinks(signal === undefined ? {} : { signal })
    this.#links = { byModel, until: performance.now() + linksMs }
    byModel.catch(() => {
      this.#links = undefined
    })
    return byModel
  }

  async #readLinks(options: CallOptions): Promise<Map<string, Links>> {
    const found = new Map<string, Links>()
    const linksOf = (one: Json) => {
      const id = text(object(one).model_id)
      const known = found.get(id) ?? { inputs: [], outputs: [] }
      found.set(id, known)
      return known
    }
    for await (const { runId, body } of allPages((page) => this.#runs.list(page), options)) {
      for (const one of array(body.modelInputs)) linksOf(one).inputs.push({ runId })
      for (const one of array(body.modelOutputs))
        linksOf(one).outputs.push({ runId, step: Number(object(one).step ?? 0) })
    }
    return found
  }

  async #read(id: string, options: CallOptions): Promise<JsonObject | undefined> {
    const body = await this.#call('GET', `/${encodeURIComponent(id)}`, options, 'none')
    return body === undefined ? undefined : object(body.model)
  }

  /** A server older than MLflow 3 has no such thing. */
  #call(
    method: MlflowRequest['method'],
    path: string,
    options: CallOptions,
    effect: MlflowRequest['effect'],
    body?: JsonObject,
  ): Promise<JsonObject | undefined> {
    return this.#http.json({
      method,
      path: `/api/2.0/mlflow/logged-models${path}`,
      place: `logged-model${path}`,
      signal: options.signal,
      effect,
      ...(body === undefined ? {} : { body }),
      ...(effect === 'none'
        ? { absent: ['RESOURCE_DOES_NOT_EXIST', 'NOT_FOUND', 'ENDPOINT_NOT_FOUND'] }
        : {}),
    })
  }
}

function summary(model: JsonObject, links: Links | undefined) {
  const info = object(model.info)
  const { tags, origin } = splitTags(keyed(info.tags))
  const { [versionsTag]: _, ...kept } = tags
  const { params, metrics } = object(model.data)
  const shown: JsonObject = {
    info: present({ ...info, tags: kept, last_updated_timestamp_ms: '' }),
    params: keyed(params),
    metrics: sorted(array(metrics).map(object)),
    inputs: sorted(links?.inputs ?? []),
    outputs: sorted(links?.outputs ?? []),
  }
  return {
    id: { kind: 'logged-model', path: [idOf(model)] } as ObjectId,
    body: {},
    isSummary: true,
    etag: digestJson(shown),
    ...(origin === undefined ? {} : { origin }),
  }
}

const idOf = (model: JsonObject): string => text(object(model.info).model_id)

function metricOf(metric: JsonObject): JsonObject {
  return present({
    key: text(metric.key),
    value: metric.value ?? 0,
    timestamp: Number(metric.timestamp ?? 0),
    step: Number(metric.step ?? 0),
    runId: text(metric.run_id),
    datasetName: text(metric.dataset_name),
    datasetDigest: text(metric.dataset_digest),
  })
}

/** The server's order means nothing. */
function sorted(list: readonly JsonObject[]): Json[] {
  return list
    .map((one) => [canonicalJson(one), one] as const)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([, one]) => one)
}
