import type { ReportEnvironment } from '../evidence/report-signature.ts'
import { signReport } from '../evidence/report-signature.ts'
import type { ContinuityPlan } from '../plan/continuity-plan.ts'
import { reportToHtml } from '../runbooks/report-html.ts'
import { postgresReportStore, type ReportStore, type Seal } from '../runbooks/report-store.ts'
import type { Database } from '../store/database.ts'
import { ownActor } from './audited-records.ts'
import type { EvidenceParts } from './evidence-service.ts'
import { digestOfPlan } from './note-plan.ts'

/** Reports are signed when they are written; the audit log gets an entry in the same transaction. */
export async function signedReports(
  parts: EvidenceParts & {
    readonly plan: ContinuityPlan
    readonly version: string
    readonly now: () => Date
    readonly database: Database
  },
): Promise<ReportStore> {
  const { database, audit, heads, key, now } = parts
  const environment = await environmentOf(parts)
  const seal: Seal = (report, json) => {
    const html = reportToHtml(report)
    const signedAt = now().toISOString()
    const { run, group } = report
    const facts = { run, group, signedAt, environment, auditHead: heads.head() ?? null }
    return { html, signature: JSON.stringify(signReport(facts, { json, html }, key)) }
  }
  return {
    ...postgresReportStore(database),
    write: (report) =>
      audit.appendWith(async (transaction) => {
        const store = postgresReportStore(transaction, seal)
        const known = await store.document(report.run)
        await store.write(report)
        const signature = (await store.document(report.run))?.signature
        if (known !== undefined || !signature) return { result: undefined, note: null }
        const { keyId, jsonSha256, htmlSha256 } = JSON.parse(signature)
        const { run, group } = report
        return {
          result: undefined,
          note: {
            ...{ actor: ownActor, group, action: 'report.signed', subject: run },
            details: { keyId, jsonSha256, htmlSha256 },
          },
        }
      }),
  }
}

async function environmentOf(parts: {
  readonly plan: ContinuityPlan
  readonly version: string
  readonly database: Database
}): Promise<ReportEnvironment> {
  const { plan, version, database } = parts
  const { rows } = await database.pool.query<{ server_version: string }>('show server_version')
  return {
    holdfast: version,
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    database: `PostgreSQL ${rows[0]?.server_version ?? 'unknown'}`,
    planDigest: digestOfPlan(plan),
    members: plan.members.map(({ name, workspace }) => ({ name, workspace })),
  }
}
