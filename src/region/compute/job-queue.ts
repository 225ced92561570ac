import { asText } from '../arm/document.ts'
import type { RegionContext } from '../context.ts'
import { type RunningJob, runCommandJob } from './command-job.ts'
import {
  isTerminal,
  type JobRef,
  jobId,
  jobProperties,
  jobType,
  recordStatus,
  statusOf,
} from './job-record.ts'
import { runPipelineJob } from './pipeline-job.ts'

/** Command jobs that run at the same time; a laptop is one small cluster. */
const slots = 2

/** Starts jobs in the order they were submitted and knows which run. */
export class JobQueue {
  readonly #region: RegionContext
  readonly #waiting: Array<{
    readonly job: JobRef
    readonly started: () => void
    readonly finished: () => void
  }> = []
  readonly #running = new Map<string, RunningJob>()
  #busy = 0
  #stopped = false

  constructor(region: RegionContext) {
    this.#region = region
  }

  /** Takes a job that is stored. Idempotent: a job that is known here or finished is left alone. */
  submit(job: JobRef): RunningJob {
    const key = jobId(job).toLowerCase()
    const known = this.#running.get(key)
    if (known) return known
    const running = this.#start(job)
    this.#running.set(key, running)
    void running.done.then(() => this.#running.delete(key))
    return running
  }

  /** Asks a job to end; true when it was still open. */
  cancel(job: JobRef): boolean {
    if (isTerminal(statusOf(this.#region, job))) return false
    const running = this.#running.get(jobId(job).toLowerCase())
    recordStatus(this.#region, job, { status: 'CancelRequested' })
    if (running) running.cancel()
    else
      recordStatus(this.#region, job, {
        status: 'Canceled',
        endTimeUtc: this.#region.clock().toISOString(),
      })
    return true
  }

  /** A job whose workspace is deleted ends at once, for its document does not wait for its process. */
  drop(job: JobRef): void {
    const endTimeUtc = this.#region.clock().toISOString()
    recordStatus(this.#region, job, { status: 'Canceled', endTimeUtc })
    this.#running.get(jobId(job).toLowerCase())?.cancel()
  }

  /**
   * After a start of the region: what ran is lost with the node it ran on, as in Azure; what waited
   * still waits.
   */
  recover(workspaceIds: readonly string[]): void {
    for (const workspaceId of workspaceIds) {
      let afterId: string | undefined
      for (;;) {
        const page = this.#region.resources.list(workspaceId, jobType, {
          limit: 200,
          ...(afterId === undefined ? {} : { afterId }),
        })
        for (const resource of page) this.#recoverOne({ workspaceId, name: resource.name })
        afterId = page.at(-1)?.id
        if (page.length < 200) break
      }
    }
  }

  /** The region stops: running jobs are cut off, as they would be by a power cut. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const { finished } of this.#waiting.splice(0)) finished()
    const running = [...this.#running.values()]
    for (const job of running) job.cancel()
    await Promise.allSettled(running.map((job) => job.done))
  }

  #recoverOne(job: JobRef): void {
    const status = statusOf(this.#region, job)
    if (isTerminal(status)) return
    if (status === 'NotStarted' || status === 'Queued') this.submit(job)
    else if (status === 'CancelRequested')
      recordStatus(this.#region, job, {
        status: 'Canceled',
        endTimeUtc: this.#region.clock().toISOString(),
      })
    else
      recordStatus(this.#region, job, {
        status: 'Failed',
        error: { code: 'NodeLost', message: 'The node was lost while the job ran.' },
        endTimeUtc: this.#region.clock().toISOString(),
      })
  }

  #start(job: JobRef): RunningJob {
    const type = asText(jobProperties(this.#region, job).jobType) ?? ''
    if (type === 'Command') return this.#queued(job)
    if (type === 'Pipeline') return runPipelineJob(this.#region, job, (child) => this.submit(child))
    recordStatus(this.#region, job, {
      status: 'Failed',
      error: {
        code: 'NotSupported',
        message: `A job of type '${type}' cannot run in a local region; command and pipeline jobs can.`,
      },
      endTimeUtc: this.#region.clock().toISOString(),
    })
    return { done: Promise.resolve(), cancel: () => undefined }
  }

  #queued(job: JobRef): RunningJob {
    let inner: RunningJob | undefined
    let cancelled = false
    const done = (async () => {
      const turn = await this.#turn(job)
      try {
        if (cancelled || this.#stopped) {
          if (cancelled)
            recordStatus(this.#region, job, {
              status: 'Canceled',
              endTimeUtc: this.#region.clock().toISOString(),
            })
          return
        }
        inner = runCommandJob(this.#region, job)
        await inner.done
      } finally {
        turn()
      }
    })()
    return {
      done,
      cancel: () => {
        cancelled = true
        inner?.cancel()
        if (!inner) this.#leaveQueue(job)
      },
    }
  }

  /** Resolves with the function that gives the slot back. */
  async #turn(job: JobRef): Promise<() => void> {
    if (this.#busy >= slots) {
      recordStatus(this.#region, job, { status: 'Queued' })
      let finished: () => void = () => undefined
      const left = new Promise<'left'>((resolve) => {
        finished = () => resolve('left')
      })
      const started = new Promise<'started'>((resolve) => {
        this.#waiting.push({ job, started: () => resolve('started'), finished })
      })
      if ((await Promise.race([started, left])) === 'left') return () => undefined
    } else this.#busy += 1
    return () => {
      const next = this.#waiting.shift()
      if (next) next.started()
      else this.#busy -= 1
    }
  }

  #leaveQueue(job: JobRef): void {
    const index = this.#waiting.findIndex(
      (entry) => entry.job.name === job.name && entry.job.workspaceId === job.workspaceId,
    )
    if (index >= 0) this.#waiting.splice(index, 1)[0]?.finished()
  }
}
