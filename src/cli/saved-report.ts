import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ApiClient } from '../api/client.ts'
import type { JobRow } from '../api/contract.ts'
import { isCode } from '../model/errors.ts'
import { durationText } from './text.ts'

/** What the CLI prints of a report; the rest is in its files. */
export interface ReportFacts {
  readonly outcome?: string
  readonly recovery?: {
    readonly rtoMs: number
    readonly rtaMs: number | null
    /** Nobody had asked the source right before it fell silent. */
    readonly atLeast?: boolean
    readonly rpoMs: number
    readonly rpaMs: number | null
  } | null
  readonly jobs?: readonly JobRow[]
}

export interface SavedReport {
  readonly json: string
  readonly html: string
  readonly facts: ReportFacts
}

/** Keeps the report beside the state; undefined when the operation wrote none. */
export async function saveReport(
  client: ApiClient,
  operation: string,
  stateDir: string,
): Promise<SavedReport | undefined> {
  let text: string
  try {
    text = await client.report(operation, 'json')
  } catch (error) {
    if (isCode(error, 'report.not-found')) return undefined
    throw error
  }
  const folder = join(stateDir, 'reports')
  const json = join(folder, `${encodeURIComponent(operation)}.json`)
  const html = join(folder, `${encodeURIComponent(operation)}.html`)
  // Object names are the team's own business.
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await writeFile(json, text, { mode: 0o600 })
  await writeFile(html, await client.report(operation, 'html'), { mode: 0o600 })
  const signature = await signatureOf(client, operation)
  if (signature !== undefined) await writeFile(`${json}.sig`, signature, { mode: 0o600 })
  return { json, html, facts: JSON.parse(text) as ReportFacts }
}

/** Undefined: written before reports were signed. */
async function signatureOf(client: ApiClient, operation: string): Promise<string | undefined> {
  return client.report(operation, 'sig').catch((error: unknown) => {
    if (isCode(error, 'report.not-signed')) return undefined
    throw error
  })
}

/** `RTA 3.2 s of RTO 15 min, RPA 1.4 s of RPO 5 min`, then jobs and where the report lies. */
export function reportLines({ json, html, facts }: SavedReport): string[] {
  const { recovery, jobs = [] } = facts
  const lines: string[] = []
  if (recovery) {
    const { rtaMs, rtoMs, rpaMs, rpoMs, atLeast } = recovery
    const rta = atLeast && rtaMs !== null ? 'RTA at least' : 'RTA'
    lines.push(`  ${measured(rta, rtaMs, 'RTO', rtoMs)}; ${measured('RPA', rpaMs, 'RPO', rpoMs)}`)
  }
  for (const { job, resubmittedAs, checkpoint, decision, reason } of jobs) {
    lines.push(
      resubmittedAs === null
        ? `  job ${job}: ${decision} (${reason})`
        : `  job ${job} -> ${resubmittedAs}${checkpoint === null ? '' : ` from ${checkpoint}`}`,
    )
  }
  return [...lines, `  report ${html}`, `         ${json}`]
}

function measured(name: string, ms: number | null, limit: string, limitMs: number): string {
  return `${name} ${ms === null ? 'unknown' : durationText(ms)} of ${limit} ${durationText(limitMs)}`
}
