import { setTimeout as delay } from 'node:timers/promises'
import { HoldfastError } from '../model/errors.ts'
import type { Performance, StepOutcome } from './perform.ts'
import { type RunOutcome, type RunState, skipSentence } from './run-state.ts'
import { stateOfWait, type WaitRecord, type WaitTerms, waitSentence } from './wait.ts'

/** How soon an answer is seen, in milliseconds. */
const lookEveryMs = 500

/**
 * Waits until enough people have agreed. All that is known is in the journal, so a process that dies
 * meanwhile changes nothing: the next one goes on waiting, until the same instant. Throws
 * `approval.rejected`, `approval.expired` (operator).
 */
export async function performWait<World>(
  id: string,
  terms: WaitTerms,
  run: Performance<World>,
  wasDone: boolean,
): Promise<StepOutcome> {
  const { tools } = run
  const sleep = tools.sleep ?? ((ms, signal) => delay(ms, undefined, { signal }))
  if (wasDone) return { result: 'done', detail: '', atMost: 'complete' }
  await beginWait(id, terms, run)
  await tools.faultPoint?.(id, 'intent')
  for (;;) {
    const state = await run.state()
    const ended = await endOf(id, state, run)
    if (ended !== undefined) return ended
    await sleep(lookEveryMs, run.signal)
  }
}

async function beginWait<World>(
  step: string,
  { for: role, people, reason, expiresMs, askerCounts }: WaitTerms,
  { runId, tools, write }: Performance<World>,
): Promise<void> {
  const askedBy = (await tools.journal.read(runId))?.header.askedBy
  const expiresAt =
    expiresMs === null ? null : new Date(tools.now().getTime() + expiresMs).toISOString()
  const excluded = askerCounts ? null : (askedBy ?? null)
  await write({ type: 'wait-began', step, for: role, people, reason, expiresAt, excluded })
}

async function endOf<World>(
  step: string,
  state: RunState,
  { tools, write }: Performance<World>,
): Promise<StepOutcome | undefined> {
  const record = state.steps.find((each) => each.id === step)
  const skip = async (detail: string, atMost: RunOutcome): Promise<StepOutcome> => {
    await write({ type: 'step-ended', step, result: 'skipped', detail })
    return { result: 'skipped', detail, atMost }
  }
  if (state.abort !== null) return skip('Aborted before it was answered.', 'aborted')
  if (state.cancelRequested) return skip('Cancelled before it was answered.', 'cancelled')
  if (record?.skip !== undefined) return skip(skipSentence(record.skip), 'partial')
  const wait = record?.wait
  if (wait === undefined) return undefined
  const found = stateOfWait(wait, tools.now().toISOString())
  if (found === 'rejected') throw rejected(step, wait)
  if (found === 'expired') throw expired(step, wait)
  if (found === 'open') return undefined
  await tools.faultPoint?.(step, 'effect')
  await write({ type: 'answered', by: wait.approvals.map(({ by }) => by).join(', ') })
  await tools.faultPoint?.(step, 'record')
  const detail = waitSentence(wait)
  await write({ type: 'step-ended', step, result: 'done', detail })
  return { result: 'done', detail, atMost: 'complete' }
}

const askAgain =
  'Ask again with `holdfast retry OPERATION`, or give it up: holdfast abort OPERATION.'

function rejected(step: string, { rejection }: WaitRecord): HoldfastError {
  const why = rejection?.reason == null ? '' : `: ${rejection.reason}`
  return new HoldfastError('approval.rejected', `${step} was rejected by ${rejection?.by}${why}`, {
    kind: 'operator',
    hint: askAgain,
  })
}

function expired(step: string, wait: WaitRecord): HoldfastError {
  return new HoldfastError(
    'approval.expired',
    `${step} was not answered until ${wait.expiresAt}: ${waitSentence(wait)}`,
    { kind: 'operator', hint: askAgain },
  )
}
