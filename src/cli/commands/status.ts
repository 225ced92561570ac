import type { Command } from 'commander'
import type { Operation, Status } from '../../api/contract.ts'
import type { Connection } from '../connect.ts'
import { exitCodes } from '../exit-codes.ts'
import { type GroupOptions, groupCommand, withController } from '../group-command.ts'
import { createOutput, type Output } from '../output.ts'
import { statusText } from '../status-text.ts'

interface StatusOptions extends GroupOptions {
  readonly watch?: boolean
}

export function statusCommand(): Command {
  return groupCommand('status', 'where writes go, how far the other side is, who is well', [
    'holdfast status',
    'holdfast status --watch',
    'holdfast status --json | jq .groups[0].lagMs',
  ])
    .option('--watch', 'follow it until Ctrl-C; with --json one line for each change')
    .action(run)
}

async function run(options: StatusOptions): Promise<void> {
  const output = createOutput(options)
  await withController(options, async (connection, signal) => {
    if (options.watch) return watch(connection, output, signal)
    const status = await connection.client.status({ signal })
    output.result(status, () => statusText(status))
  })
}

async function watch({ client }: Connection, output: Output, signal: AbortSignal): Promise<void> {
  let status = await client.status({ signal })
  let shown = ''
  const show = () => {
    // The stream begins with what was just read.
    const facts = JSON.stringify({ ...status, now: '' })
    if (facts === shown) return
    shown = facts
    if (output.interactive) process.stdout.write('\x1b[H\x1b[2J')
    output.result(status, () => statusText(status))
  }
  show()
  for await (const event of client.events(signal)) {
    status = event.type === 'status' ? event.data : withOperation(status, event.data)
    show()
  }
  process.exitCode = exitCodes.interrupted
}

function withOperation(status: Status, data: Operation): Status {
  return {
    ...status,
    groups: status.groups.map((group) =>
      group.group === data.group ? { ...group, operation: data } : group,
    ),
  }
}
