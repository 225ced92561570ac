import { setTimeout as delay } from 'node:timers/promises'
import type { ApiClient } from '../api/client.ts'
import type { Operation } from '../api/contract.ts'
import { HoldfastError } from '../model/errors.ts'
import { endingAfter } from '../workspace/deadline.ts'
import type { Connection } from './connect.ts'
import { type ExitCode, exitCodeOf, exitCodes } from './exit-codes.ts'
import type { Output } from './output.ts'
import { durationText } from './text.ts'
import { waitingText } from './waiting-text.ts'
import { rethrowRefusal, untilSilent } from './watch/follow-status.ts'

export interface FollowOptions {
  readonly connection: Connection
  readonly output: Output
  readonly interrupted: AbortSignal
  /** Called with every state that differs from the one before. */
  readonly onChange: (operation: Operation) => void
  /** How long a controller that does not answer is waited for; default a minute. */
  readonly lostAfterMs?: number
}

/** Events tell at once; this look makes sure when a connection is half open. */
const lookEveryMs = 2000
const answerWithinMs = 10_000
const searchEveryMs = 500
/** A controller that restarts resumes its operations; longer than that, a human has to look. */
const silenceMs = 60_000

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
    await followThrough(started.id, options, see, finished.signal)
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

type See = (operation: Operation) => void

/** Says when the controller falls silent, and goes on with the one that answers next. */
async function followThrough(
  id: string,
  { connection, output, lostAfterMs = silenceMs }: FollowOptions,
  see: See,
  signal: AbortSignal,
): Promise<void> {
  let client: ApiClient | undefined = connection.client
  let heardAt = Date.now()
  let isLost = false
  const hear = (operation: Operation) => {
    if (isLost) output.note('The controller answers again.')
    isLost = false
    heardAt = Date.now()
    see(operation)
  }
  while (!signal.aborted) {
    if (client !== undefined) await followOne(client, id, hear, signal)
    if (signal.aborted) return
    if (!isLost) output.note(lossText(connection.client.url, lostAfterMs))
    isLost = true
    if (Date.now() - heardAt > lostAfterMs) throw lost(id)
    await delay(searchEveryMs, undefined, { signal }).catch(() => undefined)
    client = await connection.find().catch(rethrowRefusal)
  }
}

/** Ends when the controller stops answering. */
async function followOne(
  client: ApiClient,
  id: string,
  see: See,
  signal: AbortSignal,
): Promise<void> {
  const listen = async (either: AbortSignal) => {
    for await (const event of client.events(either)) {
      if (event.type === 'operation') see(event.data)
      else for (const { operation } of event.data.groups) if (operation?.id === id) see(operation)
    }
  }
  const look = async (either: AbortSignal) => {
    while (!either.aborted) {
      see(await client.operation(id, { signal: endingAfter(answerWithinMs, either) }))
      await delay(lookEveryMs, undefined, { signal: either })
    }
  }
  await untilSilent([listen, look], signal)
}

function lossText(url: string, lostAfterMs: number): string {
  return `The connection to the controller at ${url} was lost; how the operation stands is unknown. Trying again for ${durationText(lostAfterMs)}. To look yourself: holdfast status`
}

function lost(id: string): HoldfastError {
  return new HoldfastError(
    'controller.lost',
    `The controller does not answer any more; how operation ${id} stands is unknown.`,
    {
      kind: 'unknown-outcome',
      hint: 'Start it again with `holdfast controller`: it resumes what it had begun. How it stands then: holdfast status',
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
