import { Command } from 'commander'
import { onlyGroup } from '../connect.ts'
import { exitCodes } from '../exit-codes.ts'
import { type GroupOptions, groupCommand, withController } from '../group-command.ts'
import { withExamples } from '../manual.ts'
import { createOutput } from '../output.ts'
import { tableText } from '../text.ts'

export function notifyCommand(): Command {
  return withExamples(new Command('notify'), ['holdfast notify test --channel on-call'])
    .description('try the channels of the plan that tell people')
    .addCommand(testCommand())
}

function testCommand(): Command {
  return groupCommand('test', 'send a test to the channels of the plan', [
    'holdfast notify test',
    'holdfast notify test --channel on-call',
  ])
    .option('--channel <name>', 'only to this one')
    .action(test)
}

async function test(options: GroupOptions & { readonly channel?: string }): Promise<void> {
  const output = createOutput(options)
  const items = await withController(options, async ({ client }, signal) => {
    const { group } = onlyGroup(await client.status({ signal }))
    return client.testNotify(group, options.channel, { signal })
  })
  output.result({ items }, () =>
    tableText(
      ['CHANNEL', 'RESULT'],
      items.map(({ channel, taken, error }) => [channel, taken ? 'taken' : (error ?? 'refused')]),
    ),
  )
  if (items.some(({ taken }) => !taken)) process.exitCode = exitCodes.unreachable
}
