import type { Conflict } from '../api/conflict-contract.ts'
import type { LedgerRow } from '../api/contract.ts'
import { canonicalObject, canonicalRun } from '../model/canonical.ts'
import { isObject } from '../model/field-path.ts'
import type { Json, JsonObject } from '../model/json.ts'
import { type ObjectId, parseObjectId } from '../model/object-id.ts'
import { relocateObject } from '../model/relocate.ts'
import { fixedFields } from '../workspace/asset-payload.ts'
import type { BlobInfo, Experiment, Run, Workspace } from '../workspace/workspace.ts'
import { fieldChanges } from './field-changes.ts'
import { desiredForm } from './object-forms.ts'
import { at, pagesOf } from './paging.ts'
import type { ReplicationContext } from './pass.ts'
import { beginPass, forEach, type Pass, reading } from './pass-state.ts'
import { verdictOn } from './resolve-conflict.ts'

/** One side of a conflict in the form in which the two are compared. */
interface SideView {
  readonly document: JsonObject
  readonly by: string | null
  readonly at: string | null
}

/** Of rows that `holdfast conflicts` lists: those in conflict, decided to stay so or not. */
export const conflictStates = ['conflict', 'apart'] as const

/** Rows in conflict as operators want them: what differs, and who changed each side last. */
export async function listConflicts(
  context: ReplicationContext,
  rows: readonly LedgerRow[],
): Promise<Conflict[]> {
  if (rows.length === 0) return []
  const pass = await beginPass(context, 'plan')
  return forEach(pass, rows, (row) => viewOf(pass, row))
}

async function viewOf(pass: Pass, row: LedgerRow): Promise<Conflict> {
  const id = parseObjectId(row.object)
  const [source, target] = await sidesOf(pass, id)
  const changes = source && target ? fieldChanges(target.document, source.document) : null
  const { name: from } = pass.context.source
  const { name: to } = pass.context.target
  const author = (side: SideView | undefined) => ({ by: side?.by ?? null, at: side?.at ?? null })
  return {
    object: row.object,
    kind: row.kind,
    code: row.error?.code ?? '',
    reason: row.error?.message ?? '',
    source: { member: from, ...author(source) },
    target: { member: to, ...author(target) },
    changes,
    fixed: fixedFields(id.kind, changes ?? []),
    decision: decisionOn(pass, id, row),
    isApart: row.state === 'apart',
  }
}

function decisionOn(pass: Pass, id: ObjectId, row: LedgerRow): Conflict['decision'] {
  const verdict = verdictOn(pass, id, row)
  return verdict === undefined ? null : { keep: verdict.keep, at: verdict.decided?.at ?? null }
}

type Pair = readonly [SideView | undefined, SideView | undefined]

async function sidesOf(pass: Pass, id: ObjectId): Promise<Pair> {
  const { source, target } = pass.context
  const both = <T>(
    read: (workspace: Workspace) => Promise<T | undefined>,
    view: (found: T, isSource: boolean) => SideView,
  ): Promise<Pair> =>
    Promise.all([
      read(source).then((found) => found && view(found, true)),
      read(target).then((found) => found && view(found, false)),
    ])
  const [store = '', ...rest] = id.path
  switch (id.kind) {
    case 'blob':
      return both((one) => one.getBlob(store, rest.join('/'), reading(pass)), blobView)
    case 'experiment':
      return both((one) => findExperiment(pass, one, store), experimentView)
    case 'run':
      return both(
        (one) => one.getRun(store, reading(pass)),
        (run, isSource) => runView(pass, id, run, isSource),
      )
    default:
      return both(
        (one) => one.getObject(id, reading(pass)),
        (found, isSource) => ({
          document: canonicalObject(id, isSource ? desiredForm(pass, found).body : found.body),
          ...changedBy(found.body.systemData),
        }),
      )
  }
}

function blobView({
  sizeBytes,
  contentType,
  contentMd5,
  metadata,
  modifiedAt,
}: BlobInfo): SideView {
  const document = {
    ...{ sizeBytes, metadata },
    ...(contentType === undefined ? {} : { contentType }),
    ...(contentMd5 === undefined ? {} : { contentMd5 }),
  }
  return { document, by: null, at: modifiedAt }
}

function experimentView({ archived, tags, description = '' }: Experiment): SideView {
  return { document: { archived, tags, description }, by: null, at: null }
}

function runView(pass: Pass, id: ObjectId, run: Run, isSource: boolean): SideView {
  const body = isSource ? relocateObject(id, run.body, pass.from, pass.to, pass.map).body : run.body
  const { lastModifiedBy, createdBy } = run.body
  const by = nameIn(lastModifiedBy) ?? nameIn(createdBy)
  return { document: canonicalRun({ ...run, body }), by, at: run.modifiedAt }
}

function nameIn(user: Json | undefined): string | null {
  if (!isObject(user)) return null
  return textOf(user.userName) ?? textOf(user.upn) ?? textOf(user.userObjectId)
}

function changedBy(system: Json | undefined): Omit<SideView, 'document'> {
  if (!isObject(system)) return { by: null, at: null }
  return {
    by: textOf(system.lastModifiedBy) ?? textOf(system.createdBy),
    at: textOf(system.lastModifiedAt) ?? textOf(system.createdAt),
  }
}

function textOf(value: Json | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

async function findExperiment(
  pass: Pass,
  workspace: Workspace,
  name: string,
): Promise<Experiment | undefined> {
  for await (const page of pagesOf((cursor) =>
    workspace.listExperiments({ ...reading(pass), ...at(cursor) }),
  )) {
    const found = page.find((one) => one.name === name)
    if (found !== undefined) return found
  }
  return undefined
}
