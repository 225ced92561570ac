import type { Command } from 'commander'
import type { GroupStatus } from '../../api/contract.ts'
import { groupCommand } from '../group-command.ts'
import { otherMember, type ProcedureOptions, runProcedure } from '../run-procedure.ts'
import { pointText } from '../status-text.ts'

export function drillCommand(): Command {
  return groupCommand('drill', 'rehearse a failover beside the protection that goes on', [
    'holdfast drill',
    'holdfast drill --yes --json',
  ])
    .option('--yes', 'do not ask')
    .option('--dry-run', 'say what would be done, change nothing')
    .action((options: ProcedureOptions) =>
      runProcedure(
        {
          type: 'drill',
          stakes: (group) => ({ lines: stakes(group) }),
          question: (group) => `Rehearse a failover of ${group.group} at ${otherMember(group)}?`,
        },
        options,
      ),
    )
}

function stakes(group: GroupStatus): string[] {
  const target = otherMember(group)
  return [
    `Drill of ${group.group} at ${target}; ${group.effectivePrimary} keeps leading, passes go on`,
    `  replication point  ${pointText(group)}`,
    `  Copies of endpoints run at ${target} for minutes and cost what they cost; all are removed.`,
    '  A copy of each job that would move is started and cancelled (drill.jobs of the plan).',
  ]
}
