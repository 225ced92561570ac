import type { Command } from 'commander'
import type { ApiClient } from '../../api/client.ts'
import type { Status } from '../../api/contract.ts'
import { exitCodes } from '../exit-codes.ts'
import { type GroupOptions, groupCommand, withController } from '../group-command.ts'
import { createOutput, type Output } from '../output.ts'
import { statusLine, statusText } from '../status-text.ts'
import { followStatus } from '../watch/follow-status.ts'

interface StatusOptions extends GroupOptions {
  readonly watch?: boolean
}

export function statusCommand(): Command {
  return groupCommand('status', 'where writes go, how far the other side is, who is well', [
    'holdfast status',
    'holdfast status --watch',
    'holdfast status --json | jq .groups[0].lagMs',
  ])
    .option('--watch', 'keep it on the screen until q; a line for each change where no terminal is')
    .action(run)
}

async function run(options: StatusOptions): Promise<void> {
  const output = createOutput(options)
  await withController(options, async (connection, signal) => {
    if (!options.watch) {
      const status = await connection.client.status({ signal })
      output.result(status, () => statusText(status))
    } else if (output.interactive && process.stdin.isTTY) {
      const { watchScreen } = await import('../watch/watch-screen.ts')
      await watchScreen(connection.find, signal)
    } else {
      await watchLines(connection.find, output, signal)
      process.exitCode = exitCodes.interrupted
    }
  })
}

/** A line, or a document, for each change. */
async function watchLines(
  find: () => Promise<ApiClient | undefined>,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  let shown = ''
  let isLost = false
  const follower = {
    onStatus: (status: Status) => {
      if (isLost) output.note('The controller answers again.')
      isLost = false
      const { facts, line } = statusLine(status)
      const now = output.forPrograms ? JSON.stringify({ ...status, now: '' }) : facts
      if (now === shown) return
      shown = now
      output.result(status, () => line)
    },
    onLost: () => {
      if (!isLost) output.note('The controller does not answer; what is true now is unknown.')
      isLost = true
    },
  }
  await followStatus(find, follower, signal)
}
