import type { FastifyInstance, FastifyRequest } from 'fastify'
import { inTransaction } from '../../store/database.ts'
import type { DataPlane } from '../data-plane.ts'
import type { ExperimentRow } from '../experiment-store.ts'
import { type Micros, microsToMs, msToMicros } from '../instant.ts'
import { type Clause, parseFilter, parseOrder, satisfies } from './filter.ts'
import {
  listOf,
  type MlflowCall,
  maxResults,
  mlflowCall,
  optional,
  pageOf,
  required,
} from './input.ts'
import { invalid, MlflowError, missing } from './mlflow-error.ts'
import { mapOf, pairs, textOf } from './run-view.ts'

/** MLflow's id of the experiment that is always there. */
const defaultId = '0'
const defaultName = 'Default'

/** Experiments of the MLflow REST API; `deleted` is what run history calls archived. */
export function mlflowExperimentRoutes(scope: FastifyInstance, dp: DataPlane): void {
  const { experiments } = dp.runs
  const find = ({ ws, input }: MlflowCall) =>
    requireExperiment(dp, ws, required(input, 'experiment_id'))
  const handle =
    (work: (call: MlflowCall) => object) =>
    async (request: FastifyRequest): Promise<object> =>
      inTransaction(dp.region.db, () => work(mlflowCall(dp, request)))

  scope.post(
    '/experiments/create',
    handle(({ ws, input }) => {
      const name = required(input, 'name')
      const existing = experiments.byName(ws, name)
      if (existing) throw nameTaken(name, existing)
      const made = experiments.ensure(ws, name)
      const artifactLocation = optional(input, 'artifact_location')
      experiments.change(made, {
        tags: mapOf(input.tags, 'tag'),
        ...(artifactLocation !== undefined && { rest: { artifactLocation } }),
      })
      return { experiment_id: made.experimentId }
    }),
  )
  scope.get(
    '/experiments/get',
    handle((call) => ({ experiment: view(find(call)) })),
  )
  scope.get(
    '/experiments/get-by-name',
    handle(({ ws, input }) => {
      const name = required(input, 'experiment_name')
      const row =
        experiments.byName(ws, name) ?? (name === defaultName && experiments.ensure(ws, name))
      if (!row) throw missing(`Could not find experiment with name '${name}'.`)
      return { experiment: view(row) }
    }),
  )
  scope.post(
    '/experiments/delete',
    handle((call) => {
      experiments.change(find(call), { archive: true })
      return {}
    }),
  )
  scope.post(
    '/experiments/restore',
    handle((call) => {
      experiments.change(find(call), { archive: false })
      return {}
    }),
  )
  scope.post(
    '/experiments/update',
    handle((call) => {
      const name = optional(call.input, 'new_name')
      if (name === undefined) return {}
      const row = find(call)
      const existing = experiments.byName(call.ws, name)
      if (existing && existing.experiment !== row.experiment) throw nameTaken(name, existing)
      experiments.change(row, { name })
      return {}
    }),
  )
  scope.post(
    '/experiments/set-experiment-tag',
    handle((call) => {
      const key = required(call.input, 'key')
      experiments.change(find(call), { tags: { [key]: textOf(call.input.value) } })
      return {}
    }),
  )
  scope.post(
    '/experiments/delete-experiment-tag',
    handle((call) => {
      experiments.change(find(call), { tags: { [required(call.input, 'key')]: null } })
      return {}
    }),
  )
  /** MLflow's default experiment is always there, so it is listed before anybody has used it. */
  const withDefault = (id: string, ws: number, rows: ExperimentRow[]): ExperimentRow[] => {
    if (rows.some(({ name }) => name === defaultName)) return rows
    const madeAt = dp.region.resources.get(id)?.systemData.createdAt ?? ''
    return [...rows, unusedDefault(ws, msToMicros(Date.parse(madeAt)))]
  }

  scope.route({
    method: ['GET', 'POST'],
    url: '/experiments/search',
    handler: handle(({ ws, workspaceId, input }) => {
      const clauses = parseFilter(optional(input, 'filter') ?? '')
      const isShown = viewFilter(input.view_type)
      const rows = withDefault(
        workspaceId,
        ws,
        experiments.list(ws, { limit: 1_000_000, newestFirst: true }),
      )
        .filter((row) => isShown(row.archived !== null))
        .filter((row) => clauses.every((clause) => matches(row, clause)))
      const sorted = inOrder(rows, listOf(input, 'order_by'))
      const { items, ...next } = pageOf(sorted, (row) => row.experimentId, {
        size: maxResults(input, 1000, 50_000),
        token: optional(input, 'page_token'),
      })
      return { experiments: items.map(view), ...next }
    }),
  })
}

const unusedDefault = (ws: number, created: Micros): ExperimentRow => ({
  ...{ experiment: 0, ws, experimentId: defaultId, name: defaultName, description: null },
  ...{ tags: {}, doc: {}, created, modified: created, archived: null },
})

/** By id; `0` means the default experiment, which comes into being when somebody asks for it. */
export function requireExperiment(dp: DataPlane, ws: number, experimentId: string): ExperimentRow {
  const { experiments } = dp.runs
  const row = experiments.byId(ws, experimentId)
  if (row) return row
  if (experimentId === defaultId) return experiments.ensure(ws, defaultName)
  throw missing(`No Experiment with id=${experimentId} exists.`)
}

/** ACTIVE_ONLY (also 1 and absent), DELETED_ONLY (2), ALL (3). */
export function viewFilter(viewType: unknown): (isDeleted: boolean) => boolean {
  switch (String(viewType ?? 'ACTIVE_ONLY').toUpperCase()) {
    case '1':
    case 'ACTIVE_ONLY':
      return (isDeleted) => !isDeleted
    case '2':
    case 'DELETED_ONLY':
      return (isDeleted) => isDeleted
    case '3':
    case 'ALL':
      return () => true
    default:
      throw invalid(`Invalid view type '${String(viewType)}'.`)
  }
}

function view(row: ExperimentRow): object {
  return {
    experiment_id: row.experimentId,
    name: row.name,
    artifact_location: `mlflow-artifacts:/Experiments/${row.experimentId}`,
    ...(row.doc.artifactLocation != null && { artifact_location: row.doc.artifactLocation }),
    lifecycle_stage: row.archived === null ? 'active' : 'deleted',
    creation_time: microsToMs(row.created),
    last_update_time: microsToMs(row.modified),
    tags: pairs(row.tags),
  }
}

function matches(row: ExperimentRow, clause: Clause): boolean {
  if (clause.entity === 'tag') return satisfies(row.tags[clause.key] ?? undefined, clause)
  return satisfies(attribute(row, clause.entity, clause.key), clause)
}

function attribute(row: ExperimentRow, entity: string, key: string): string | number {
  if (entity === 'attribute')
    switch (key.toLowerCase()) {
      case 'name':
        return row.name
      case 'experiment_id':
        return row.experimentId
      case 'creation_time':
        return microsToMs(row.created)
      case 'last_update_time':
        return microsToMs(row.modified)
    }
  throw invalid(`Invalid attribute key '${key}' for experiments.`)
}

function inOrder(rows: readonly ExperimentRow[], clauses: readonly string[]): ExperimentRow[] {
  const orders = clauses.map(parseOrder)
  return rows.toSorted((a, b) => {
    for (const { entity, key, descending } of orders) {
      const [left, right] = [attribute(a, entity, key), attribute(b, entity, key)]
      if (left !== right) return left < right === descending ? 1 : -1
    }
    return b.experiment - a.experiment
  })
}

function nameTaken(name: string, { archived }: ExperimentRow): MlflowError {
  const state = archived === null ? '' : ' in deleted state: restore it, or choose another name'
  return new MlflowError('RESOURCE_ALREADY_EXISTS', `Experiment '${name}' already exists${state}.`)
}
