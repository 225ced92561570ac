import { readFile } from 'node:fs/promises'
import type { LedgerRow } from '../../api/contract.ts'
import type { SavedReport } from '../saved-report.ts'
import { reportLines } from '../saved-report.ts'
import { countText } from '../text.ts'
import type { Stage } from './stage.ts'

export interface Evidence {
  readonly html: string
  readonly json: string
  readonly rtoMs: number | null
  readonly rtaMs: number | null
  readonly rpoMs: number | null
  readonly rpaMs: number | null
  readonly proven: number
  readonly missing: readonly string[]
  readonly unknown: readonly string[]
  readonly conflict: readonly string[]
}

interface FailoverReport {
  readonly objects: {
    readonly provenCount: number
    readonly missing: readonly LedgerRow[]
    readonly unknown: readonly LedgerRow[]
    readonly conflict: readonly LedgerRow[]
  }
}

/** Chapter 7: what the failover wrote down about itself. */
export async function evidence({ screen }: Stage, report: SavedReport): Promise<Evidence> {
  const { objects } = JSON.parse(await readFile(report.json, 'utf8')) as FailoverReport
  for (const line of reportLines(report)) screen.good(line.trim())
  const named = (rows: readonly LedgerRow[]) => rows.map(({ object }) => object)
  const [missing, unknown, conflict] = [objects.missing, objects.unknown, objects.conflict].map(
    named,
  ) as [string[], string[], string[]]
  screen.good(`object by object: ${objects.provenCount} proven`)
  for (const [what, names] of Object.entries({ missing, unknown, conflict })) {
    if (names.length > 0) screen.bad(`${countText(names.length, 'object')} ${what}: ${names}`)
  }
  if (missing.length + unknown.length + conflict.length === 0)
    screen.good('of what Holdfast had seen, nothing is missing, unknown or in conflict')
  screen.quiet('what was written after the replication point shows when the primary is back')
  const { rtoMs = null, rtaMs = null, rpoMs = null, rpaMs = null } = report.facts.recovery ?? {}
  const { html, json } = report
  return {
    ...{ html, json, rtoMs, rtaMs, rpoMs, rpaMs },
    ...{ proven: objects.provenCount, missing, unknown, conflict },
  }
}
