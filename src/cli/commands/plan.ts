import type { Command } from 'commander'
import type { ReplicationPlan } from '../../api/contract.ts'
import { onlyGroup } from '../connect.ts'
import { type GroupOptions, groupCommand, withController } from '../group-command.ts'
import { createOutput } from '../output.ts'
import { planTextOf } from '../plan-text.ts'

export function planCommand(): Command {
  return groupCommand('plan', 'what a sync would copy, change and leave', [
    'holdfast plan',
    'holdfast plan --json | jq \'.actions[] | select(.action == "conflict")\'',
  ]).action(run)
}

async function run(options: GroupOptions): Promise<void> {
  await showPlan(options)
}

/** Also what `sync --dry-run` prints: the plan is exactly what a sync does (D7). */
export async function showPlan(options: GroupOptions): Promise<void> {
  const output = createOutput(options)
  const plan = await withController(
    options,
    async ({ client }, signal): Promise<ReplicationPlan> => {
      const { group } = onlyGroup(await client.status({ signal }))
      return client.plan(group, { signal })
    },
  )
  output.result(plan, () => planTextOf(plan))
}
