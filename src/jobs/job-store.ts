import type { JobRow } from '../api/contract.ts'
import { HoldfastError } from '../model/errors.ts'
import type { CapturedJob, DecidedJob } from './captured-job.ts'

/** Open jobs of one member as of one instant. */
export interface JobCapture {
  readonly group: string
  /** Member on which they run. */
  readonly source: string
  readonly epoch: number
  readonly at: string
  readonly jobs: readonly CapturedJob[]
}

export interface JobDecisions {
  /** Id of the failover's run; decisions belong to it. */
  readonly run: string
  readonly group: string
  readonly source: string
  readonly epoch: number
  /** They run again where they ran, in the same epoch: a planned move had stopped them and was given up. */
  readonly restart?: true
  readonly jobs: readonly DecidedJob[]
}

/** What was open, and what became of it (the ledger old -> new). */
export interface JobStore {
  /** Replaces what was captured of this member; refuses an older epoch with `epoch.stale` (I1). */
  saveCapture(capture: JobCapture): Promise<void>
  readCapture(group: string, source: string): Promise<JobCapture | undefined>
  /**
   * From here on captures of this member that are older than `epoch` are refused: what is decided about
   * its jobs must not be overtaken by a look that was begun before (I6).
   */
  closeCaptures(group: string, source: string, epoch: number): Promise<void>
  /**
   * Marks these captured jobs, and no others, as stopped by a planned move. Later captures keep what is
   * marked, so that whatever becomes of that move nobody forgets them (I6).
   */
  markStopped(group: string, source: string, jobs: readonly string[]): Promise<void>
  /** Keeps the decisions that a run made first, and returns them (I2). */
  decideOnce(decisions: JobDecisions): Promise<JobDecisions>
  readDecisions(run: string): Promise<JobDecisions | undefined>
  /** All runs of a group that moved jobs away from this member, newest first. */
  decisionsFrom(group: string, source: string): Promise<readonly JobDecisions[]>
  markResubmitted(run: string, job: string, at: string): Promise<void>
  /** It is not submitted after all: refused for good (`manual`), or needless (`leave`). */
  markLeft(run: string, job: string, left: LeftJob): Promise<void>
  /** Newest first. */
  rows(group: string): Promise<JobRow[]>
}

export type LeftJob = Pick<DecidedJob, 'reason' | 'at'> & { readonly decision: 'manual' | 'leave' }

export function withStopped(capture: JobCapture, stopped: readonly string[]): JobCapture {
  const jobs = capture.jobs.map(({ stopped: _before, ...job }) =>
    stopped.includes(job.name) ? { ...job, stopped: true as const } : job,
  )
  return { ...capture, jobs }
}

export function toJobRow(job: DecidedJob, epoch: number): JobRow {
  const { state, decision, reason, resubmittedAs, checkpoint, at } = job
  return { job: job.job, state, decision, reason, resubmittedAs, checkpoint, epoch, at }
}

export function staleCapture(capture: JobCapture, known: number): HoldfastError {
  return new HoldfastError(
    'epoch.stale',
    `Jobs of ${capture.source} were captured in epoch ${capture.epoch}; epoch ${known} has begun.`,
  )
}

export function memoryJobStore(): JobStore {
  const captures = new Map<string, JobCapture>()
  const closed = new Map<string, number>()
  const decisions = new Map<string, JobDecisions>()
  const key = (group: string, source: string): string => JSON.stringify([group, source])
  const change = (run: string, job: string, changes: Partial<DecidedJob>): void => {
    const found = decisions.get(run)
    if (found === undefined) return
    decisions.set(run, {
      ...found,
      jobs: found.jobs.map((each) => (each.job === job ? { ...each, ...changes } : each)),
    })
  }
  const newestFirst = (group: string): JobDecisions[] =>
    [...decisions.values()].reverse().filter((each) => each.group === group)
  return {
    saveCapture: async (capture) => {
      const place = key(capture.group, capture.source)
      const newest = Math.max(captures.get(place)?.epoch ?? 0, closed.get(place) ?? 0)
      if (newest > capture.epoch) throw staleCapture(capture, newest)
      captures.set(place, structuredClone(capture))
    },
    readCapture: async (group, source) => captures.get(key(group, source)),
    closeCaptures: async (group, source, epoch) => {
      const place = key(group, source)
      closed.set(place, Math.max(epoch, closed.get(place) ?? 0))
    },
    markStopped: async (group, source, jobs) => {
      const capture = captures.get(key(group, source))
      if (capture !== undefined) captures.set(key(group, source), withStopped(capture, jobs))
    },
    decideOnce: async (made) => {
      const kept = decisions.get(made.run) ?? structuredClone(made)
      decisions.set(made.run, kept)
      return kept
    },
    readDecisions: async (run) => decisions.get(run),
    decisionsFrom: async (group, source) =>
      newestFirst(group).filter((each) => each.source === source),
    markResubmitted: async (run, job, at) => {
      const as = decisions.get(run)?.jobs.find((each) => each.job === job)?.newName ?? null
      change(run, job, { resubmittedAs: as, at })
    },
    markLeft: async (run, job, left) => change(run, job, left),
    rows: async (group) =>
      newestFirst(group).flatMap(({ jobs, epoch }) => jobs.map((job) => toJobRow(job, epoch))),
  }
}
