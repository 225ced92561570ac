import { randomUUID } from 'node:crypto'
import type Database from 'libsql'
import { asRecord, type Document } from '../../arm/document.ts'

/** A model that a run logged (MLflow 3): an object of its own, before and apart from any registry. */
export interface LoggedModel {
  readonly modelId: string
  readonly experimentId: string
  readonly createdMs: number
  readonly modifiedMs: number
  readonly status: string
  readonly name: string
  readonly modelType: string | undefined
  readonly sourceRunId: string | undefined
  readonly tags: Readonly<Record<string, string>>
  readonly params: Readonly<Record<string, string>>
  readonly metrics: readonly LoggedModelMetric[]
}
export interface LoggedModelMetric {
  readonly key: string
  readonly value: number | string
  readonly timestamp: number
  readonly step: number | string
  readonly run_id: string
  readonly dataset_name?: string
  readonly dataset_digest?: string
}

export interface LoggedModelStore {
  get(ws: number, modelId: string): LoggedModel | undefined
  /** Of these experiments, the newest first. */
  list(ws: number, experimentIds: readonly string[]): LoggedModel[]
  create(ws: number, model: Omit<LoggedModel, 'modelId' | 'createdMs' | 'modifiedMs'>): LoggedModel
  change(ws: number, model: LoggedModel, change: Partial<LoggedModel>): LoggedModel
  remove(ws: number, modelId: string): void
}

export function openLoggedModels(options: {
  readonly db: Database.Database
  readonly clock: () => Date
}): LoggedModelStore {
  const { db } = options
  const find = db.prepare('SELECT doc FROM dp_logged_models WHERE ws = ? AND model_id = ?')
  const ofExperiments = db.prepare(
    `SELECT doc FROM dp_logged_models
     WHERE ws = ? AND experiment_id IN (SELECT value FROM json_each(?)) ORDER BY model DESC`,
  )
  const insert = db.prepare(
    'INSERT INTO dp_logged_models (ws, experiment_id, model_id, doc) VALUES (?, ?, ?, ?)',
  )
  const update = db.prepare('UPDATE dp_logged_models SET doc = ? WHERE ws = ? AND model_id = ?')
  const drop = db.prepare('DELETE FROM dp_logged_models WHERE ws = ? AND model_id = ?')
  const now = () => options.clock().getTime()

  return {
    get: (ws, modelId) => read(find.get(ws, modelId)),
    list: (ws, experimentIds) =>
      ofExperiments.all(ws, JSON.stringify(experimentIds)).flatMap((row) => read(row) ?? []),
    create(ws, model) {
      const modelId = `m-${randomUUID().replaceAll('-', '')}`
      const made = { ...model, modelId, createdMs: now(), modifiedMs: now() }
      insert.run(ws, model.experimentId, modelId, JSON.stringify(made))
      return made
    },
    change(ws, model, change) {
      const changed = { ...model, ...change, modifiedMs: now() }
      update.run(JSON.stringify(changed), ws, model.modelId)
      return changed
    },
    remove(ws, modelId) {
      drop.run(ws, modelId)
    },
  }
}

const read = (row: unknown): LoggedModel | undefined =>
  row === undefined ? undefined : (JSON.parse(String((row as Document).doc)) as LoggedModel)

/** The latest value of each metric stands for it, as in a run; values of other datasets are others. */
export function withMetric(model: LoggedModel, metric: LoggedModelMetric): LoggedModelMetric[] {
  const isSame = (one: LoggedModelMetric) =>
    ['key', 'run_id', 'dataset_name', 'dataset_digest'].every(
      (field) => asRecord(one)[field] === asRecord(metric)[field],
    )
  const known = model.metrics.find(isSame)
  if (known && Number(known.step) > Number(metric.step)) return [...model.metrics]
  return [...model.metrics.filter((one) => one !== known), metric]
}
