import { randomUUID } from 'node:crypto'
import type Database from 'libsql'
import { asText, type Document } from '../arm/document.ts'
import { AzureError, type Caller, type RunStore } from '../context.ts'
import { inTransaction } from '../store/database.ts'
import { type ExperimentRow, type ExperimentStore, experimentStore } from './experiment-store.ts'
import { forgetWorkspace } from './forget-workspace.ts'
import { type Micros, requireMicros } from './instant.ts'
import {
  after,
  all,
  type Condition,
  type OrderTerm,
  orderBy,
  pageToken,
  placeOf,
} from './keyset.ts'
import { mergeRun, requireRunId } from './run-document.ts'
import {
  presentRun,
  type RunRow,
  runColumns,
  type StoredRun,
  toRunRow,
  userOf,
} from './run-rows.ts'
import { migrateDataPlane } from './schema.ts'
import { type WorkspaceClock, workspaceClock } from './workspace-clock.ts'

export interface RunQuery {
  readonly where: readonly Condition[]
  /**
   * Conditions of which exactly one holds for a run that is wanted. Each is looked up in its own
   * index, so that a page of a few experiments does not walk through all the others.
   */
  readonly among?: readonly Condition[]
  readonly order: readonly OrderTerm[]
  readonly limit: number
  readonly token?: string | undefined
}
export interface RunPage {
  readonly rows: readonly RunRow[]
  /** Undefined on the last page. */
  readonly token: string | undefined
}

/** Runs and experiments as the data plane's own routes use them; rows are numbers, not names. */
export interface RunTables extends RunStore {
  readonly clock: WorkspaceClock
  readonly experiments: ExperimentStore
  row(ws: number, runId: string): RunRow | undefined
  write(experiment: ExperimentRow, runId: string, run: Document, actor: Caller): RunRow
  /** Stamps a change of something that belongs to the run (its metrics, its document as a whole). */
  touch(row: RunRow, actor: Caller, doc?: Document): RunRow
  query(query: RunQuery): RunPage
  present(row: RunRow): Document
}

/** The order in which runs were made; always the last word, because no two runs share it. */
export const byCreation = (descending: boolean): OrderTerm => ({
  sql: 'run',
  params: [],
  descending,
})

export function openRunStore(options: {
  readonly db: Database.Database
  readonly clock: () => Date
  /** Called inside the transaction of every write, with the run's document as it is now. */
  readonly written?: (workspaceId: string, runId: string, run: Document) => void
}): RunTables {
  const { db } = options
  migrateDataPlane(db)
  const clock = workspaceClock(db, options.clock)
  const experiments = experimentStore(db, clock)
  const find = db.prepare(`SELECT ${runColumns} FROM dp_runs WHERE ws = ? AND run_id = ?`)
  const uuid = db.prepare('SELECT run_uuid, root FROM dp_runs WHERE ws = ? AND run_id = ?')
  const childrenOf = db.prepare(`SELECT ${runColumns} FROM dp_runs WHERE ws = ? AND parent = ?`)
  const insert = db.prepare(
    `INSERT INTO dp_runs (status, hidden, parent, root, modified, started, ended, sort_start,
       revision, status_revision, modified_by, doc, ws, run_id, run_uuid, experiment, number, created,
       created_by)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const update = db.prepare(
    `UPDATE dp_runs SET status = ?, hidden = ?, parent = ?, root = ?, modified = ?, started = ?,
       ended = ?, sort_start = ?, revision = ?, status_revision = ?, modified_by = ?, doc = ?
     WHERE run = ?`,
  )
  const stamp = db.prepare(
    'UPDATE dp_runs SET modified = ?, revision = revision + 1, modified_by = ? WHERE run = ?',
  )
  const numbers = db.prepare(
    `SELECT v.value FROM dp_metrics m JOIN dp_metric_values v ON v.metric = m.metric
     WHERE m.run = ? AND m.name = ? AND m.scalar = 1 AND v.value IS NOT NULL ORDER BY v.seq`,
  )
  const setRoot = db.prepare(
    'UPDATE dp_runs SET root = ?, modified = ?, revision = revision + 1 WHERE run = ?',
  )

  const row = (ws: number, runId: string): RunRow | undefined => {
    const stored = find.get(ws, runId) as StoredRun | undefined
    return stored && toRunRow(stored)
  }
  const kinOf = (ws: number, runId: string | undefined) =>
    runId === undefined
      ? undefined
      : (uuid.get(ws, runId) as { run_uuid: string; root: string } | undefined)

  function write(experiment: ExperimentRow, runId: string, run: Document, actor: Caller): RunRow {
    requireRunId(runId)
    return inTransaction(db, () => {
      const { ws } = experiment
      const before = row(ws, runId)
      if (before && before.experiment !== experiment.experiment) throw otherExperiment(runId)
      const doc = mergeRun(runId, before?.doc ?? {}, run)
      if (before && doc === before.doc) return before
      store(experiment, runId, before, doc, actor)
      const stored = row(ws, runId)
      if (stored === undefined) throw new Error(`run ${runId} vanished inside its transaction`)
      if (before?.root !== stored.root) moveDescendants(stored)
      return stored
    })
  }

  function store(
    experiment: ExperimentRow,
    runId: string,
    before: RunRow | undefined,
    doc: Document,
    actor: Caller,
  ): void {
    const { ws } = experiment
    const now = clock.next(ws)
    const status = asText(doc.status) ?? 'NotStarted'
    const parent = asText(doc.parentRunId) || undefined
    if (parent !== undefined) refuseLoop(ws, runId, parent)
    const root = parent === undefined ? runId : (kinOf(ws, parent)?.root ?? parent)
    const started = instantOf(doc, 'startTimeUtc')
    const created = before?.created ?? now
    const user = JSON.stringify(userOf(actor))
    const hidden = doc.hidden === true ? 1 : 0
    const statusRevision = (before?.statusRevision ?? -1) + (before?.status === status ? 0 : 1)
    const changing = [
      ...[status, hidden, parent ?? null, root, now],
      ...[started ?? null, instantOf(doc, 'endTimeUtc') ?? null, started ?? created],
      ...[(before?.revision ?? 0) + 1, statusRevision, user, JSON.stringify(doc)],
    ]
    if (before) update.run(...changing, before.run)
    else {
      const number = experiments.nextRunNumber(experiment.experiment)
      const fixed = [ws, runId, randomUUID(), experiment.experiment, number, created, user]
      insert.run(...changing, ...fixed)
    }
    options.written?.(clock.idOf(ws), runId, doc)
  }

  /** A parent may come after its children: then the root of all of them changes. */
  function moveDescendants(parent: RunRow): void {
    for (const child of childrenOf.all(parent.ws, parent.runId) as StoredRun[]) {
      if (child.root === parent.root) continue
      setRoot.run(parent.root, clock.next(parent.ws), child.run)
      moveDescendants({ ...toRunRow(child), root: parent.root })
    }
  }

  function refuseLoop(ws: number, runId: string, parent: string): void {
    let ancestor: string | undefined = parent
    while (ancestor !== undefined) {
      if (ancestor === runId)
        throw new AzureError(400, 'UserError', `The run '${runId}' cannot be its own ancestor.`)
      ancestor = row(ws, ancestor)?.parent
    }
  }

  function touch(before: RunRow, actor: Caller, doc?: Document): RunRow {
    return inTransaction(db, () => {
      const experiment = experiments.byNumber(before.experiment)
      if (doc !== undefined) store(experiment, before.runId, before, doc, actor)
      else stamp.run(clock.next(before.ws), JSON.stringify(userOf(actor)), before.run)
      return row(before.ws, before.runId) ?? before
    })
  }

  function query({ where, among = [], order, limit, token }: RunQuery): RunPage {
    const place = token ? [after(order, placeOf(order, token))] : []
    const sorted = orderBy(order)
    const places = order.map(({ sql }, i) => `${sql} AS o${i}`).join(', ')
    const pageOf = (part: readonly Condition[]): Condition => {
      const condition = all([...part, ...where, ...place])
      return {
        sql: `SELECT ${runColumns}, ${places} FROM dp_runs WHERE ${condition.sql}
              ORDER BY ${sorted.sql} LIMIT ?`,
        params: [...sorted.params, ...condition.params, ...sorted.params, limit + 1],
      }
    }
    const { sql, params } =
      among.length > 1
        ? merged(
            order,
            among.map((part) => pageOf([part])),
            limit + 1,
          )
        : pageOf(among)
    const found = db.prepare(sql).all(...params) as StoredRun[]
    const rows = found.slice(0, limit)
    const last = rows.at(-1) as (StoredRun & Record<string, string | number>) | undefined
    const hasMore = found.length > limit && last !== undefined
    return {
      rows: rows.map(toRunRow),
      token: hasMore
        ? pageToken(
            order,
            order.map((_, i) => last[`o${i}`] ?? null),
          )
        : undefined,
    }
  }

  const present = (run: RunRow): Document =>
    presentRun(run, experiments.idOf(run.experiment), {
      parentUuid: kinOf(run.ws, run.parent)?.run_uuid,
      rootUuid: run.root === run.runId ? run.runUuid : kinOf(run.ws, run.root)?.run_uuid,
    })

  return {
    clock,
    experiments,
    row,
    write,
    touch,
    query,
    present,
    upsert(workspaceId, experimentName, runId, run, actor) {
      requireRunId(runId)
      return inTransaction(db, () => {
        const experiment = experiments.ensure(clock.numberOf(workspaceId), experimentName)
        return present(write(experiment, runId, run, actor))
      })
    },
    get(workspaceId, runId) {
      const found = row(clock.numberOf(workspaceId), runId)
      return found && present(found)
    },
    series(workspaceId, runId, metric) {
      const found = row(clock.numberOf(workspaceId), runId)
      return found ? (numbers.all(found.run, metric) as { value: number }[]).map(numberIn) : []
    },
    forget: (workspaceId) => forgetWorkspace(db, clock.numberOf(workspaceId)),
  }
}

const numberIn = ({ value }: { readonly value: number }) => value

/** The first rows of several sorted pages together. */
function merged(
  order: readonly OrderTerm[],
  pages: readonly Condition[],
  limit: number,
): Condition {
  const union = pages.map(({ sql }) => `SELECT * FROM (${sql})`).join(' UNION ALL ')
  const sorted = order.map(({ descending }, i) => `o${i} ${descending ? 'DESC' : 'ASC'}`).join(', ')
  return {
    sql: `${union} ORDER BY ${sorted} LIMIT ?`,
    params: [...pages.flatMap(({ params }) => params), limit],
  }
}

const instantOf = (doc: Document, field: string): Micros | undefined =>
  doc[field] === undefined ? undefined : requireMicros(doc[field], field)

const otherExperiment = (runId: string) =>
  new AzureError(409, 'UserError', `The run '${runId}' belongs to another experiment.`)
