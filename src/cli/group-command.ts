import { Command } from 'commander'
import { HoldfastError } from '../model/errors.ts'
import { readerGone } from './closed-reader.ts'
import { type Connection, type ConnectOptions, connect } from './connect.ts'
import { exitCodes } from './exit-codes.ts'
import { withExamples } from './manual.ts'
import { type OutputOptions, withOutput } from './output-format.ts'
import { onStopSignal } from './stop-signals.ts'

export interface GroupOptions extends ConnectOptions, OutputOptions {}

/** A command about the failover group of a plan, with the options all of them share. */
export function groupCommand(
  name: string,
  summary: string,
  examples: readonly string[],
  choices: { readonly server?: boolean; readonly rows?: boolean } = {},
): Command {
  const command = withOutput(withExamples(new Command(name), examples), choices)
    .description(summary)
    .option('--plan <file>', 'plan file', 'continuity.yaml')
    .option('--state <dir>', 'state directory; default: .holdfast beside the plan file')
  if (choices.server ?? true) {
    command.option('--server <url>', 'controller to ask; its token is read from HOLDFAST_TOKEN')
  }
  return command
}

/**
 * Connects, does the work, and closes in every case. `interrupted` aborts at the first Ctrl-C; work
 * that goes on after that (cancelling an operation) takes no signal. A second Ctrl-C ends at once. It
 * aborts as well when nobody reads the result any more.
 */
export async function withController<T>(
  options: ConnectOptions,
  work: (connection: Connection, interrupted: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController()
  const stopListening = onStopSignal(() => {
    if (abort.signal.aborted) process.exit(exitCodes.interrupted)
    abort.abort()
  })
  const stop = AbortSignal.any([abort.signal, readerGone])
  try {
    const connection = await connect(options)
    try {
      if (stop.aborted) throw interrupted()
      return await work(connection, stop)
    } finally {
      await connection.close()
    }
  } finally {
    stopListening()
  }
}

function interrupted(): HoldfastError {
  return new HoldfastError('request.cancelled', 'Interrupted before anything was started.', {
    kind: 'cancelled',
  })
}
