import { Argument, type Command } from 'commander'
import type { ResolvedRun } from '../../api/contract.ts'
import { onlyGroup } from '../connect.ts'
import { type GroupOptions, groupCommand, withController } from '../group-command.ts'
import { createOutput } from '../output.ts'
import { tableText } from '../text.ts'

export function resolveCommand(): Command {
  return groupCommand(
    'resolve',
    'where a run or a logged model is now, by its id at either side',
    [
      'holdfast resolve run 8b6f0c1e5d2a4f7e9a3b1c2d4e5f6a7b',
      'holdfast resolve logged-model m-187357c689e7417e8dd925fe5f18b01b',
      "holdfast resolve run $OLD --json | jq -r '.links[0].copy.run'",
    ],
    { rows: true },
  )
    .addArgument(new Argument('<what>', 'what to find').choices(['run', 'logged-model']))
    .argument('<id>', 'its id, at the original or at the copy')
    .action(run)
}

async function run(_what: string, id: string, options: GroupOptions): Promise<void> {
  const output = createOutput(options)
  const found = await withController(options, async ({ client }, signal) => {
    const { group } = onlyGroup(await client.status({ signal }))
    return client.resolveRun(group, id, { signal })
  })
  output.result(
    found,
    () => linksText(found),
    () => found.links,
  )
}

function linksText({ links }: ResolvedRun): string {
  return tableText(
    ['ORIGINAL AT', 'ID', 'COPY AT', 'ID'],
    links.map(({ origin, copy }) => [origin.member, origin.run, copy.member, copy.run]),
  )
}
