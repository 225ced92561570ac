import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { asRecord, asText, type Document } from '../../arm/document.ts'
import { inTransaction } from '../../store/database.ts'
import { artifactStore } from '../artifact-store.ts'
import type { DataPlane } from '../data-plane.ts'
import { fileInfo } from './artifact-routes.ts'
import { requireExperiment } from './experiment-routes.ts'
import { type Clause, parseFilter, parseIdentifier, satisfies } from './filter.ts'
import {
  listOf,
  type MlflowCall,
  maxResults,
  mlflowCall,
  optional,
  pageOf,
  required,
} from './input.ts'
import { type LoggedModel, withMetric } from './logged-model-store.ts'
import { invalid, missing } from './mlflow-error.ts'
import { mapOf, pairs } from './run-view.ts'

const statuses = [
  'LOGGED_MODEL_STATUS_UNSPECIFIED',
  'LOGGED_MODEL_PENDING',
  'LOGGED_MODEL_READY',
  'LOGGED_MODEL_UPLOAD_FAILED',
]

/** Logged models of the MLflow 3 REST API. */
export function mlflowLoggedModelRoutes(scope: FastifyInstance, dp: DataPlane): void {
  const { loggedModels: store } = dp
  type Work = (call: MlflowCall, model: LoggedModel) => object
  const onModel = (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, work: Work) =>
    scope.route({
      method,
      url: `/logged-models/:model_id${path}`,
      handler: async (request: FastifyRequest) =>
        inTransaction(dp.region.db, () => {
          const call = loggedModelCall(dp, request)
          return work(call, requireLoggedModel(dp, call.ws, required(call.input, 'model_id')))
        }),
    })
  const seen = (ws: number, model: LoggedModel) => ({ model: view(dp, ws, model) })

  scope.post('/logged-models', async (request) => {
    const { ws, input } = mlflowCall(dp, request)
    const { experimentId } = requireExperiment(dp, ws, required(input, 'experiment_id'))
    const made = store.create(ws, {
      experimentId,
      status: 'LOGGED_MODEL_PENDING',
      name: optional(input, 'name') ?? `model-${dp.region.clock().getTime().toString(36)}`,
      modelType: optional(input, 'model_type'),
      sourceRunId: optional(input, 'source_run_id'),
      tags: mapOf(input.tags, 'tag'),
      params: mapOf(input.params, 'param'),
      metrics: [],
    })
    return seen(ws, made)
  })
  scope.post('/logged-models/search', async (request) => {
    const { ws, input } = mlflowCall(dp, request)
    const { items, ...next } = search(store.list(ws, listOf(input, 'experiment_ids')), input)
    return { models: items.map((model) => view(dp, ws, model)), ...next }
  })
  onModel('GET', '', ({ ws }, model) => seen(ws, model))
  onModel('PATCH', '', ({ ws, input }, model) =>
    seen(ws, store.change(ws, model, { status: statusOf(input.status) })),
  )
  onModel('DELETE', '', ({ ws }, { modelId }) => {
    store.remove(ws, modelId)
    return {}
  })
  onModel('POST', '/params', ({ ws, input }, model) => {
    store.change(ws, model, { params: { ...model.params, ...mapOf(input.params, 'param') } })
    return {}
  })
  onModel('PATCH', '/tags', ({ ws, input }, model) =>
    seen(ws, store.change(ws, model, { tags: { ...model.tags, ...mapOf(input.tags, 'tag') } })),
  )
  onModel('DELETE', '/tags/:tag_key', ({ ws, input }, model) => {
    const key = required(input, 'tag_key')
    const { [key]: tag, ...tags } = model.tags
    if (tag === undefined) throw missing(`No tag with key '${key}' in model ${model.modelId}.`)
    store.change(ws, model, { tags })
    return {}
  })
  onModel('GET', '/artifacts/directories', ({ ws, workspaceId, input }, model) => {
    const folder = optional(input, 'artifact_directory_path')?.replace(/^\/+|\/+$/g, '') ?? ''
    const root = artifactsOf(model)
    const entries = artifactStore(dp.region, workspaceId).entries(
      folder === '' ? root : `${root}/${folder}`,
    )
    return {
      root_uri: artifactUri(dp, ws, model),
      files: entries.map((entry) => fileInfo(entry, folder)),
    }
  })
  scope.get('/logged-models/:model_id/artifacts/files', async (request, reply) => {
    const call = loggedModelCall(dp, request)
    const model = requireLoggedModel(dp, call.ws, required(call.input, 'model_id'))
    const path = required(call.input, 'artifact_file_path')
    const found = artifactStore(dp.region, call.workspaceId).open(`${artifactsOf(model)}/${path}`)
    if (found === undefined) throw missing(`No such artifact: '${path}'`)
    return reply
      .header('content-type', found.blob.contentType || 'application/octet-stream')
      .header('content-length', found.blob.sizeBytes)
      .header('x-content-type-options', 'nosniff')
      .send(Readable.from(found.content))
  })
}

/** The model's id, and a tag's key, come in the path. */
function loggedModelCall(dp: DataPlane, request: FastifyRequest): MlflowCall {
  const call = mlflowCall(dp, request)
  const { model_id, tag_key } = asRecord(request.params)
  const inPath = { model_id, ...(tag_key !== undefined && { tag_key }) }
  return { ...call, input: { ...call.input, ...inPath } }
}

export function requireLoggedModel(dp: DataPlane, ws: number, modelId: string): LoggedModel {
  const model = dp.loggedModels.get(ws, modelId)
  if (model) return model
  throw missing(`Logged model with ID '${modelId}' not found.`)
}

/** What `log-metric` and `log-batch` say of a model as well as of the run. */
export function logModelMetrics(
  dp: DataPlane,
  ws: number,
  runId: string,
  metrics: readonly unknown[],
): void {
  for (const metric of metrics.map(asRecord)) {
    const modelId = optional(metric, 'model_id')
    if (modelId === undefined) continue
    const model = requireLoggedModel(dp, ws, modelId)
    const { value, step, timestamp } = metric
    const named = {
      key: required(metric, 'key'),
      ...{ value: value as number | string, step: (step ?? 0) as number | string },
      ...{ timestamp: Number(timestamp), run_id: runId },
      ...definedText(metric, 'dataset_name'),
      ...definedText(metric, 'dataset_digest'),
    }
    dp.loggedModels.change(ws, model, { metrics: withMetric(model, named) })
  }
}
const definedText = (from: Document, field: string) => {
  const text = optional(from, field)
  return text === undefined ? {} : { [field]: text }
}

const artifactsOf = ({ experimentId, modelId }: LoggedModel): string =>
  `Experiments/${experimentId}/models/${modelId}/artifacts`

/** Below the place that the experiment's owner chose, if there is one. */
function artifactUri(dp: DataPlane, ws: number, model: LoggedModel): string {
  const chosen = asText(
    dp.runs.experiments.byId(ws, model.experimentId)?.doc.artifactLocation,
  )?.replace(/\/+$/, '')
  if (chosen !== undefined) return `${chosen}/models/${model.modelId}/artifacts`
  return `mlflow-artifacts:/${artifactsOf(model)}`
}

/** A logged model knows the registered versions made of it, by a tag that MLflow's clients read. */
export function noteVersion(
  dp: DataPlane,
  ws: number,
  modelId: string,
  version: { readonly name: string; readonly version: number },
): void {
  const model = requireLoggedModel(dp, ws, modelId)
  const before = JSON.parse(model.tags[versionsTag] ?? '[]') as (typeof version)[]
  // With the blanks that Python's JSON has: as MLflow writes it, so that texts compare.
  const texts = [...before, version].map(
    (one) => `{"name": ${JSON.stringify(one.name)}, "version": ${one.version}}`,
  )
  const tags = { ...model.tags, [versionsTag]: `[${texts.join(', ')}]` }
  dp.loggedModels.change(ws, model, { tags })
}
const versionsTag = 'mlflow.modelVersions'

export const loggedModelUri = (dp: DataPlane, ws: number, modelId: string): string =>
  artifactUri(dp, ws, requireLoggedModel(dp, ws, modelId))

function view(dp: DataPlane, ws: number, model: LoggedModel): Document {
  return {
    info: {
      model_id: model.modelId,
      experiment_id: model.experimentId,
      name: model.name,
      creation_timestamp_ms: model.createdMs,
      last_updated_timestamp_ms: model.modifiedMs,
      artifact_uri: artifactUri(dp, ws, model),
      status: model.status,
      ...(model.modelType !== undefined && { model_type: model.modelType }),
      ...(model.sourceRunId !== undefined && { source_run_id: model.sourceRunId }),
      tags: pairs(model.tags),
    },
    data: {
      params: pairs(model.params),
      metrics: model.metrics.map((metric) => ({ ...metric, model_id: model.modelId })),
    },
  }
}

/** By name or by its number in the protocol. */
function statusOf(status: unknown): string {
  const name = typeof status === 'number' ? statuses[status] : asText(status)?.toUpperCase()
  if (name !== undefined && statuses.includes(name)) return name
  throw invalid(`Invalid value ${JSON.stringify(status)} for parameter 'status' supplied.`)
}

function search(models: readonly LoggedModel[], input: Document) {
  const clauses = parseFilter(optional(input, 'filter') ?? '')
  const datasets = Array.isArray(input.datasets) ? input.datasets.map(asRecord) : []
  const found = models.filter(
    (model) =>
      clauses.every((clause) => satisfies(fieldOf(model, clause), clause)) &&
      (datasets.length === 0 || datasets.some((dataset) => hasMetricOf(model, dataset))),
  )
  return pageOf(inOrder(found, input.order_by), ({ modelId }) => modelId, {
    size: maxResults(input, 50, 50_000),
    token: optional(input, 'page_token'),
  })
}

const hasMetricOf = ({ metrics }: LoggedModel, { dataset_name, dataset_digest }: Document) =>
  metrics.some(
    (metric) =>
      metric.dataset_name === dataset_name &&
      (dataset_digest === undefined || metric.dataset_digest === dataset_digest),
  )

function fieldOf(model: LoggedModel, { entity, key }: Pick<Clause, 'entity' | 'key'>) {
  switch (entity) {
    case 'tag':
      return model.tags[key]
    case 'parameter':
      return model.params[key]
    case 'metric': {
      const metric = model.metrics.find((one) => one.key === key)
      return metric === undefined ? undefined : Number(metric.value)
    }
    default:
      return attributeOf(model, key)
  }
}

function attributeOf(model: LoggedModel, key: string): string | number | undefined {
  const attributes = new Map<string, string | number | undefined>([
    ['name', model.name],
    ['model_id', model.modelId],
    ['model_type', model.modelType],
    ['source_run_id', model.sourceRunId],
    ['experiment_id', model.experimentId],
    ['status', model.status.replace('LOGGED_MODEL_', '')],
    ['creation_timestamp', model.createdMs],
    ['creation_time', model.createdMs],
    ['last_updated_timestamp', model.modifiedMs],
  ])
  if (!attributes.has(key)) throw invalid(`Invalid attribute key '${key}' for logged models.`)
  return attributes.get(key)
}

/** `order_by` has objects here, `{field_name, ascending}`; models without the field come last. */
function inOrder(models: readonly LoggedModel[], orderBy: unknown): LoggedModel[] {
  const orders = (Array.isArray(orderBy) ? orderBy : []).map((one) => {
    const { field_name, ascending } = asRecord(one)
    return { ...parseIdentifier(String(field_name)), descending: ascending === false }
  })
  return models.toSorted((a, b) => {
    for (const order of orders) {
      const [left, right] = [fieldOf(a, order), fieldOf(b, order)]
      if (left === right) continue
      if (left === undefined || right === undefined) return left === undefined ? 1 : -1
      return left < right === order.descending ? 1 : -1
    }
    return 0
  })
}
