import { asRecord, asText, type Document, isRecord } from '../../arm/document.ts'
import { artifactRoot } from '../artifact-store.ts'
import { microsToMs } from '../instant.ts'
import type { LatestScalar } from '../metric-store.ts'
import { type Step, stepToWire, toWire } from '../metric-values.ts'
import type { RunRow } from '../run-rows.ts'
import { invalid } from './mlflow-error.ts'

/** Statuses of run history by the one MLflow has for them (facts, section 3). */
const statuses = {
  SCHEDULED: [
    'NotStarted',
    'Queued',
    'Preparing',
    'Provisioning',
    'Starting',
    'Unapproved',
    'Scheduled',
  ],
  RUNNING: ['Running', 'Finalizing', 'CancelRequested', 'Pausing', 'Paused'],
  FINISHED: ['Completed', 'Finished'],
  FAILED: ['Failed', 'NotResponding'],
  KILLED: ['Canceled'],
} as const
type MlflowStatus = keyof typeof statuses
const byHistory = new Map<string, MlflowStatus>(
  (Object.keys(statuses) as MlflowStatus[]).flatMap((status) =>
    statuses[status].map((name) => [name, status] as const),
  ),
)
/** Run history's statuses behind one of MLflow's. */
export const historyStatuses = (status: string): string[] => [
  ...(statuses[status.toUpperCase() as MlflowStatus] ?? []),
]
/** MLflow's clients send a status by name or by its number in the protocol. */
const byNumber = ['', 'RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED'] as const
export function toHistoryStatus(status: unknown): string {
  const name = typeof status === 'number' ? byNumber[status] : asText(status)?.toUpperCase()
  const [first] = historyStatuses(name ?? '')
  if (first === undefined) throw invalid(`Invalid run status '${String(status)}'.`)
  return first
}

/** Two tags stand for fields of run history; both are kept, so that either client sees its own. */
export function tagFields(tags: Document): Document {
  return {
    ...(asText(tags['mlflow.runName']) && { displayName: tags['mlflow.runName'] }),
    ...(asText(tags['mlflow.parentRunId']) && { parentRunId: tags['mlflow.parentRunId'] }),
  }
}

export const pairs = (map: unknown) =>
  Object.entries(asRecord(map)).map(([key, value]) => ({ key, value: asText(value) ?? '' }))

/** `[{key, value}]` of MLflow as a map; the later of two equal keys wins. */
export function mapOf(list: unknown, what: string): Record<string, string> {
  if (list === undefined || list === null) return {}
  if (!Array.isArray(list)) throw invalid(`The ${what}s must be a list.`)
  return Object.fromEntries(
    list.map((pair) => {
      const key = isRecord(pair) ? asText(pair.key) : undefined
      if (key === undefined || key === '') throw invalid(`A ${what} needs a key.`)
      return [key, textOf(asRecord(pair).value)]
    }),
  )
}
export const textOf = (value: unknown): string =>
  value === undefined || value === null ? '' : String(value)

export function runInfo(row: RunRow, experimentId: string, artifactsOf: ArtifactAddress): Document {
  const tags = asRecord(row.doc.tags)
  return {
    run_id: row.runId,
    run_uuid: row.runId,
    run_name: asText(row.doc.displayName) ?? '',
    experiment_id: experimentId,
    user_id: asText(tags['mlflow.user']) ?? asText(row.createdBy.userName) ?? '',
    status: byHistory.get(row.status) ?? 'RUNNING',
    start_time: microsToMs(row.started ?? row.created),
    ...(row.ended !== undefined && { end_time: microsToMs(row.ended) }),
    artifact_uri: artifactsOf(row, experimentId),
    lifecycle_stage: row.hidden ? 'deleted' : 'active',
  }
}

/** Says under which address a client opens the artifacts of a run. */
export type ArtifactAddress = (row: RunRow, experimentId: string) => string

/** A plain MLflow client goes through the artifact proxy of the address that it tracks to. */
export const proxiedArtifacts: ArtifactAddress = (row) => `mlflow-artifacts:/${artifactRoot(row)}`

/** Azure's plugin goes through run history: this is the address that Azure gives it. */
export const historyArtifacts =
  (origin: string, workspaceId: string): ArtifactAddress =>
  (row, experimentId) =>
    `azureml://${new URL(origin).host}/mlflow/v2.0${workspaceId}/experiments/${experimentId}/runs/${row.runId}/artifacts`

export function runView(
  row: RunRow,
  experimentId: string,
  latest: readonly LatestScalar[],
  artifactsOf: ArtifactAddress,
): Document {
  const displayName = asText(row.doc.displayName)
  const tags = {
    ...asRecord(row.doc.tags),
    ...(displayName !== undefined && { 'mlflow.runName': displayName }),
    ...(row.parent !== undefined && { 'mlflow.parentRunId': row.parent }),
  }
  return {
    info: runInfo(row, experimentId, artifactsOf),
    data: {
      metrics: latest.map(({ name, last }) => metricView(name, last)),
      params: pairs(row.doc.parameters),
      tags: pairs(tags),
    },
    inputs: asRecord(row.doc.mlflowInputs),
    ...(isRecord(row.doc.mlflowOutputs) && { outputs: row.doc.mlflowOutputs }),
  }
}

export const metricView = (
  key: string,
  point: { readonly value: number; readonly createdMs: number; readonly step: Step | undefined },
): Document => ({
  key,
  value: toWire(point.value),
  timestamp: point.createdMs,
  step: stepToWire(point.step ?? 0),
})
