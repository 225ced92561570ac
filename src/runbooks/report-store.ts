import { type Database, sqlMigration } from '../store/database.ts'
import type { Recovery, Report } from './report.ts'

/** Reports by run; a report is written once and kept. */
export interface ReportStore {
  /** Keeps the first report of a run. */
  write(report: Report): Promise<void>
  read(run: string): Promise<Report | undefined>
  /** What was measured, by run; runs without a report are not in it. */
  recoveries(runs: readonly string[]): Promise<ReadonlyMap<string, Recovery | null>>
  /** As it was written, byte for byte. */
  document(run: string): Promise<ReportDocument | undefined>
}

export interface ReportDocument {
  readonly json: string
  /** Null, like the signature: of a report from before reports were signed. */
  readonly html: string | null
  readonly signature: string | null
}

/** Makes the page and the signature of a report when it is written. */
export type Seal = (report: Report, json: string) => Pick<ReportDocument, 'html' | 'signature'>

const unsealed: Seal = () => ({ html: null, signature: null })

export function memoryReportStore(seal = unsealed): ReportStore {
  const reports = new Map<string, ReportDocument>()
  return {
    write: async (report) => {
      const json = JSON.stringify(report)
      if (!reports.has(report.run)) reports.set(report.run, { json, ...seal(report, json) })
    },
    read: async (run) => parsed(reports.get(run)),
    document: async (run) => reports.get(run),
    recoveries: async (runs) =>
      new Map(
        runs.flatMap((run) => {
          const report = parsed(reports.get(run))
          return report === undefined ? [] : [[run, report.recovery] as const]
        }),
      ),
  }
}

export const reportMigrations = [
  sqlMigration(
    'report-1',
    // Text, not jsonb: object names may hold what jsonb refuses, and a report is only read whole.
    `create table report (run text primary key, written_at timestamptz not null, report text not null)`,
  ),
  sqlMigration('report-2', 'alter table report add column html text, add column signature text'),
  // A report may be megabytes; lists of many need these few figures.
  sqlMigration('report-3', 'alter table report add column recovery jsonb'),
]

type ReportTables = {
  report: {
    run: string
    written_at: string
    report: string
    html: string | null
    signature: string | null
    recovery: unknown
  }
}

export function postgresReportStore(
  database: Pick<Database, 'kysely'>,
  seal = unsealed,
): ReportStore {
  const db = database.kysely.withTables<ReportTables>()
  const document = (run: string) =>
    db
      .selectFrom('report')
      .select(['report as json', 'html', 'signature'])
      .where('run', '=', run)
      .executeTakeFirst()
  return {
    write: async (report) => {
      const json = JSON.stringify(report)
      await db
        .insertInto('report')
        .values({
          ...{ run: report.run, written_at: report.writtenAt, report: json },
          ...seal(report, json),
          recovery: JSON.stringify(report.recovery),
        })
        .onConflict((conflict) => conflict.column('run').doNothing())
        .execute()
    },
    read: async (run) => parsed(await document(run)),
    document,
    recoveries: async (runs) => {
      if (runs.length === 0) return new Map()
      const rows = await db
        .selectFrom('report')
        .select(['run', 'recovery'])
        .where('run', 'in', runs)
        .execute()
      return new Map(rows.map((row) => [row.run, row.recovery as Recovery | null]))
    },
  }
}

function parsed(document: Pick<ReportDocument, 'json'> | undefined): Report | undefined {
  return document === undefined ? undefined : (JSON.parse(document.json) as Report)
}
