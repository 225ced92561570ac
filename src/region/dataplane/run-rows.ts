import { asRecord, type Document } from '../arm/document.ts'
import type { Caller } from '../context.ts'
import { instantText, type Micros } from './instant.ts'

export const runColumns =
  'run, ws, run_id, run_uuid, experiment, number, status, hidden, parent, root, created, modified, started, ended, revision, status_revision, created_by, modified_by, doc'

export interface StoredRun {
  run: number
  ws: number
  run_id: string
  run_uuid: string
  experiment: number
  number: number
  status: string
  hidden: number
  parent: string | null
  root: string
  created: Micros
  modified: Micros
  started: Micros | null
  ended: Micros | null
  revision: number
  status_revision: number
  created_by: string
  modified_by: string
  doc: string
}

/** A run in the store: its own document beside what the service knows of it. */
export interface RunRow {
  readonly run: number
  readonly ws: number
  readonly runId: string
  readonly runUuid: string
  readonly experiment: number
  readonly number: number
  readonly status: string
  readonly hidden: boolean
  readonly parent: string | undefined
  readonly root: string
  readonly created: Micros
  readonly modified: Micros
  readonly started: Micros | undefined
  readonly ended: Micros | undefined
  readonly revision: number
  readonly statusRevision: number
  readonly createdBy: Document
  readonly modifiedBy: Document
  readonly doc: Document
}

export const toRunRow = (row: StoredRun): RunRow => ({
  run: row.run,
  ws: row.ws,
  runId: row.run_id,
  runUuid: row.run_uuid,
  experiment: row.experiment,
  number: row.number,
  status: row.status,
  hidden: row.hidden === 1,
  parent: row.parent ?? undefined,
  root: row.root,
  created: row.created,
  modified: row.modified,
  started: row.started ?? undefined,
  ended: row.ended ?? undefined,
  revision: row.revision,
  statusRevision: row.status_revision,
  createdBy: asRecord(JSON.parse(row.created_by)),
  modifiedBy: asRecord(JSON.parse(row.modified_by)),
  doc: asRecord(JSON.parse(row.doc)),
})

/** Fields that every answer has, as Azure gives them for a run that never set them. */
const empty = {
  parentRunId: null,
  startTimeUtc: null,
  endTimeUtc: null,
  displayName: null,
  description: null,
  runType: null,
  runTypeV2: null,
  target: null,
  tags: {},
  properties: {},
  parameters: {},
  inputs: {},
  outputs: {},
  inputDatasets: [],
  outputDatasets: [],
  error: null,
  warnings: null,
}

/** The run as run history shows it; `experimentId` is that of its experiment. */
export function presentRun(
  row: RunRow,
  experimentId: string,
  kin: { readonly parentUuid: string | undefined; readonly rootUuid: string | undefined },
): Document {
  return {
    ...empty,
    dataContainerId: `dcid.${row.runId}`,
    ...row.doc,
    runId: row.runId,
    runNumber: row.number,
    runUuid: row.runUuid,
    parentRunUuid: kin.parentUuid ?? null,
    rootRunId: row.root,
    rootRunUuid: kin.rootUuid ?? null,
    experimentId,
    status: row.status,
    hidden: row.hidden,
    createdUtc: instantText(row.created),
    createdBy: row.createdBy,
    userId: row.createdBy.userObjectId ?? null,
    lastModifiedUtc: instantText(row.modified),
    lastModifiedBy: row.modifiedBy,
    revision: row.revision,
    statusRevision: row.statusRevision,
    token: null,
    tokenExpiryTimeUtc: null,
  }
}

export const userOf = (caller: Caller): Document => ({
  userObjectId: caller.objectId,
  userTenantId: caller.tenantId,
  userName: caller.displayName,
})
