import { isHoldfastError } from '../model/errors.ts'
import type { PassResult } from '../replication/pass.ts'
import { emptyTally } from '../replication/pass-state.ts'
import { markMembers } from './establish.ts'
import type { PassGate } from './pass-gate.ts'
import {
  captureJobs,
  courseNow,
  type ProtectedGroup,
  replicateFrom,
  tellEndpoints,
} from './protected-group.ts'
import { sleepUnlessAborted } from './watch.ts'

export interface BackgroundOptions {
  /** From the end of one pass to the start of the next, in milliseconds. */
  readonly everyMs: number
  /** Passes between two full ones are cheap: they do not look at old runs and at what is gone. */
  readonly reconcileEveryMs: number
  readonly gate: PassGate
  /** The primary answers and no procedure is under way; a sentence why not otherwise. */
  readonly whyNot: () => Promise<string | undefined>
  readonly onPass: (result: PassResult) => void
  readonly signal: AbortSignal
}

/**
 * Passes that nobody asks for, one after the other. Each starts from what the ledger proves, so one
 * that a crash or a failover ends is simply followed by the next; it needs no journal.
 */
export async function runBackgroundPasses(
  group: ProtectedGroup,
  options: BackgroundOptions,
): Promise<void> {
  const { gate, signal, log } = { ...options, log: group.log }
  let said: string | undefined
  let reconciledAt = group.clock().getTime()
  const pass = async (ended: AbortSignal) => {
    const startedAt = group.clock().getTime()
    const full = startedAt - reconciledAt >= options.reconcileEveryMs
    const outcome = await onePass(group, options, ended, full)
    // One that was ended or failed is due again at once.
    if (full && (outcome === 'complete' || outcome === 'partial')) reconciledAt = startedAt
  }
  while (!signal.aborted) {
    try {
      const why = await options.whyNot()
      if (why === undefined) await gate.tryBackground(pass)
      else if (why !== said) log.info({ group: group.plan.group }, `no pass: ${why}`)
      said = why
    } catch (error) {
      if (signal.aborted) return
      options.onPass(failedPass(error))
      log.warn({ group: group.plan.group, err: error }, 'a pass failed')
    }
    await sleepUnlessAborted(options.everyMs, signal)
  }
}

async function onePass(
  group: ProtectedGroup,
  options: BackgroundOptions,
  ended: AbortSignal,
  full: boolean,
): Promise<PassResult['outcome']> {
  const signal = AbortSignal.any([options.signal, ended])
  const course = await courseNow(group)
  await markMembers(group, signal)
  await captureJobs(group, course, { signal })
  const untold = await tellEndpoints(group, course, { signal })
  for (const sentence of untold) group.log.warn({ group: group.plan.group }, sentence)
  const result = await replicateFrom(group, course.primary, course.secondary, {
    ...{ epoch: course.epoch, signal, full },
    onProgress: () => undefined,
  })
  options.onPass(result)
  return result.outcome
}

/** A pass that failed before it could tell how far it came. */
function failedPass(error: unknown): PassResult {
  const known = isHoldfastError(error)
  const { objectsTotal: _, ...nothing } = emptyTally()
  return {
    ...nothing,
    outcome: known && error.kind === 'cancelled' ? 'cancelled' : 'failed',
    replicationPoint: null,
    durationMs: 0,
    error: {
      code: known ? error.code : 'internal.unexpected',
      message: error instanceof Error ? error.message : String(error),
    },
  }
}
