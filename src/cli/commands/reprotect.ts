import type { Command } from 'commander'
import type { GroupStatus } from '../../api/contract.ts'
import { groupCommand } from '../group-command.ts'
import { otherMember, type ProcedureOptions, runProcedure } from '../run-procedure.ts'

export function reprotectCommand(): Command {
  return groupCommand(
    'reprotect',
    'after a failover: salvage from the returned region and replicate the other way',
    ['holdfast reprotect', 'holdfast reprotect --yes --json'],
  )
    .option('--yes', 'do not ask')
    .option('--dry-run', 'say what would be done, change nothing')
    .action(run)
}

async function run(options: ProcedureOptions): Promise<void> {
  await runProcedure(
    {
      type: 'reprotect',
      stakes: (group) => ({ lines: stakes(group) }),
      question: (group) =>
        `Protect ${group.effectivePrimary} by replicating to ${otherMember(group)} from now on?`,
    },
    options,
  )
}

function stakes(group: GroupStatus): string[] {
  const other = otherMember(group)
  const returning = group.members.find(({ name }) => name === other)
  return [
    `Re-protection of ${group.group}: ${group.effectivePrimary} keeps leading (epoch ${group.epoch}), ${other} becomes its copy`,
    `  protection now     ${group.protection}`,
    `  ${other} is ${returning?.health ?? 'unknown'}${returning?.reason ? `: ${returning.reason}` : ''}`,
    `  Objects of ${other} that never arrived are salvaged first; nothing is overwritten unseen.`,
  ]
}
