import { HoldfastError } from '../../model/errors.ts'
import type { JsonObject } from '../../model/json.ts'
import type { CallOptions, Experiment, Page, PageOptions, WriteOptions } from '../workspace.ts'
import type { MlflowHttp } from './mlflow-http.ts'
import { array, object, text } from './run-document.ts'

/** Tags that are Holdfast's own affair and no part of an experiment. */
export const markerTag = 'holdfast.marker'

/** Experiments by name: ids are the server's own and mean nothing elsewhere. */
export class MlflowExperiments {
  readonly #http: MlflowHttp
  readonly #ids = new Map<string, Promise<string | undefined>>()
  readonly #names = new Map<string, string>()

  constructor(http: MlflowHttp) {
    this.#http = http
  }

  async list(options: PageOptions = {}): Promise<Page<Experiment>> {
    const body = await this.#http.json({
      method: 'POST',
      path: '/api/2.0/mlflow/experiments/search',
      body: {
        view_type: 'ALL',
        max_results: options.pageSize ?? 1000,
        order_by: ['name ASC'],
        ...(options.cursor === undefined ? {} : { page_token: options.cursor }),
      },
      place: 'experiments',
      signal: options.signal,
      effect: 'none',
    })
    const items = array(body?.experiments).map((one) => toExperiment(object(one)))
    for (const { name, experimentId = '' } of items) {
      this.#names.set(experimentId, name)
      this.#ids.set(name, Promise.resolve(experimentId))
    }
    const next = text(body?.next_page_token)
    return { items, ...(next === '' ? {} : { cursor: next }) }
  }

  async put(experiment: Experiment, options: WriteOptions): Promise<void> {
    const id = await this.ensure(experiment.name, options)
    const standing = await this.get(experiment.name, options)
    if (standing?.archived === true) await this.#act('restore', id, experiment.name, options)
    const before = standing?.tags ?? {}
    for (const [key, value] of Object.entries(experiment.tags))
      if (before[key] !== value) await this.setTag(id, key, value, options)
    for (const key of Object.keys(before))
      if (experiment.tags[key] === undefined) await this.#deleteTag(id, key, options)
    if (experiment.archived) await this.#act('delete', id, experiment.name, options)
  }

  async get(name: string, options: CallOptions = {}): Promise<Experiment | undefined> {
    const document = await this.#byName(name, options)
    return document === undefined ? undefined : toExperiment(document)
  }

  /** Id of an experiment, which is created when it is not there. */
  async ensure(name: string, options: WriteOptions): Promise<string> {
    const known = await this.id(name, options)
    if (known !== undefined) return known
    const created = this.#create(name, options)
    this.#ids.set(name, created)
    created.catch(() => this.#ids.delete(name))
    return created
  }

  /** Undefined: there is none of this name. Asked once. */
  id(name: string, options: CallOptions = {}): Promise<string | undefined> {
    const known = this.#ids.get(name)
    if (known !== undefined) return known
    const asked = this.#byName(name, options).then((document) => {
      if (document === undefined) {
        this.#ids.delete(name)
        return undefined
      }
      return text(document.experiment_id)
    })
    this.#ids.set(name, asked)
    asked.catch(() => this.#ids.delete(name))
    return asked
  }

  async name(id: string, options: CallOptions = {}): Promise<string> {
    const known = this.#names.get(id)
    if (known !== undefined) return known
    const body = await this.#http.json({
      method: 'GET',
      path: `/api/2.0/mlflow/experiments/get?experiment_id=${encodeURIComponent(id)}`,
      place: `experiment ${id}`,
      signal: options.signal,
      effect: 'none',
    })
    const name = text(object(body?.experiment).name)
    this.#names.set(id, name)
    return name
  }

  async byId(id: string, options: CallOptions = {}): Promise<JsonObject | undefined> {
    const body = await this.#http.json({
      method: 'GET',
      path: `/api/2.0/mlflow/experiments/get?experiment_id=${encodeURIComponent(id)}`,
      place: `experiment ${id}`,
      signal: options.signal,
      absent: ['RESOURCE_DOES_NOT_EXIST'],
      effect: 'none',
    })
    return body === undefined ? undefined : object(body.experiment)
  }

  async setTag(id: string, key: string, value: string, options: CallOptions): Promise<void> {
    await this.#http.json({
      method: 'POST',
      path: '/api/2.0/mlflow/experiments/set-experiment-tag',
      body: { experiment_id: id, key, value },
      place: `experiment ${id}`,
      signal: options.signal,
      effect: 'repeatable',
    })
  }

  async #deleteTag(id: string, key: string, options: CallOptions): Promise<void> {
    await this.#http.json({
      method: 'POST',
      path: '/api/2.0/mlflow/experiments/delete-experiment-tag',
      body: { experiment_id: id, key },
      place: `experiment ${id}`,
      signal: options.signal,
      absent: ['RESOURCE_DOES_NOT_EXIST'],
      effect: 'repeatable',
    })
  }

  async #act(
    action: 'delete' | 'restore',
    id: string,
    name: string,
    options: CallOptions,
  ): Promise<void> {
    await this.#http.json({
      method: 'POST',
      path: `/api/2.0/mlflow/experiments/${action}`,
      body: { experiment_id: id },
      place: `experiment/${name}`,
      signal: options.signal,
      absent: ['RESOURCE_DOES_NOT_EXIST'],
      effect: 'repeatable',
    })
  }

  async #create(name: string, options: CallOptions): Promise<string> {
    const body = await this.#http.json({
      method: 'POST',
      path: '/api/2.0/mlflow/experiments/create',
      body: { name },
      place: `experiment/${name}`,
      signal: options.signal,
      absent: ['RESOURCE_ALREADY_EXISTS'],
      effect: 'repeatable',
    })
    const id = text(body?.experiment_id) || text((await this.#byName(name, options))?.experiment_id)
    if (id !== '') return id
    throw new HoldfastError('object.not-found', `the experiment '${name}' cannot be created`, {
      place: `experiment/${name}`,
    })
  }

  async #byName(name: string, options: CallOptions): Promise<JsonObject | undefined> {
    const body = await this.#http.json({
      method: 'GET',
      path: `/api/2.0/mlflow/experiments/get-by-name?experiment_name=${encodeURIComponent(name)}`,
      place: `experiment/${name}`,
      signal: options.signal,
      absent: ['RESOURCE_DOES_NOT_EXIST'],
      effect: 'none',
    })
    return body === undefined ? undefined : object(body.experiment)
  }
}

function toExperiment(document: JsonObject): Experiment {
  const tags = array(document.tags).map((tag) => [text(object(tag).key), text(object(tag).value)])
  return {
    name: text(document.name),
    experimentId: text(document.experiment_id),
    archived: document.lifecycle_stage === 'deleted',
    tags: Object.fromEntries(tags.filter(([key]) => key !== markerTag)) as Record<string, string>,
  }
}
