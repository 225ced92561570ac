import { setTimeout as delay } from 'node:timers/promises'
import type { Operation } from '../api/contract.ts'
import { HoldfastError, isCode } from '../model/errors.ts'
import type { Connection } from './connect.ts'
import { type ExitCode, exitCodeOf, exitCodes } from './exit-codes.ts'
import type { Output } from './output.ts'
import { waitingText } from './waiting-text.ts'

export interface FollowOptions {
  readonly connection: Connection
  readonly output: Output
  readonly interrupted: AbortSignal
  /** Called with every state that differs from the one before. */
  readonly onChange: (operation: Operation) => void
}

/** Events tell at once; this look makes sure when a connection is half open. */
const lookEveryMs = 2000
/** A controller that restarts resumes its operations; longer than that, a human has to look. */
const lostAfterMs = 30_000

/**
 * Shows an operation until it is over or nothing more will happen without a human. Ctrl-C cancels
 * an operation of our own controller and waits for its end; another controller's goes on.
 */
export async function followOperation(
  started: Operation,
  options: FollowOptions,
): Promise<Operation> {
  const { connection, output, interrupted, onChange } = options
  let latest = started
  const finished = new AbortController()
  const see = (operation: Operation) => {
    if (operation.id !== started.id || finished.signal.aborted) return
    const changed = JSON.stringify(operation) !== JSON.stringify(latest)
    latest = operation
    if (changed) onChange(operation)
    if (isOver(operation)) finished.abort()
  }
  const onInterrupt = () => {
    if (!connection.inProcess) return finished.abort()
    output.note('Cancelling: the step under way ends first. Press Ctrl-C again to leave at once.')
    // Its failure shows in the next look, which asks the same controller.
    connection.client.cancel(started.id).then(see, () => undefined)
  }
  onChange(started)
  if (isOver(started)) return started
  interrupted.addEventListener('abort', onInterrupt, { once: true })
  if (interrupted.aborted) onInterrupt()
  try {
    await Promise.all([
      listen(connection, started.id, see, finished),
      look(connection, started.id, see, finished),
    ])
  } finally {
    finished.abort()
    interrupted.removeEventListener('abort', onInterrupt)
  }
  return latest
}

/** Nothing more happens by itself. */
export function isOver({ status, outcome }: Operation): boolean {
  return outcome !== null || /^(done|failed|unknown|paused|waiting)$/.test(status)
}

async function listen(
  { client }: Connection,
  id: string,
  see: (operation: Operation) => void,
  finished: AbortController,
): Promise<void> {
  try {
    for await (const event of client.events(finished.signal)) {
      if (event.type === 'operation') see(event.data)
      else for (const { operation } of event.data.groups) if (operation?.id === id) see(operation)
    }
  } catch (error) {
    finished.abort()
    throw error
  }
}

async function look(
  { client }: Connection,
  id: string,
  see: (operation: Operation) => void,
  finished: AbortController,
): Promise<void> {
  const { signal } = finished
  let answeredAt = Date.now()
  while (!signal.aborted) {
    try {
      see(await client.operation(id, { signal }))
      answeredAt = Date.now()
      await delay(lookEveryMs, undefined, { signal })
    } catch (error) {
      if (signal.aborted) return
      const gone = isCode(error, 'controller.unreachable')
      if (gone && Date.now() - answeredAt < lostAfterMs) {
        await delay(500)
        continue
      }
      finished.abort()
      throw gone ? lost(id, error) : error
    }
  }
}

function lost(id: string, cause: unknown): HoldfastError {
  return new HoldfastError(
    'controller.lost',
    `The controller does not answer any more; how operation ${id} stands is unknown.`,
    {
      kind: 'unknown-outcome',
      hint: 'Start it again with `holdfast controller`: it resumes what it had begun.',
      cause,
    },
  )
}

/** What the command ends with, and the sentence for people. */
export function endingOf(
  operation: Operation,
  { connection, interrupted }: Pick<FollowOptions, 'connection' | 'interrupted'>,
): { readonly exitCode: ExitCode; readonly sentence: string } {
  const { type, id, error } = operation
  if (operation.outcome === 'complete')
    return { exitCode: exitCodes.ok, sentence: `${type}: complete` }
  if (operation.outcome === 'partial')
    return { exitCode: exitCodes.partial, sentence: `${type}: partial` }
  if (operation.outcome === 'aborted')
    return { exitCode: exitCodes.interrupted, sentence: `${type}: aborted; what it did is undone` }
  if (operation.outcome === 'cancelled')
    return { exitCode: exitCodes.interrupted, sentence: `${type}: cancelled` }
  const why = error === null ? '' : `: ${error.message} [${error.code}]${hintText(error.hint)}`
  if (operation.status === 'unknown') {
    return { exitCode: exitCodes.unknownOutcome, sentence: `${type}: outcome unknown${why}` }
  }
  if (operation.status === 'failed' || operation.outcome === 'failed') {
    return { exitCode: codeOfFailure(operation), sentence: `${type}: failed${why}` }
  }
  if (interrupted.aborted) {
    const sentence = connection.inProcess
      ? `${type} ${id} has not ended yet; the next command that starts a controller shows how it stands.`
      : `${type} ${id} goes on in the controller. Look at it: holdfast status --watch; its report, when it is over: holdfast report save ${id}`
    return { exitCode: exitCodes.interrupted, sentence }
  }
  if (operation.status === 'waiting') {
    return {
      exitCode: exitCodes.operator,
      sentence: `${type}: ${waitingText(operation)}`,
    }
  }
  return {
    exitCode: exitCodes.unknownOutcome,
    sentence: `${type}: ${operation.status}; it goes on when the controller does`,
  }
}

function hintText(hint: string | null): string {
  return hint === null ? '' : `\n  next  ${hint}`
}

function codeOfFailure({ error }: Operation): ExitCode {
  return error === null
    ? exitCodes.unexpected
    : exitCodeOf(new HoldfastError(error.code, error.message, { kind: error.kind ?? 'permanent' }))
}
