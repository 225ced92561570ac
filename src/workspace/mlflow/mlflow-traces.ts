import { digestJson } from '../../model/canonical.ts'
import { HoldfastError } from '../../model/errors.ts'
import type { Json, JsonObject } from '../../model/json.ts'
import type { ObjectId } from '../../model/object-id.ts'
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
import { strings, tagChanges, tagsOfOrigin } from './object-origin.ts'
import { array, object, text } from './run-document.ts'
import {
  locationTag,
  otlpSpan,
  propertiesOf,
  spansTag,
  summaryOf,
  theirAssessment,
  traceInfo,
} from './trace-document.ts'

const perPage = 200
const inStore = 'TRACKING_STORE'

/** Traces keep their ids: the client chooses them. Spans go in as OpenTelemetry, the rest beside it. */
export class MlflowTraces {
  readonly #http: MlflowHttp
  readonly #experiments: MlflowExperiments
  readonly #files: (store: string, options: CallOptions) => Promise<readonly BlobInfo[]>

  constructor(
    http: MlflowHttp,
    experiments: MlflowExperiments,
    files: (store: string, options: CallOptions) => Promise<readonly BlobInfo[]>,
  ) {
    this.#http = http
    this.#experiments = experiments
    this.#files = files
  }

  list(options: PageOptions): Promise<Page<WorkspaceObject>> {
    return walkExperiments(
      this.#experiments,
      options,
      (ids, token) =>
        this.#call('POST', '/search', options, 'none', {
          locations: ids.map(locationOf),
          max_results: options.pageSize ?? perPage,
          order_by: ['timestamp_ms ASC'],
          ...(token === undefined ? {} : { page_token: token }),
        }),
      async (body) => array(body?.traces).map((one) => summaryOf(object(one))),
    )
  }

  async get({ path: [id = ''] }: ObjectId, options: CallOptions = {}) {
    const info = await this.#info(id, options)
    if (info === undefined) return undefined
    const spans = strings(info.tags)[spansTag] === inStore ? await this.#spans(id, options) : []
    const files = await this.#files(`trace:${id}`, options)
    const experiment = text(object(object(info.trace_location).mlflow_experiment).experiment_id)
    const properties = {
      experimentName: await this.#experiments.name(experiment, options),
      ...propertiesOf(info),
      spans: [...spans],
      files: files.map(({ name, sizeBytes }) => ({ name, sizeBytes })),
    }
    const { isSummary, ...found } = summaryOf(info)
    return { ...found, body: { properties } }
  }

  async put(id: ObjectId, body: JsonObject, options: PutOptions): Promise<WorkspaceObject> {
    const wanted = object(body.properties)
    const there = options.condition === 'absent' ? undefined : await this.get(id, options)
    const standing = object(there?.body.properties)
    const isSame = (...fields: string[]) =>
      there !== undefined &&
      fields.every(
        (field) => digestJson(wanted[field] ?? null) === digestJson(standing[field] ?? null),
      )
    if (!isSame('spans')) await this.#writeSpans(wanted, options)
    if (
      !isSame('state', 'requestTime', 'duration', 'metadata', 'requestPreview', 'responsePreview')
    )
      await this.#start(id, wanted, options)
    if (there !== undefined) await this.#update(id, wanted, standing, options)
    const written = await this.get(id, options)
    if (written !== undefined) return written
    throw new HoldfastError('object.not-found', `trace/${id.path[0]} was written and is gone`)
  }

  async artifactUri(id: string, options: CallOptions): Promise<string> {
    return strings((await this.#info(id, options))?.tags)[locationTag] ?? ''
  }

  async #writeSpans(wanted: JsonObject, options: WriteOptions): Promise<void> {
    const spans = array(wanted.spans).map((one) => otlpSpan(object(one)))
    if (spans.length === 0) return
    const experimentId = await this.#experiments.ensure(text(wanted.experimentName), options)
    await this.#http.json({
      method: 'POST',
      path: '/v1/traces',
      headers: { 'x-mlflow-experiment-id': experimentId },
      body: { resourceSpans: [{ scopeSpans: [{ spans }] }] },
      place: 'spans',
      signal: options.signal,
      effect: 'repeatable',
    })
  }

  async #start(id: ObjectId, wanted: JsonObject, options: PutOptions): Promise<void> {
    const experimentId = await this.#experiments.ensure(text(wanted.experimentName), options)
    const trace_info = {
      ...traceInfo(id.path[0] ?? '', wanted),
      trace_location: locationOf(experimentId),
      tags: { ...strings(wanted.tags), ...tagsOfOrigin(options.origin) },
    }
    await this.#call('POST', '', options, 'repeatable', { trace: { trace_info } })
  }

  async #update(
    { path: [id = ''] }: ObjectId,
    wanted: JsonObject,
    there: JsonObject,
    options: WriteOptions,
  ): Promise<void> {
    const tags = tagChanges(strings(wanted.tags), strings(there.tags))
    for (const [key, value] of tags.set)
      await this.#call('PATCH', `/${id}/tags`, options, 'repeatable', { key, value })
    for (const key of tags.gone)
      await this.#call(
        'DELETE',
        `/${id}/tags?${new URLSearchParams({ key })}`,
        options,
        'repeatable',
      )
    await this.#assess(id, array(wanted.assessments), array(there.assessments), options)
  }

  /** An assessment that changed is replaced: not all of it can be patched. */
  async #assess(
    id: string,
    wanted: readonly Json[],
    there: readonly Json[],
    options: WriteOptions,
  ): Promise<void> {
    const digests = (list: readonly Json[]) =>
      new Map(list.map((one) => [digestJson(one), object(one)]))
    const [want, have] = [digests(wanted), digests(there)]
    const gone = [...have].filter(([digest]) => !want.has(digest)).map(([, one]) => one)
    for (const { assessment_id } of gone)
      await this.#call('DELETE', `/${id}/assessments/${text(assessment_id)}`, options, 'repeatable')
    const missing = [...want].filter(([digest]) => !have.has(digest)).map(([, one]) => one)
    for (const one of missing)
      await this.#call('POST', `/${id}/assessments`, options, 'repeatable', {
        assessment: { ...theirAssessment(one), trace_id: id },
      })
  }

  async #info(id: string, options: CallOptions): Promise<JsonObject | undefined> {
    const body = await this.#call('GET', `/${encodeURIComponent(id)}`, options, 'none')
    return body === undefined ? undefined : object(object(body.trace).trace_info)
  }

  async #spans(id: string, options: CallOptions): Promise<readonly Json[]> {
    const body = await this.#http.json({
      method: 'GET',
      path: `/api/3.0/mlflow/traces/get?${new URLSearchParams({ trace_id: id })}`,
      place: `trace/${id}`,
      signal: options.signal,
      longNumbers: true,
      effect: 'none',
    })
    return array(object(body?.trace).spans)
  }

  /** A server older than MLflow 3 keeps traces in another form. */
  #call(
    method: MlflowRequest['method'],
    path: string,
    options: CallOptions,
    effect: MlflowRequest['effect'],
    body?: JsonObject,
  ): Promise<JsonObject | undefined> {
    return this.#http.json({
      method,
      path: `/api/3.0/mlflow/traces${path}`,
      place: `trace${path.split('?')[0]}`,
      signal: options.signal,
      effect,
      ...(body === undefined ? {} : { body }),
      ...(effect === 'none'
        ? { absent: ['RESOURCE_DOES_NOT_EXIST', 'NOT_FOUND', 'ENDPOINT_NOT_FOUND'] }
        : {}),
    })
  }
}

const locationOf = (experimentId: string): JsonObject => ({
  type: 'MLFLOW_EXPERIMENT',
  mlflow_experiment: { experiment_id: experimentId },
})
