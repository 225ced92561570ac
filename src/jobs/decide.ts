import type { CapturedJob, DecidedJob } from './captured-job.ts'
import { object } from './checkpoint-place.ts'
import { jobPhase } from './job-state.ts'
import type { Resumption } from './resumption.ts'

export interface JobPolicy {
  /** `continuity.yaml`, `jobs.resubmit`. */
  readonly resubmit: 'checkpointed' | 'all' | 'none'
  /** A job whose state the service did not know is believed lost after this long, in milliseconds. */
  readonly holdMs: number
}

export const defaultHoldMs = 10 * 60_000

export interface Decision {
  readonly decision: DecidedJob['decision']
  readonly reason: string
}

/** Pure. */
export function decide(
  job: CapturedJob,
  policy: JobPolicy,
  { checkpoint, progress }: Pick<Resumption, 'checkpoint' | 'progress'>,
  now: Date,
): Decision {
  const phase = jobPhase(job.state)
  if (phase === 'finished') return { decision: 'finished', reason: `It was ${job.state}.` }
  if (phase === 'ending') return leave('Its cancellation had been asked for.')
  if (policy.resubmit === 'none') return leave('The plan resubmits no jobs.')
  if (progress?.isComplete) {
    return { decision: 'finished', reason: `Nothing was left to do after ${progress.after}.` }
  }
  const [obstacle] = job.obstacles
  if (obstacle !== undefined) {
    return manual(`${obstacle.path} stands in the way: ${obstacle.reason}.`)
  }
  if (phase === 'uncertain') {
    const ageMs = now.getTime() - Date.parse(job.stateSince)
    if (ageMs < policy.holdMs) {
      return manual(
        `It had been ${job.state} for ${seconds(ageMs)} only; it may have ended by itself.`,
      )
    }
  }
  if (checkpoint !== null) return resubmit(`It goes on from ${checkpoint}.`)
  if (progress !== null) return resubmit(`It goes on after ${progress.after}.`)
  if (phase === 'unstarted') return resubmit(`It was ${job.state}; nothing is lost.`)
  if (policy.resubmit === 'all') return resubmit('It has no proven checkpoint and starts anew.')
  return manual(
    'It has no proven checkpoint, and the plan resubmits only jobs that can go on from one.',
  )
}

/** A job that moves twice keeps its first name as origin, so its names do not pile up. */
export function originOf(job: Pick<CapturedJob, 'name' | 'body'>): string {
  const origin = object(object(job.body.properties).tags)['holdfast.origin']
  return typeof origin === 'string' && origin !== '' ? origin : job.name
}

/** Deterministic, so that a repeated submission is the same one (I2, I6). */
export function successorName(origin: string, epoch: number): string {
  return `${origin}-e${epoch}`
}

const resubmit = (reason: string): Decision => ({ decision: 'resubmit', reason })
const leave = (reason: string): Decision => ({ decision: 'leave', reason })
const manual = (reason: string): Decision => ({ decision: 'manual', reason })
const seconds = (ms: number): string => `${Math.max(0, Math.round(ms / 1000))} s`
