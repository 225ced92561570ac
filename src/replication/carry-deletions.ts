import { HoldfastError } from '../model/errors.ts'
import { isObject } from '../model/field-path.ts'
import type { Kind } from '../model/kinds.ts'
import { type ObjectId, parseObjectId } from '../model/object-id.ts'
import type { Workspace } from '../workspace/workspace.ts'
import { isAsLeft } from './decide-action.ts'
import { experimentDigest, readExperiments } from './experiments.ts'
import type { LedgerEntry } from './ledger.ts'
import { digestOf } from './object-forms.ts'
import { writeChanged } from './objects.ts'
import {
  acted,
  entryFor,
  failureOf,
  type Outcome,
  type Pass,
  reading,
  writing,
} from './pass-state.ts'

/** Kinds whose service knows an archived state; it can be taken back, a deletion cannot. */
const archivable: ReadonlySet<Kind> = new Set<Kind>([
  'environment-container',
  'environment',
  'data-container',
  'data',
  'model-container',
  'model',
  'component-container',
  'component',
  'feature-entity-container',
  'feature-entity',
  'feature-set-container',
  'feature-set',
  'experiment',
])

const pageSize = 500
/** More than this share gone at once is no housekeeping: the source may be another workspace. */
const mostGone = 0.5
const fewObjects = 10

/**
 * What a full pass did not meet at the source and finds deleted there. The plan decides: archived at
 * the target, or left; never deleted (I3). Rows become `skipped`, so that the point goes on.
 */
export async function carryDeletions(pass: Pass): Promise<void> {
  const { seen, unlisted, mode } = pass
  if (seen === undefined || unlisted.size > 0 || mode === 'salvage') return
  pass.phase = 'deletions'
  const gone = await goneRows(pass)
  // Versions before their containers, which come first by name.
  for (const row of gone.reverse()) {
    const id = parseObjectId(row.object)
    const outcome = await carry(pass, id, row).catch((error: unknown): Outcome => {
      const failure = failureOf(error)
      pass.tally.failed += 1
      return { ...row, state: 'failed', error: failure }
    })
    await writeChanged(pass, [entryFor(pass, id, outcome)], new Map([[row.object, row]]))
  }
}

async function goneRows(pass: Pass): Promise<LedgerEntry[]> {
  const { ledger } = pass.context
  const gone: LedgerEntry[] = []
  let proven = 0
  for (let after: string | undefined; ; ) {
    const page = await ledger.rows(pass.direction, {
      ...{ state: 'proven', limit: pageSize },
      ...(after === undefined ? {} : { after }),
    })
    proven += page.length
    const missed = page.map(({ object }) => object).filter((one) => pass.seen?.has(one) === false)
    const rows = await ledger.read(pass.direction, missed)
    for (const row of rows.values()) if (await isGone(pass, row)) gone.push(row)
    if (page.length < pageSize) break
    after = page.at(-1)?.object
  }
  if (gone.length > fewObjects && gone.length > proven * mostGone)
    throw tooMany(pass, gone.length, proven)
  return gone
}

function tooMany({ context }: Pass, gone: number, proven: number): HoldfastError {
  return new HoldfastError(
    'replication.mass-deletion',
    `${gone} of ${proven} proven objects are gone from ${context.source.name} at once; nothing was archived.`,
    {
      kind: 'operator',
      place: context.source.name,
      hint: 'Make sure that it is the right workspace. If they were deleted on purpose, write `deletions: leave` into the plan.',
    },
  )
}

/** A list may have missed what moved while it was read, so the source is asked by name. */
export async function isGone(
  pass: Pass,
  { object }: Pick<LedgerEntry, 'object'>,
): Promise<boolean> {
  const { source } = pass.context
  const id = parseObjectId(object)
  const [first = '', ...rest] = id.path
  switch (id.kind) {
    case 'experiment':
      return true
    case 'run':
      return (await source.getRun(first, reading(pass))) === undefined
    case 'blob':
      return (await source.getBlob(first, rest.join('/'), reading(pass))) === undefined
    default:
      return (await source.getObject(id, reading(pass))) === undefined
  }
}

async function carry(pass: Pass, id: ObjectId, row: LedgerEntry): Promise<Outcome> {
  if (!archivable.has(id.kind)) return left(pass, row, 'its kind has no archived state')
  if (pass.context.plan.deletions === 'leave') return left(pass, row, 'as the plan says')
  return id.kind === 'experiment' ? archiveExperiment(pass, id, row) : archiveObject(pass, id, row)
}

function left(pass: Pass, row: LedgerEntry, why: string): Outcome {
  const reason = `deleted at the source; left at the target: ${why}`
  acted(pass, { object: row.object, kind: row.kind, action: 'skip', reason })
  return { ...row, state: 'skipped', error: { code: 'object.deleted-at-source', message: reason } }
}

function archived(pass: Pass, row: LedgerEntry): Outcome {
  const message = 'deleted at the source; archived at the target'
  acted(pass, { object: row.object, kind: row.kind, action: 'archive', reason: message })
  return { ...row, state: 'skipped', error: { code: 'object.deleted-at-source', message } }
}

async function archiveObject(pass: Pass, id: ObjectId, row: LedgerEntry): Promise<Outcome> {
  const { target } = pass.context
  const there = await target.getObject(id, reading(pass))
  if (there === undefined) return left(pass, row, 'it is not there either')
  if (isAsLeft(row, digestOf(id, there.body)) !== true)
    return left(pass, row, 'it changed there since')
  const properties = isObject(there.body.properties) ? there.body.properties : {}
  const facts = archived(pass, row)
  if (pass.mode === 'plan') return facts
  const body = { ...there.body, properties: { ...properties, isArchived: true } }
  const condition = there.etag === undefined ? {} : { condition: { etag: there.etag } }
  const written = await target.putObject(id, body, { ...writing(pass), ...condition })
  pass.tally.updated += 1
  return { ...facts, targetDigest: digestOf(id, written.body), targetVersion: null }
}

async function archiveExperiment(pass: Pass, id: ObjectId, row: LedgerEntry): Promise<Outcome> {
  const name = id.path[0] ?? ''
  const find = async (workspace: Workspace) => (await readExperiments(pass, workspace)).get(name)
  const there = await find(pass.context.target)
  if (there === undefined) return left(pass, row, 'it is not there either')
  if (isAsLeft(row, experimentDigest(there)) !== true)
    return left(pass, row, 'it changed there since')
  const facts = archived(pass, row)
  if (pass.mode === 'plan') return facts
  const wanted = { ...there, archived: true }
  await pass.context.target.putExperiment(wanted, writing(pass))
  pass.tally.updated += 1
  return { ...facts, targetDigest: experimentDigest(wanted), targetVersion: null }
}
