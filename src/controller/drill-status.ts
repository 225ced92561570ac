import type { DrillStatus } from '../api/contract.ts'
import type { Run } from '../runbook/journal.ts'
import { isEnded, type RunState } from '../runbook/run-state.ts'
import type { Runner } from '../runbook/runner.ts'
import type { ProtectedGroup } from './protected-group.ts'

/** Drills looked at for the last complete one; older ones count as none. */
const looked = 100

/** A group that never had a drill is overdue when it has existed for as long as the plan allows. */
export async function drillStatus(
  { plan, records, clock }: Pick<ProtectedGroup, 'plan' | 'records' | 'clock'>,
  runner: Pick<Runner, 'list'>,
): Promise<DrillStatus> {
  const runs = await runner.list({ group: plan.group, runbook: 'drill', limit: looked })
  const ended = runs.filter(({ state }) => isEnded(state))
  const complete = ended.find(({ state }) => outcomeOf(state) === 'complete')
  const [first] = await records.epochs.history(plan.group)
  const since = complete?.state.since ?? first?.since
  const last = ended[0]
  return {
    lastAt: last?.state.since ?? null,
    lastOutcome: last === undefined ? null : outcomeOf(last.state),
    ...(await measuredBy(last, records)),
    overdue: since !== undefined && clock().getTime() - Date.parse(since) > plan.drill.everyMs,
  }
}

async function measuredBy(last: Run | undefined, records: ProtectedGroup['records']) {
  const report = last === undefined ? undefined : await records.reports.read(last.header.id)
  return { rtaMs: report?.recovery?.rtaMs ?? null, rpaMs: report?.recovery?.rpaMs ?? null }
}

function outcomeOf(state: RunState): DrillStatus['lastOutcome'] {
  return state.status === 'done' ? state.outcome : 'failed'
}
