import type { Command } from 'commander'
import type { GroupStatus } from '../../api/contract.ts'
import { groupCommand } from '../group-command.ts'
import { otherMember, type ProcedureOptions, runProcedure } from '../run-procedure.ts'
import { pointText } from '../status-text.ts'

export function switchoverCommand(): Command {
  return plannedMove('switchover', 'move to the other region on purpose; nothing is lost')
}

export function failbackCommand(): Command {
  return plannedMove('failback', 'return to the primary of the plan; nothing is lost')
}

function plannedMove(type: 'switchover' | 'failback', summary: string): Command {
  return groupCommand(type, summary, [`holdfast ${type}`, `holdfast ${type} --dry-run`])
    .option('--yes', 'do not ask')
    .option('--dry-run', 'say what would be done, change nothing')
    .action((options: ProcedureOptions) =>
      runProcedure(
        {
          type,
          stakes: (group) => ({ lines: stakes(type, group) }),
          question: (group) =>
            `Move ${group.group} from ${group.effectivePrimary} to ${otherMember(group)}?`,
        },
        options,
      ),
    )
}

const names = { switchover: 'Switchover', failback: 'Failback' } as const

function stakes(type: keyof typeof names, group: GroupStatus): string[] {
  const { effectivePrimary: from, epoch } = group
  return [
    `${names[type]} of ${group.group}: ${from} -> ${otherMember(group)}, epoch ${epoch} -> ${epoch + 1}`,
    `  replication point  ${pointText(group)}`,
    `  Schedules of ${from} are turned off and jobs that move are stopped there, then run again from their newest checkpoint.`,
    `  What is written at ${from} until it is fenced is brought over.`,
  ]
}
