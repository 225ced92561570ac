import type { Command } from 'commander'
import { allItems } from '../../api/all-items.ts'
import type { ListedJob } from '../../api/contract.ts'
import { onlyGroup } from '../connect.ts'
import { type GroupOptions, groupCommand, withController } from '../group-command.ts'
import { createOutput } from '../output.ts'
import { tableText } from '../text.ts'

export function jobsCommand(): Command {
  return groupCommand(
    'jobs',
    'open jobs, and what happened to them at a failover',
    ['holdfast jobs', 'holdfast jobs --json | jq \'.items[] | select(.decision == "manual")\''],
    { rows: true },
  ).action(run)
}

async function run(options: GroupOptions): Promise<void> {
  const output = createOutput(options)
  const items = await withController(options, async ({ client }, signal) => {
    const { group } = onlyGroup(await client.status({ signal }))
    return allItems((place) => client.jobs(group, { ...place, limit: 1000 }, { signal }))
  })
  output.result(
    { items },
    () => (items.length === 0 ? 'No open job is known.' : jobsText(items)),
    () => items,
  )
}

export function jobsText(jobs: readonly ListedJob[]): string {
  return tableText(
    ['JOB', 'STATE', 'DECISION', 'RUNS AS', 'CHECKPOINT', 'REASON'],
    jobs.map(({ job, decision, resubmittedAs, checkpoint, reason, ...row }) => [
      ...[job, stateText(row), decision, resubmittedAs ?? '-', checkpoint ?? '-', reason],
    ]),
    { drop: ['CHECKPOINT', 'RUNS AS'] },
  )
}

/** What was noted before an outage is not how things stand (I8). */
function stateText({ now, state, at }: Pick<ListedJob, 'now' | 'state' | 'at'>): string {
  if (now.state !== null) return now.state
  return `unknown: ${now.member} does not answer; ${state} at ${at}`
}
