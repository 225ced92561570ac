import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type Database from 'libsql'
import { asRecord, asText, type Document } from '../arm/document.ts'
import { AzureError } from '../context.ts'
import { inTransaction } from '../store/database.ts'
import { instantText, type Micros } from './instant.ts'
import type { WorkspaceClock } from './workspace-clock.ts'

export interface ExperimentRow {
  readonly experiment: number
  readonly ws: number
  readonly experimentId: string
  readonly name: string
  readonly description: string | null
  readonly tags: Readonly<Record<string, string | null>>
  /** Fields the region stores without knowing them. */
  readonly doc: Document
  readonly created: Micros
  readonly modified: Micros
  /** When it was archived; null while active. */
  readonly archived: Micros | null
}
export interface ExperimentChange {
  readonly name?: string | undefined
  readonly description?: string | undefined
  /** Added to the tags that are there; null takes a tag away. */
  readonly tags?: Document | undefined
  readonly archive?: boolean | undefined
  readonly rest?: Document | undefined
}

export interface ExperimentStore {
  byName(ws: number, name: string): ExperimentRow | undefined
  byId(ws: number, experimentId: string): ExperimentRow | undefined
  byNumber(experiment: number): ExperimentRow
  /** The id of an experiment that exists; ids never change, so they are remembered. */
  idOf(experiment: number): string
  /** The experiment of that name, made when there is none. */
  ensure(ws: number, name: string): ExperimentRow
  change(row: ExperimentRow, change: ExperimentChange): ExperimentRow
  /** In order of creation, or the newest first. */
  list(
    ws: number,
    page: { readonly after?: number; readonly limit: number; readonly newestFirst?: boolean },
  ): ExperimentRow[]
  /** The next run number of an experiment. */
  nextRunNumber(experiment: number): number
}

const columns =
  'experiment, ws, experiment_id, name, description, tags, doc, created, modified, archived'

export function experimentStore(db: Database.Database, clock: WorkspaceClock): ExperimentStore {
  const one = (where: string) => db.prepare(`SELECT ${columns} FROM dp_experiments WHERE ${where}`)
  const findByName = one('ws = ? AND name = ?')
  const findById = one('ws = ? AND experiment_id = ?')
  const findByNumber = one('experiment = ?')
  const insert = db.prepare(
    `INSERT INTO dp_experiments (ws, experiment_id, name, tags, doc, created, modified)
     VALUES (?, ?, ?, '{}', '{}', ?, ?)`,
  )
  const update = db.prepare(
    `UPDATE dp_experiments SET name = ?, description = ?, tags = ?, doc = ?, archived = ?, modified = ?
     WHERE experiment = ?`,
  )
  const number = db.prepare(
    'UPDATE dp_experiments SET next_number = next_number + 1 WHERE experiment = ? RETURNING next_number',
  )
  const pages = {
    oldest: db.prepare(
      `SELECT ${columns} FROM dp_experiments WHERE ws = ? AND experiment > ? ORDER BY experiment LIMIT ?`,
    ),
    newest: db.prepare(
      `SELECT ${columns} FROM dp_experiments WHERE ws = ? AND experiment < ? ORDER BY experiment DESC LIMIT ?`,
    ),
  }
  const found = (row: unknown) => (row === undefined ? undefined : toRow(row as Stored))
  const byName = (ws: number, name: string) => found(findByName.get(ws, name))

  const byNumber = (experiment: number) => toRow(findByNumber.get(experiment) as Stored)
  const ids = new Map<number, string>()

  return {
    byName,
    byId: (ws, experimentId) => found(findById.get(ws, experimentId)),
    byNumber,
    idOf(experiment) {
      const known = ids.get(experiment)
      if (known !== undefined) return known
      const { experimentId } = byNumber(experiment)
      // Remembered only once it is sure to stay: an open transaction may still be rolled back.
      if (!db.inTransaction) ids.set(experiment, experimentId)
      return experimentId
    },
    ensure(ws, name) {
      return inTransaction(db, () => {
        const existing = byName(ws, name)
        if (existing) return existing
        checkName(name)
        const now = clock.next(ws)
        insert.run(ws, randomUUID(), name, now, now)
        return toRow(findByName.get(ws, name) as Stored)
      })
    },
    change(row, change) {
      return inTransaction(db, () => {
        const before = toRow(findByNumber.get(row.experiment) as Stored)
        const now = clock.next(row.ws)
        const after = changed(before, change, now)
        if (isDeepStrictEqual(before, after)) return before
        if (after.name !== before.name) {
          checkName(after.name)
          if (byName(row.ws, after.name)) throw nameTaken(after.name)
        }
        const { name, description, tags, doc, archived, experiment } = after
        const texts = [JSON.stringify(tags), JSON.stringify(doc)]
        update.run(name, description, ...texts, archived, now, experiment)
        return { ...after, modified: now }
      })
    },
    list(ws, { after, limit, newestFirst = false }) {
      const rows = newestFirst
        ? pages.newest.all(ws, after ?? Number.MAX_SAFE_INTEGER, limit)
        : pages.oldest.all(ws, after ?? 0, limit)
      return (rows as Stored[]).map(toRow)
    },
    nextRunNumber: (experiment) =>
      (number.get(experiment) as { next_number: number }).next_number - 1,
  }
}

/** The experiment as run history shows it. */
export function presentExperiment(row: ExperimentRow): Document {
  return {
    retainForLifetimeOfWorkspace: false,
    artifactLocation: null,
    ...row.doc,
    experimentId: row.experimentId,
    name: row.name,
    description: row.description,
    createdUtc: instantText(row.created),
    tags: row.tags,
    archivedTime: row.archived === null ? null : instantText(row.archived),
  }
}

export const nameTaken = (name: string) =>
  new AzureError(409, 'UserError', `An experiment with the name '${name}' exists already.`)

/** Names stand in paths and headers; a NUL would be cut off by the database. */
function checkName(name: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (name.trim() !== '' && name.length <= 500 && !/[\u0000-\u001f\u007f]/.test(name)) return
  throw new AzureError(
    400,
    'ValidationError',
    'An experiment needs a name of at most 500 characters, without control characters.',
  )
}

function changed(before: ExperimentRow, change: ExperimentChange, now: Micros): ExperimentRow {
  const tags = { ...before.tags, ...change.tags }
  const isArchived = change.archive ?? before.archived !== null
  return {
    ...before,
    name: change.name ?? before.name,
    description: change.description ?? before.description,
    tags: Object.fromEntries(
      Object.entries(tags).flatMap(([key, value]) => (value == null ? [] : [[key, String(value)]])),
    ),
    doc: { ...before.doc, ...change.rest },
    archived: isArchived ? (before.archived ?? now) : null,
  }
}

interface Stored {
  experiment: number
  ws: number
  experiment_id: string
  name: string
  description: string | null
  tags: string
  doc: string
  created: number
  modified: number
  archived: number | null
}
function toRow(row: Stored): ExperimentRow {
  const tags = asRecord(JSON.parse(row.tags))
  return {
    experiment: row.experiment,
    ws: row.ws,
    experimentId: row.experiment_id,
    name: row.name,
    description: row.description,
    tags: Object.fromEntries(
      Object.entries(tags).map(([key, value]) => [key, asText(value) ?? '']),
    ),
    doc: asRecord(JSON.parse(row.doc)),
    created: row.created,
    modified: row.modified,
    archived: row.archived,
  }
}
