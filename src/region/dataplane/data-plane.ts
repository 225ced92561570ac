import type { FastifyRequest } from 'fastify'
import { asRecord, asText, type Document } from '../arm/document.ts'
import { AzureError, type RegionContext } from '../context.ts'
import type { MetricTables } from './metric-store.ts'
import type { LoggedModelStore } from './mlflow/logged-model-store.ts'
import type { RunRow } from './run-rows.ts'
import type { RunTables } from './run-store.ts'

/** What the routes of the data plane share. */
export interface DataPlane {
  readonly region: RegionContext
  readonly runs: RunTables
  readonly metrics: MetricTables
  readonly loggedModels: LoggedModelStore
}

/** The path of a workspace, as every service of the data plane has it after its own prefix. */
export const workspacePath =
  '/subscriptions/:subscription/resourceGroups/:group/providers/Microsoft.MachineLearningServices/workspaces/:workspace'

export interface Asked {
  /** Canonical ARM id. */
  readonly workspaceId: string
  /** The workspace's number in the tables. */
  readonly ws: number
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly body: Document
}

/** What a request asks, of a workspace that exists; 404 when it does not. */
export function asked({ region, runs }: DataPlane, request: FastifyRequest): Asked {
  const params = request.params as Record<string, string>
  const id = `/subscriptions/${params.subscription}/resourceGroups/${params.group}/providers/Microsoft.MachineLearningServices/workspaces/${params.workspace}`
  const workspace = region.resources.get(id)
  if (!workspace)
    throw new AzureError(404, 'ResourceNotFound', `The workspace '${id}' was not found.`)
  const query = Object.fromEntries(
    Object.entries(asRecord(request.query)).map(([key, value]) => [
      key,
      asText(Array.isArray(value) ? value[0] : value) ?? '',
    ]),
  )
  return {
    workspaceId: workspace.id,
    ws: runs.clock.numberOf(workspace.id),
    params,
    query,
    body: asRecord(request.body),
  }
}

export function requireRun(runs: RunTables, ws: number, runId: string | undefined): RunRow {
  const row = runId === undefined ? undefined : runs.row(ws, runId)
  if (row) return row
  throw new AzureError(404, 'UserError', `The run '${runId ?? ''}' was not found.`)
}

/** A page size a caller wishes for, at most `largest`. */
export function pageSize(wish: unknown, usual: number, largest: number): number {
  if (wish === undefined || wish === null || wish === '') return usual
  const size = Number(wish)
  if (!Number.isInteger(size) || size < 1)
    throw new AzureError(400, 'ValidationError', `'${String(wish)}' is not a page size.`)
  return Math.min(size, largest)
}
