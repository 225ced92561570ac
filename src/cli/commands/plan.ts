import type { Command } from 'commander'
import type { ReplicationPlan } from '../../api/contract.ts'
import { onlyGroup } from '../connect.ts'
import { type GroupOptions, groupCommand, withController } from '../group-command.ts'
import { createOutput } from '../output.ts'
import { planTextOf } from '../plan-text.ts'
import { savePlan } from '../saved-plan.ts'

export function planCommand(): Command {
  return groupCommand(
    'plan',
    'what a sync would copy, change and leave',
    [
      'holdfast plan',
      'holdfast plan --out reviewed.json   # then: holdfast sync --apply reviewed.json',
      'holdfast plan --json | jq \'.actions[] | select(.action == "conflict")\'',
      'holdfast plan -o csv > plan.csv',
    ],
    { rows: true },
  )
    .option('--full', 'as a full sync would: old runs and what was deleted, too')
    .option('--out <file>', 'also write it to a file that `holdfast sync --apply` takes')
    .action(showPlan)
}

export interface PlanOptions extends GroupOptions {
  readonly full?: boolean
  readonly out?: string
}

/** Also what `sync --dry-run` prints: the plan is exactly what a sync does (D7). */
export async function showPlan(options: PlanOptions): Promise<void> {
  const output = createOutput(options)
  const plan = await withController(
    options,
    async ({ client }, signal): Promise<ReplicationPlan> => {
      const { group, epoch } = onlyGroup(await client.status({ signal }))
      const { full = false, out } = options
      const made = await client.plan(group, { signal, full })
      if (out !== undefined) savePlan(out, { plan: made, full, epoch })
      return made
    },
  )
  output.result(
    plan,
    () => planTextOf(plan),
    () => plan.actions,
  )
}
