import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Document } from '../../arm/document.ts'
import { inTransaction } from '../../store/database.ts'
import type { DataPlane } from '../data-plane.ts'
import { type Clause, type Order, parseFilter, parseOrder, satisfies } from './filter.ts'
import { listOf, maxResults, mlflowCall, optional, pageOf, required } from './input.ts'
import { invalid } from './mlflow-error.ts'
import { type ModelRegistry, modelRegistry } from './model-registry.ts'
import { mapOf, textOf } from './run-view.ts'

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

/** The model registry of the MLflow REST API. */
export function mlflowRegistryRoutes(scope: FastifyInstance, dp: DataPlane): void {
  const on = (
    method: Method | Method[],
    url: string,
    work: (registry: ModelRegistry, input: Document) => object | undefined,
  ) =>
    scope.route({
      method,
      url,
      handler: async (request: FastifyRequest) =>
        inTransaction(dp.region.db, () => {
          const { workspaceId, ws, input, caller } = mlflowCall(dp, request)
          return work(modelRegistry(dp, workspaceId, ws, caller), input) ?? {}
        }),
    })
  const name = (input: Document) => required(input, 'name')
  const version = (input: Document) => {
    const number = required(input, 'version')
    if (/^\d+$/.test(number)) return number
    throw invalid(`Parameter 'version' must be an integer, got '${number}'.`)
  }

  on('POST', '/registered-models/create', (registry, input) => {
    const tags = mapOf(input.tags, 'tag')
    const made = registry.create(name(input), optional(input, 'description'), tags)
    return { registered_model: registry.viewModel(made) }
  })
  on('GET', '/registered-models/get', (registry, input) => ({
    registered_model: registry.viewModel(registry.model(name(input))),
  }))
  on(['PATCH', 'POST'], '/registered-models/update', (registry, input) => {
    const description = textOf(input.description)
    const changed = registry.change(registry.model(name(input)), { description })
    return { registered_model: registry.viewModel(changed) }
  })
  on('POST', '/registered-models/rename', (registry, input) => {
    const renamed = registry.rename(name(input), required(input, 'new_name'))
    return { registered_model: registry.viewModel(renamed) }
  })
  on('DELETE', '/registered-models/delete', (registry, input) => {
    registry.remove(name(input))
    return undefined
  })
  on('GET', '/registered-models/search', (registry, input) => {
    const { items, ...next } = search(registry.models().map(registry.viewModel), input, byName)
    return { registered_models: items, ...next }
  })
  on(['GET', 'POST'], '/registered-models/get-latest-versions', (registry, input) => ({
    model_versions: registry.latest(name(input), listOf(input, 'stages')).map(registry.viewVersion),
  }))
  on('POST', '/registered-models/set-tag', (registry, input) => {
    const tag = { [required(input, 'key')]: textOf(input.value) }
    registry.changeTags(registry.model(name(input)), tag)
    return undefined
  })
  on('DELETE', '/registered-models/delete-tag', (registry, input) => {
    const tag = { [required(input, 'key')]: undefined }
    registry.changeTags(registry.model(name(input)), tag)
    return undefined
  })
  on('POST', '/registered-models/alias', (registry, input) => {
    registry.setAlias(name(input), required(input, 'alias'), version(input))
    return undefined
  })
  on('DELETE', '/registered-models/alias', (registry, input) => {
    registry.setAlias(name(input), required(input, 'alias'), undefined)
    return undefined
  })
  on('GET', '/registered-models/alias', (registry, input) => ({
    model_version: registry.viewVersion(registry.byAlias(name(input), required(input, 'alias'))),
  }))

  on('POST', '/model-versions/create', (registry, input) => {
    const made = registry.createVersion(name(input), {
      source: required(input, 'source'),
      modelId: optional(input, 'model_id'),
      runId: optional(input, 'run_id'),
      runLink: optional(input, 'run_link'),
      description: optional(input, 'description'),
      tags: mapOf(input.tags, 'tag'),
    })
    return { model_version: registry.viewVersion(made) }
  })
  on('GET', '/model-versions/get', (registry, input) => ({
    model_version: registry.viewVersion(registry.version(name(input), version(input))),
  }))
  on(['PATCH', 'POST'], '/model-versions/update', (registry, input) => {
    const description = textOf(input.description)
    const one = registry.version(name(input), version(input))
    return { model_version: registry.viewVersion(registry.change(one, { description })) }
  })
  on('DELETE', '/model-versions/delete', (registry, input) => {
    registry.removeVersion(name(input), version(input))
    return undefined
  })
  on('GET', '/model-versions/search', (registry, input) => {
    const { items, ...next } = search(
      registry.versions().map(registry.viewVersion),
      input,
      newestFirst,
    )
    return { model_versions: items, ...next }
  })
  on('GET', '/model-versions/get-download-uri', (registry, input) => ({
    artifact_uri: registry.downloadUri(name(input), version(input)),
  }))
  on('POST', '/model-versions/transition-stage', (registry, input) => {
    const archiveOthers = String(input.archive_existing_versions) === 'true'
    const stage = required(input, 'stage')
    const moved = registry.transition(name(input), version(input), stage, archiveOthers)
    return { model_version: registry.viewVersion(moved) }
  })
  on('POST', '/model-versions/set-tag', (registry, input) => {
    const tag = { [required(input, 'key')]: textOf(input.value) }
    registry.changeTags(registry.version(name(input), version(input)), tag)
    return undefined
  })
  on('DELETE', '/model-versions/delete-tag', (registry, input) => {
    const tag = { [required(input, 'key')]: undefined }
    registry.changeTags(registry.version(name(input), version(input)), tag)
    return undefined
  })
}

/** Attributes by the names filters and orders use. */
const aliasesOfAttributes: Readonly<Record<string, string>> = {
  version_number: 'version',
  source_path: 'source',
  timestamp: 'last_updated_timestamp',
}
/** Prompts are models with this tag; searches leave them out unless they ask for it. */
const promptKey = 'mlflow.prompt.is_prompt'
const noPrompt: Clause = { entity: 'tag', key: promptKey, comparator: '!=', value: 'true' }
const searchable = new Set([
  'name',
  'version',
  'run_id',
  'source',
  'current_stage',
  'creation_timestamp',
  'last_updated_timestamp',
])

interface Listing {
  /** The order when none is asked for. */
  readonly usual: readonly Order[]
  readonly largest: number
}
const order = (key: string, descending: boolean): Order => ({
  entity: 'attribute',
  ...{ key, descending },
})
/** What decides between equals. */
const byPlace = [order('name', false), order('version', true)]
const byName: Listing = { usual: byPlace, largest: 100 }
const newestFirst: Listing = {
  usual: [order('last_updated_timestamp', true), ...byPlace],
  largest: 10_000,
}

function search(views: readonly Document[], input: Document, { usual, largest }: Listing) {
  const asked = parseFilter(optional(input, 'filter') ?? '')
  const clauses = asked.some(({ key }) => key === promptKey) ? asked : [...asked, noPrompt]
  const found = views.filter((view) =>
    clauses.every((clause) => satisfies(fieldOf(view, clause), clause)),
  )
  const orders = listOf(input, 'order_by').map(parseOrder)
  return pageOf(inOrder(found, orders.length === 0 ? usual : [...orders, ...byPlace]), keyOf, {
    size: maxResults(input, 100, Math.max(largest, 1000)),
    token: optional(input, 'page_token'),
  })
}

function fieldOf(view: Document, { entity, key }: Pick<Clause, 'entity' | 'key'>) {
  if (entity === 'tag') {
    const tags = view.tags as Array<{ key: string; value: string }>
    return tags.find((tag) => tag.key === key)?.value ?? (key === promptKey ? 'false' : undefined)
  }
  const field = aliasesOfAttributes[key] ?? key
  if (entity !== 'attribute' || !searchable.has(field))
    throw invalid(`Invalid attribute key '${key}' for models.`)
  const value = view[field]
  if (field === 'version') return Number(value)
  return typeof value === 'string' || typeof value === 'number' ? value : undefined
}

const keyOf = (view: Document) => JSON.stringify([view.name, view.version])

function inOrder(views: readonly Document[], orders: readonly Order[]): Document[] {
  const compare = (
    a: Document,
    b: Document,
    order: Pick<Order, 'entity' | 'key' | 'descending'>,
  ) => {
    const [left = '', right = ''] = [fieldOf(a, order), fieldOf(b, order)]
    if (left === right) return 0
    return left < right === order.descending ? 1 : -1
  }
  return views.toSorted((a, b) => {
    for (const order of orders) {
      const result = compare(a, b, order)
      if (result !== 0) return result
    }
    return 0
  })
}
