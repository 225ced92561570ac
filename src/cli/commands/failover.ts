import type { Command } from 'commander'
import type { ApiClient } from '../../api/client.ts'
import type { GroupStatus } from '../../api/contract.ts'
import { atStakeLines, whatIsAtStake } from '../at-stake.ts'
import { groupCommand } from '../group-command.ts'
import { otherMember, type ProcedureOptions, runProcedure, type Stakes } from '../run-procedure.ts'

interface FailoverOptions extends ProcedureOptions {
  readonly force?: boolean
}

export function failoverCommand(): Command {
  return groupCommand('failover', 'move to the other region now; the source may be gone', [
    'holdfast failover',
    'holdfast failover --dry-run',
    'holdfast failover --yes --json',
  ])
    .option('--yes', 'do not ask')
    .option('--force', 'go on although the source still answers')
    .option('--dry-run', 'say what would be done, change nothing')
    .action(run)
}

async function run(options: FailoverOptions): Promise<void> {
  await runProcedure(
    {
      type: 'failover',
      request: { force: options.force ?? false },
      stakes,
      question: (group) =>
        isUnfinished(group)
          ? `Go on with the ${group.operation?.type} of ${group.group} that did not end?`
          : `Fail over ${group.group} from ${group.effectivePrimary} to ${otherMember(group)}?`,
    },
    options,
  )
}

/** A move that raised the epoch and then failed: it is finished before anything else begins. */
function isUnfinished({ operation, epoch }: GroupStatus): boolean {
  if (operation === null || !/^(failover|switchover|failback)$/.test(operation.type)) return false
  return operation.epoch === epoch - 1 && !/^(complete|partial)$/.test(operation.outcome ?? '')
}

async function stakes(
  group: GroupStatus,
  client: ApiClient,
  interrupted: AbortSignal,
): Promise<Stakes> {
  if (isUnfinished(group)) {
    const { type, id } = group.operation ?? {}
    return {
      lines: [
        `${type} ${id} has made ${group.effectivePrimary} primary in epoch ${group.epoch} and did not end.`,
        '  It is gone on with: what is done already is found and left.',
      ],
    }
  }
  const atStake = await whatIsAtStake(client, group, interrupted)
  const { member, health } = atStake.source
  return {
    lines: [
      `Failover of ${group.group}: ${member} -> ${otherMember(group)}, epoch ${group.epoch} -> ${group.epoch + 1}`,
      ...atStakeLines(atStake, group),
      // The sentence of the verdict holds why a member is unwell.
      `  verdict            ${group.verdict?.sentence ?? `none yet; ${member} is ${health}`}`,
    ],
    atStake,
  }
}
