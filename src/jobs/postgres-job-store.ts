import { type Generated, sql } from 'kysely'
import type { JsonObject } from '../model/json.ts'
import { type Database, sqlMigration } from '../store/database.ts'
import type { CapturedJob, DecidedJob } from './captured-job.ts'
import {
  type JobCapture,
  type JobDecisions,
  type JobStore,
  staleCapture,
  toJobRow,
  withStopped,
} from './job-store.ts'

export const jobMigrations = [
  sqlMigration(
    'jobs-1',
    `create table job_capture (
      "group" text not null, source text not null, epoch integer not null,
      at timestamptz not null, jobs jsonb not null, primary key ("group", source))`,
    `create table job_decision_run (
      run text primary key, "group" text not null, source text not null, epoch integer not null,
      seq bigint generated always as identity)`,
    `create index on job_decision_run ("group", seq desc)`,
    `create table job_decision (
      run text not null references job_decision_run (run), job text not null,
      state text not null, decision text not null, reason text not null, new_name text,
      checkpoint text, body jsonb not null, resubmitted_as text, at timestamptz not null,
      seq bigint generated always as identity, primary key (run, job))`,
  ),
  sqlMigration(
    'jobs-2',
    // A member may be closed before anybody has looked at it: then there is no instant.
    'alter table job_capture add column closed integer not null default 0, alter column at drop not null',
    `update job_capture set jobs = (
      select coalesce(jsonb_agg(job || '{"home": null}'), '[]') from jsonb_array_elements(jobs) job)`,
    'alter table job_decision add column home jsonb',
  ),
  sqlMigration(
    'jobs-3',
    'alter table job_decision_run add column restart boolean not null default false',
  ),
]

type JobTables = {
  job_capture: {
    group: string
    source: string
    epoch: number
    at: string | null
    jobs: unknown
    closed: Generated<number>
  }
  job_decision_run: {
    run: string
    group: string
    source: string
    epoch: number
    restart: Generated<boolean>
    seq: Generated<number>
  }
  job_decision: {
    run: string
    job: string
    state: string
    decision: DecidedJob['decision']
    reason: string
    new_name: string | null
    checkpoint: string | null
    body: unknown
    home: unknown
    resubmitted_as: string | null
    at: string
    seq: Generated<number>
  }
}

export function postgresJobStore(database: Pick<Database, 'kysely'>): JobStore {
  const db = database.kysely.withTables<JobTables>()
  const jobsOf = async (run: string): Promise<DecidedJob[]> => {
    const rows = await db
      .selectFrom('job_decision')
      .selectAll()
      .where('run', '=', run)
      .orderBy('seq')
      .execute()
    return rows.map((row) => ({
      job: row.job,
      state: row.state,
      decision: row.decision,
      reason: row.reason,
      newName: row.new_name,
      checkpoint: row.checkpoint,
      body: row.body as JsonObject,
      home: row.home as JsonObject | null,
      resubmittedAs: row.resubmitted_as,
      at: row.at,
    }))
  }
  const runs = async (filter: {
    run?: string
    group?: string
    source?: string
  }): Promise<JobDecisions[]> => {
    let query = db
      .selectFrom('job_decision_run')
      .select(['run', 'group', 'source', 'epoch', 'restart'])
      .orderBy('seq', 'desc')
    if (filter.run !== undefined) query = query.where('run', '=', filter.run)
    if (filter.group !== undefined) query = query.where('group', '=', filter.group)
    if (filter.source !== undefined) query = query.where('source', '=', filter.source)
    const found = await query.execute()
    return Promise.all(
      found.map(async ({ restart, ...row }) => ({
        ...row,
        ...(restart && { restart }),
        jobs: await jobsOf(row.run),
      })),
    )
  }
  const readCapture = async (group: string, source: string): Promise<JobCapture | undefined> => {
    const row = await db
      .selectFrom('job_capture')
      .selectAll()
      .where('group', '=', group)
      .where('source', '=', source)
      .executeTakeFirst()
    return row === undefined || row.at === null
      ? undefined
      : { group, source, epoch: row.epoch, at: row.at, jobs: row.jobs as CapturedJob[] }
  }
  const readDecisions = async (run: string) => (await runs({ run }))[0]

  return {
    saveCapture: async (capture) => {
      const { group, source, epoch, at } = capture
      const saved = await sql`insert into job_capture ("group", source, epoch, at, jobs)
        values (${group}, ${source}, ${epoch}, ${at}, ${JSON.stringify(capture.jobs)})
        on conflict ("group", source) do update
          set epoch = excluded.epoch, at = excluded.at, jobs = excluded.jobs
          where greatest(job_capture.epoch, job_capture.closed) <= excluded.epoch
        returning epoch`.execute(db)
      if (saved.rows.length === 0) throw staleCapture(capture, epoch + 1)
    },
    readCapture,
    closeCaptures: async (group, source, epoch) => {
      await sql`insert into job_capture ("group", source, epoch, jobs, closed)
        values (${group}, ${source}, 0, '[]', ${epoch})
        on conflict ("group", source) do update
          set closed = greatest(job_capture.closed, excluded.closed)`.execute(db)
    },
    markStopped: async (group, source, jobs) => {
      const capture = await readCapture(group, source)
      if (capture === undefined) return
      await db
        .updateTable('job_capture')
        .set({ jobs: JSON.stringify(withStopped(capture, jobs).jobs) })
        .where('group', '=', group)
        .where('source', '=', source)
        .execute()
    },
    decideOnce: async (made) => {
      const { run, group, source, epoch, jobs } = made
      await db.transaction().execute(async (transaction) => {
        // The first run's row decides; a second writer waits for it and then adds nothing.
        const first = await transaction
          .insertInto('job_decision_run')
          .values({ run, group, source, epoch, restart: made.restart === true })
          .onConflict((conflict) => conflict.column('run').doNothing())
          .returning('run')
          .executeTakeFirst()
        if (first === undefined || jobs.length === 0) return
        await transaction
          .insertInto('job_decision')
          .values(
            jobs.map((job) => ({
              run,
              job: job.job,
              state: job.state,
              decision: job.decision,
              reason: job.reason,
              new_name: job.newName,
              checkpoint: job.checkpoint,
              body: JSON.stringify(job.body),
              home: job.home === null ? null : JSON.stringify(job.home),
              resubmitted_as: job.resubmittedAs,
              at: job.at,
            })),
          )
          .execute()
      })
      return (await readDecisions(run)) ?? made
    },
    readDecisions,
    decisionsFrom: (group, source) => runs({ group, source }),
    markResubmitted: async (run, job, at) => {
      await db
        .updateTable('job_decision')
        .set((row) => ({ resubmitted_as: row.ref('new_name'), at }))
        .where('run', '=', run)
        .where('job', '=', job)
        .execute()
    },
    markLeft: async (run, job, { decision, reason, at }) => {
      await db
        .updateTable('job_decision')
        .set({ decision, reason, at })
        .where('run', '=', run)
        .where('job', '=', job)
        .execute()
    },
    rows: async (group) =>
      (await runs({ group })).flatMap(({ jobs, epoch }) => jobs.map((job) => toJobRow(job, epoch))),
  }
}
