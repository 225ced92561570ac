import type { Command } from 'commander'
import { HoldfastError } from '../../model/errors.ts'
import { type GroupOptions, groupCommand, withController } from '../group-command.ts'
import { createOutput } from '../output.ts'

export function consoleCommand(): Command {
  return groupCommand('console', 'print a link that opens the console, once', [
    'holdfast console',
    'xdg-open "$(holdfast console)"',
  ]).action(run)
}

async function run(options: GroupOptions): Promise<void> {
  const output = createOutput(options)
  await withController(options, async ({ client, inProcess }, signal) => {
    if (inProcess) {
      throw new HoldfastError('controller.unreachable', 'No controller runs that has a console.', {
        kind: 'transient',
        hint: 'Start one: holdfast controller',
      })
    }
    const url = await client.consoleLink({ signal })
    output.result({ url }, () => url)
  })
}
