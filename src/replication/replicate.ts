import { type HoldfastError, isHoldfastError } from '../model/errors.ts'
import { circuitOpen } from '../workspace/decorators/breaking.ts'
import { finishDeferred } from './apply-object.ts'
import { passBlobs } from './blobs.ts'
import { carryDeletions } from './carry-deletions.ts'
import { counting } from './counting.ts'
import { passBuiltImages } from './images.ts'
import type { ReplicationPointRow } from './ledger.ts'
import { passNotProtected } from './not-protected.ts'
import { passObjects } from './objects.ts'
import type { PassResult, ReplicationContext } from './pass.ts'
import { beginPass, type Pass, type PassMode, progressed } from './pass-state.ts'
import { PassWork } from './pass-work.ts'
import { isAheadOf } from './replication-point.ts'
import { RunHistoryPass } from './runs.ts'
import { settleGone } from './settle-gone.ts'
import { urgentBlobs } from './urgent.ts'
import { formatWatermark, parseWatermark, type Watermark } from './watermark.ts'

/**
 * One pass: bytes, then documents in waves, then run history; everything re-read and compared. The
 * replication point moves to the pass's start if and only if everything in scope is proven (I4).
 */
export async function replicate(context: ReplicationContext): Promise<PassResult> {
  return runPass(context, 'replicate')
}

/** Shared by the kinds of pass; `begun` hands the pass's findings to who wants more than numbers. */
export async function runPass(
  context: ReplicationContext,
  mode: PassMode,
  begun?: (pass: Pass) => void,
): Promise<PassResult> {
  const startedMs = performance.now()
  let pass: Pass | undefined
  let work: PassWork | undefined
  const before = await context.ledger.readPoint({
    group: context.group,
    source: context.source.name,
    target: context.target.name,
  })
  let point: string | null = before?.at ?? null
  let apart: number | undefined
  const result = (
    outcome: PassResult['outcome'],
    error: PassResult['error'] = null,
  ): PassResult => {
    const tally = pass?.tally
    return {
      outcome,
      replicationPoint: point,
      compared: tally?.compared ?? 0,
      created: tally?.created ?? 0,
      updated: tally?.updated ?? 0,
      failed: tally?.failed ?? 0,
      pending: tally?.pending ?? 0,
      conflicts: tally?.conflicts ?? 0,
      ...(apart === undefined ? {} : { apart }),
      bytesCopied: tally?.bytesCopied ?? 0,
      requests: tally?.requests ?? 0,
      durationMs: performance.now() - startedMs,
      error,
    }
  }
  try {
    const count = () => {
      if (pass !== undefined) pass.tally.requests += 1
    }
    pass = await beginPass(counting(context, count), mode)
    work = new PassWork(pass)
    begun?.(pass)
    if (mode === 'replicate' && context.urgent !== undefined)
      pass.urgent = urgentBlobs(pass, context.urgent.places)
    const watermark = await walk(pass, work, before)
    if (mode === 'replicate') apart = await countConflicts(pass)
    if (pass.unproven.size > 0 || pass.unlisted.size > 0) return result('partial')
    if (mode === 'replicate') point = await advance(pass, watermark)
    return result('complete')
  } catch (error) {
    if (!isHoldfastError(error)) throw error
    return result(endOf(error, pass), {
      code: error.code,
      message: error.message,
    })
  } finally {
    await work?.close()
    await pass?.urgent?.settled()
  }
}

/** By the ledger, which the list of conflicts is made from: both say one number (I8). Gives those apart. */
async function countConflicts({ context, direction, tally }: Pass): Promise<number> {
  const counts = await context.ledger.counts(direction)
  tally.conflicts = counts.reduce((sum, line) => sum + line.conflict, 0)
  return counts.reduce((sum, line) => sum + line.apart, 0)
}

/** A region that is left alone ends the pass early: what it brought over until then stands. */
function endOf(error: HoldfastError, pass: Pass | undefined): PassResult['outcome'] {
  if (error.kind === 'cancelled') return 'cancelled'
  return error.code === circuitOpen && pass !== undefined ? 'partial' : 'failed'
}

async function walk(
  pass: Pass,
  work: PassWork,
  point: ReplicationPointRow | undefined,
): Promise<Watermark> {
  await pass.urgent?.look()
  const { mode, context } = pass
  const history = new RunHistoryPass(pass, parseWatermark(point?.runsSince), work)
  try {
    if (mode === 'replicate' && context.full !== true && point !== undefined) history.lookAhead()
    // It changes seldom, and asking costs requests for each experiment: a cheap pass does not.
    if (context.full === true || mode === 'plan' || point === undefined)
      await passNotProtected(pass)
    await passBlobs(pass, work)
    await passBuiltImages(pass)
    await passObjects(pass)
    if (mode !== 'plan') await finishDeferred(pass)
    const watermark = await history.finish()
    await pass.urgent?.finish()
    await carryDeletions(pass)
    await settleGone(pass)
    pass.phase = 'done'
    progressed(pass)
    return watermark
  } finally {
    await history.close()
  }
}

async function advance(pass: Pass, watermark: Watermark): Promise<string> {
  const at = pass.startedAt.toISOString()
  const standing = await pass.context.ledger.readPoint(pass.direction)
  const isAhead = standing !== undefined && isAheadOf(standing.at, pass.sourceTime)
  await pass.context.ledger.advancePoint(pass.direction, {
    at,
    epoch: pass.context.epoch,
    runsSince: formatWatermark(watermark),
    ...(isAhead ? { replaces: standing.at } : {}),
  })
  return at
}
