import { type Database, sqlMigration } from '../store/database.ts'
import type { Report } from './report.ts'

/** Reports by run; a report is written once and kept. */
export interface ReportStore {
  /** Keeps the first report of a run. */
  write(report: Report): Promise<void>
  read(run: string): Promise<Report | undefined>
}

export function memoryReportStore(): ReportStore {
  const reports = new Map<string, Report>()
  return {
    write: async (report) => {
      if (!reports.has(report.run)) reports.set(report.run, structuredClone(report))
    },
    read: async (run) => reports.get(run),
  }
}

export const reportMigrations = [
  sqlMigration(
    'report-1',
    // Text, not jsonb: object names may hold what jsonb refuses, and a report is only read whole.
    `create table report (run text primary key, written_at timestamptz not null, report text not null)`,
  ),
]

type ReportTables = { report: { run: string; written_at: string; report: string } }

export function postgresReportStore(database: Pick<Database, 'kysely'>): ReportStore {
  const db = database.kysely.withTables<ReportTables>()
  return {
    write: async (report) => {
      await db
        .insertInto('report')
        .values({ run: report.run, written_at: report.writtenAt, report: JSON.stringify(report) })
        .onConflict((conflict) => conflict.column('run').doNothing())
        .execute()
    },
    read: async (run) => {
      const row = await db
        .selectFrom('report')
        .select('report')
        .where('run', '=', run)
        .executeTakeFirst()
      return row === undefined ? undefined : (JSON.parse(row.report) as Report)
    },
  }
}
