import type { HistoryEntry, HistoryPage } from '../api/evidence-contract.ts'
import type { EpochRegister } from '../runbook/epoch-register.ts'
import type { Run } from '../runbook/journal.ts'
import type { Runner } from '../runbook/runner.ts'
import type { Recovery } from '../runbooks/report.ts'
import type { ReportStore } from '../runbooks/report-store.ts'
import { operationOf } from './operations.ts'
import type { HistoryFilter } from './service.ts'

/** One page of the operations of a group, with what their reports measured. */
export async function historyOf(
  parts: {
    readonly group: string
    readonly runner: Pick<Runner, 'list'>
    readonly reports: Pick<ReportStore, 'recoveries'>
    readonly epochs: Pick<EpochRegister, 'history'>
  },
  { type, since, cursor, limit }: HistoryFilter,
): Promise<HistoryPage> {
  const runs = await parts.runner.list({
    ...{ group: parts.group, limit },
    ...(type === undefined ? {} : { runbook: type }),
    ...(since === undefined ? {} : { since }),
    ...(cursor === undefined ? {} : { before: cursor }),
  })
  const measured = await parts.reports.recoveries(runs.map(({ header }) => header.id))
  const epochs = await parts.epochs.history(parts.group)
  const began = new Map(epochs.map(({ begunBy, epoch }) => [begunBy, epoch]))
  return {
    items: runs.map((run) => ({
      ...entryOf(run, measured),
      // The register knows, whatever became of the run behind that.
      began: began.get(run.header.id) ?? null,
    })),
    cursor: runs.length < limit ? null : (runs.at(-1)?.header.id ?? null),
  }
}

/** Of what is over nothing is expected any more. */
const notAsked = { known: new Map(), now: new Date(0) }

function entryOf(
  run: Run,
  measured: ReadonlyMap<string, Recovery | null>,
): Omit<HistoryEntry, 'began'> {
  const { id, type, epoch, by, status, outcome, startedAt, endedAt } = operationOf(run, notAsked)
  const recovery = measured.get(id)
  const { rtaMs = null, rtoMs = null, rpaMs = null, rpoMs = null } = recovery ?? {}
  return {
    ...{ id, type, epoch, by, status, outcome, startedAt, endedAt },
    ...{ rtaMs, atLeast: recovery?.atLeast ?? false, rtoMs, rpaMs, rpoMs },
    // Also of a run that was cancelled after its report was written.
    report: measured.has(id) ? `operations/${id}/report` : null,
  }
}
