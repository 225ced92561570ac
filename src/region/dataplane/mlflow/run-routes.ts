import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { asRecord, asText, type Document } from '../../arm/document.ts'
import { inTransaction } from '../../store/database.ts'
import type { DataPlane } from '../data-plane.ts'
import { instantText, msToMicros } from '../instant.ts'
import type { RunRow } from '../run-rows.ts'
import { requireExperiment, viewFilter } from './experiment-routes.ts'
import {
  listOf,
  type MlflowCall,
  maxResults,
  mlflowCall,
  optional,
  required,
  textValue,
  wholeNumber,
} from './input.ts'
import { checkParams, readBatch, readScalar } from './log-batch.ts'
import { logModelMetrics } from './logged-model-routes.ts'
import { invalid, missing } from './mlflow-error.ts'
import { runConditions, runOrder } from './run-search.ts'
import {
  type ArtifactAddress,
  mapOf,
  runInfo,
  runView,
  tagFields,
  toHistoryStatus,
} from './run-view.ts'

/** Runs of the MLflow REST API: the same runs, metrics and parameters that run history has. */
export function mlflowRunRoutes(
  scope: FastifyInstance,
  dp: DataPlane,
  artifactsOf: (workspaceId: string) => ArtifactAddress,
): void {
  const { runs, metrics } = dp
  const experimentOf = (row: RunRow) => runs.experiments.byNumber(row.experiment)
  const views = ({ workspaceId }: MlflowCall, rows: readonly RunRow[]) => {
    const latest = metrics.latestOf(rows.map(({ run }) => run))
    const { idOf } = runs.experiments
    const address = artifactsOf(workspaceId)
    return rows.map((row) => runView(row, idOf(row.experiment), latest.get(row.run) ?? [], address))
  }
  const view = (call: MlflowCall, row: RunRow) => views(call, [row])[0]
  const find = ({ ws, input }: MlflowCall): RunRow => requireRun(dp, ws, input)
  const active = (call: MlflowCall): RunRow => {
    const row = find(call)
    if (!row.hidden) return row
    throw invalid(`The run ${row.runId} must be in the 'active' state. Current state is deleted.`)
  }
  const write = (row: RunRow, call: MlflowCall, run: Document) =>
    runs.write(experimentOf(row), row.runId, run, call.caller)
  /** One call, one transaction: all of it is stored or nothing. */
  const handle =
    (work: (call: MlflowCall) => object) =>
    async (request: FastifyRequest): Promise<object> =>
      inTransaction(dp.region.db, () => work(mlflowCall(dp, request)))
  const read =
    (work: (call: MlflowCall) => object) =>
    async (request: FastifyRequest): Promise<object> =>
      work(mlflowCall(dp, request))
  const change = (url: string, work: (call: MlflowCall) => void) =>
    scope.post(
      url,
      handle((call) => {
        work(call)
        return {}
      }),
    )

  scope.post(
    '/runs/create',
    handle((call) => {
      const { input } = call
      const experiment = requireExperiment(dp, call.ws, required(input, 'experiment_id'))
      if (experiment.archived !== null)
        throw invalid(`The experiment ${experiment.experimentId} must be in the 'active' state.`)
      const runId = randomUUID()
      const given = mapOf(input.tags, 'tag')
      const name =
        optional(input, 'run_name') ?? given['mlflow.runName'] ?? `run_${runId.slice(0, 8)}`
      const user = optional(input, 'user_id')
      const tags = {
        ...(user !== undefined && { 'mlflow.user': user }),
        ...given,
        'mlflow.runName': name,
      }
      const startMs = wholeNumber(input, 'start_time') ?? dp.region.clock().getTime()
      const run = {
        status: 'Running',
        startTimeUtc: instantText(msToMicros(startMs)),
        tags,
        ...tagFields(tags),
      }
      return { run: view(call, runs.write(experiment, runId, run, call.caller)) }
    }),
  )
  scope.get(
    '/runs/get',
    read((call) => ({ run: view(call, find(call)) })),
  )
  scope.post(
    '/runs/update',
    handle((call) => {
      const { input } = call
      const row = active(call)
      const name = optional(input, 'run_name')
      const endMs = wholeNumber(input, 'end_time')
      const updated = write(row, call, {
        ...(input.status != null && { status: toHistoryStatus(input.status) }),
        ...(endMs !== undefined && { endTimeUtc: instantText(msToMicros(endMs)) }),
        ...(name !== undefined && { displayName: name, tags: { 'mlflow.runName': name } }),
      })
      return {
        run_info: runInfo(
          updated,
          experimentOf(updated).experimentId,
          artifactsOf(call.workspaceId),
        ),
      }
    }),
  )
  change('/runs/delete', (call) => {
    write(find(call), call, { hidden: true })
  })
  change('/runs/restore', (call) => {
    write(find(call), call, { hidden: false })
  })

  scope.post(
    '/runs/search',
    read((call) => {
      const { ws, input } = call
      const numbers = new Set(
        listOf(input, 'experiment_ids').map((id) => requireExperiment(dp, ws, id).experiment),
      )
      const isShown = viewFilter(input.run_view_type)
      const shown = [0, 1].filter((hidden) => isShown(hidden === 1))
      const where = [
        ...inExperiments([...numbers]).where,
        { sql: `hidden IN (${shown.join(', ')})`, params: [] },
        ...runConditions(optional(input, 'filter') ?? ''),
      ]
      const page = runs.query({
        where,
        among: inExperiments([...numbers]).among,
        order: runOrder(listOf(input, 'order_by')),
        limit: maxResults(input, 1000, 50_000),
        token: optional(input, 'page_token'),
      })
      return {
        runs: views(call, page.rows),
        ...(page.token !== undefined && { next_page_token: page.token }),
      }
    }),
  )

  change('/runs/log-metric', (call) => {
    const scalars = [readScalar(call.input)]
    const row = active(call)
    metrics.logScalars(row, scalars, call.caller)
    logModelMetrics(dp, call.ws, row.runId, [call.input])
  })
  change('/runs/log-parameter', (call) => {
    const row = active(call)
    const parameters = { [required(call.input, 'key')]: textValue(call.input) }
    checkParams(row, parameters)
    write(row, call, { parameters })
  })
  change('/runs/log-batch', (call) => {
    const row = active(call)
    const batch = readBatch(call.input)
    checkParams(row, batch.parameters)
    const { tags, parameters } = batch
    const written = write(row, call, { tags, parameters, ...tagFields(tags) })
    metrics.logScalars(written, batch.metrics, call.caller)
    logModelMetrics(dp, call.ws, row.runId, asList(call.input.metrics))
  })
  change('/runs/set-tag', (call) => {
    const tags = { [required(call.input, 'key')]: textValue(call.input) }
    write(active(call), call, { tags, ...tagFields(tags) })
  })
  change('/runs/delete-tag', (call) => {
    const row = active(call)
    const key = required(call.input, 'key')
    const { [key]: tag, ...tags } = asRecord(row.doc.tags)
    if (tag === undefined) throw missing(`No tag with name: ${key} in run with id ${row.runId}`)
    runs.touch(row, call.caller, { ...row.doc, tags })
  })
  change('/runs/log-inputs', (call) => {
    const row = active(call)
    const before = asRecord(row.doc.mlflowInputs)
    const joined = (field: string, also: string) => [
      ...asList(before[field]),
      ...asList(call.input[also]),
    ]
    const mlflowInputs = {
      dataset_inputs: joined('dataset_inputs', 'datasets'),
      model_inputs: joined('model_inputs', 'models'),
    }
    runs.touch(row, call.caller, { ...row.doc, mlflowInputs })
  })
  change('/runs/outputs', (call) => {
    const row = active(call)
    const before = asList(asRecord(row.doc.mlflowOutputs).model_outputs)
    const model_outputs = [...before, ...asList(call.input.models)]
    runs.touch(row, call.caller, { ...row.doc, mlflowOutputs: { model_outputs } })
  })
  change('/runs/log-model', (call) => {
    const row = active(call)
    const key = 'mlflow.log-model.history'
    const history = asText(asRecord(row.doc.tags)[key]) ?? '[]'
    const models = [...asList(JSON.parse(history)), parsedModel(required(call.input, 'model_json'))]
    write(row, call, { tags: { [key]: JSON.stringify(models) } })
  })
}

/** Each experiment has its place in an index; so many that this no longer pays are filtered. */
function inExperiments(numbers: readonly number[]) {
  const isFew = numbers.length > 0 && numbers.length <= 100
  return {
    among: isFew ? numbers.map((number) => ({ sql: 'experiment = ?', params: [number] })) : [],
    where: isFew
      ? []
      : [{ sql: `experiment IN (${numbers.map(() => '?')})`, params: [...numbers] }],
  }
}

export function requireRun(dp: DataPlane, ws: number, input: Document): RunRow {
  const runId = required(input, 'run_id', 'run_uuid')
  const row = dp.runs.row(ws, runId)
  if (row) return row
  throw missing(`Run with id=${runId} not found`)
}

const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

function parsedModel(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw invalid('Malformed model info: it is not JSON.')
  }
}
