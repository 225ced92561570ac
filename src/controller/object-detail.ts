import type { FieldComparison, ObjectDetail } from '../api/detail-contract.ts'
import type { JsonObject } from '../model/json.ts'
import { formatObjectId, type ObjectId, parseObjectId } from '../model/object-id.ts'
import { strategyOf } from '../plan/strategy-of.ts'
import { compareSides } from '../replication/compare-sides.ts'
import { fieldChanges } from '../replication/field-changes.ts'
import type { LedgerEntry } from '../replication/ledger.ts'
import type { CallOptions, Workspace } from '../workspace/workspace.ts'
import type { ProtectedGroup } from './protected-group.ts'
import { moveBetween, type Reading, readBoth, sideOf, verdictOf } from './read-sides.ts'

interface Found {
  readonly body: JsonObject
  readonly modifiedAt?: string | undefined
}

/** Reads one object at both sides now and tells every field that is not literally the same. */
export async function objectDetail(group: ProtectedGroup, text: string): Promise<ObjectDetail> {
  const id = parseObjectId(text)
  const object = formatObjectId(id)
  const { course, source, target } = await readBoth(group, (workspace, signal) =>
    find(workspace, id, { signal }),
  )
  const row = (await group.records.ledger.read(course.direction, [object])).get(object)
  const strategy = strategyOf(group.plan, id)
  const fields = await compared(source, target, async (from, to) =>
    isDocument(id)
      ? compareSides(id, from.body, to.body, { ...(await moveBetween(group, course)), strategy })
      : differences(from.body, to.body),
  )
  const [left, right] = [source, target].map((each) => sideOf(each, (one) => one.modifiedAt))
  if (left === undefined || right === undefined) throw new Error('a group has two sides')
  return {
    ...{ object, kind: id.kind, strategy, row: row === undefined ? null : shown(row) },
    ...{ source: left, target: right, fields },
    verdict: verdictOf(left, right, () => fields.every(({ mark }) => mark !== 'different')),
    readAt: group.clock().toISOString(),
  }
}

async function compared(
  { value: from }: Reading<Found>,
  { value: to }: Reading<Found>,
  compare: (from: Found, to: Found) => Promise<FieldComparison[]>,
): Promise<FieldComparison[]> {
  return from === undefined || to === undefined ? [] : compare(from, to)
}

/** Blobs and experiments have no document and no reference in it. */
function isDocument({ kind }: ObjectId): boolean {
  return kind !== 'blob' && kind !== 'experiment' && kind !== 'run'
}

function differences(from: JsonObject, to: JsonObject): FieldComparison[] {
  return fieldChanges(from, to).map(({ path, from: source, to: target }) => ({
    ...{ path, mark: 'different' as const },
    ...(source === undefined ? {} : { source }),
    ...(target === undefined ? {} : { target }),
  }))
}

async function find(
  workspace: Workspace,
  id: ObjectId,
  call: CallOptions,
): Promise<Found | undefined> {
  const [first = '', second = ''] = id.path
  if (id.kind === 'blob') {
    const blob = await workspace.getBlob(first, second, call)
    if (blob === undefined) return undefined
    const { sizeBytes, contentType, contentMd5, metadata, modifiedAt } = blob
    return { body: { sizeBytes, contentType, contentMd5, metadata }, modifiedAt }
  }
  if (id.kind === 'run') {
    const run = await workspace.getRun(first, call)
    return run && { body: { status: run.status }, modifiedAt: run.modifiedAt }
  }
  if (id.kind === 'experiment') return findExperiment(workspace, first, call)
  return workspace.getObject(id, call)
}

async function findExperiment(
  workspace: Workspace,
  name: string,
  call: CallOptions,
): Promise<Found | undefined> {
  for (let cursor: string | undefined; ; ) {
    const page = await workspace.listExperiments({ ...call, ...(cursor && { cursor }) })
    const found = page.items.find((each) => each.name === name)
    if (found) {
      const { archived, tags, description } = found
      return { body: { archived, tags: { ...tags }, description } }
    }
    if (page.cursor === undefined) return undefined
    cursor = page.cursor
  }
}

function shown(row: LedgerEntry): NonNullable<ObjectDetail['row']> {
  const { epoch: _, sourceVersion: _s, targetVersion: _t, ...rest } = row
  return rest
}
