import { asRecord, asText } from '../arm/document.ts'
import type { RegionContext } from '../context.ts'
import { fail, type RunningJob, runCommandJob } from './command-job.ts'
import { computeOf } from './compute-of.ts'
import {
  isTerminal,
  type JobRef,
  jobId,
  jobProperties,
  jobType,
  recordStatus,
  statusOf,
} from './job-record.ts'
import type { Nodes } from './nodes.ts'
import { runPipelineJob } from './pipeline-job.ts'
import { runSweepJob } from './sweep-job.ts'

/** Command jobs without a compute of their own (serverless) that run at the same time. */
const serverlessSlots = 2
/** Command jobs that run at the same time whatever the clusters allow: all of them are one machine. */
const usualSlots = 4

interface Waiting {
  readonly job: JobRef
  start(): void
  leave(): void
}

/** Starts jobs in the order they were submitted, each when its compute has room, and knows which run. */
export class JobQueue {
  readonly #region: RegionContext
  readonly #nodes: Nodes
  readonly #slots: number
  readonly #waiting: Waiting[] = []
  readonly #running = new Map<string, RunningJob & { readonly job: JobRef }>()
  /** Command jobs that run now, by key, with the compute they run on. */
  readonly #placed = new Map<string, string | undefined>()
  #stopped = false

  /** Without slots, jobs are accepted and wait, as they do in Azure while a quota is used up. */
  constructor(region: RegionContext, nodes: Nodes, slots = usualSlots) {
    this.#region = region
    this.#nodes = nodes
    this.#slots = slots
  }

  /** Takes a job that is stored. Idempotent: a job that is known here or finished is left alone. */
  submit(job: JobRef): RunningJob {
    const key = keyOf(job)
    const known = this.#running.get(key)
    if (known) return known
    const running = { ...this.#start(job), job }
    this.#running.set(key, running)
    void running.done.then(() => this.#running.delete(key))
    return running
  }

  /** Asks a job to end; true when it was still open. */
  cancel(job: JobRef): boolean {
    if (isTerminal(statusOf(this.#region, job))) return false
    const running = this.#running.get(keyOf(job))
    recordStatus(this.#region, job, { status: 'CancelRequested' })
    if (running) running.cancel()
    else this.#ended(job, 'Canceled')
    return true
  }

  /** A job whose workspace is deleted ends at once, for its document does not wait for its process. */
  drop(job: JobRef): void {
    this.#ended(job, 'Canceled')
    this.#running.get(keyOf(job))?.cancel()
  }

  /** An instance stops: what runs on it is lost with it. */
  loseNode(computeId: string): void {
    for (const [key, compute] of [...this.#placed]) {
      if (compute?.toLowerCase() !== computeId.toLowerCase()) continue
      const running = this.#running.get(key)
      if (!running) continue
      this.#lost(running.job)
      running.cancel()
    }
    this.#nodes.forget(computeId)
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

  /** Ends what is out of time, and starts what has room by now. */
  look(now: Date): void {
    for (const running of [...this.#running.values()]) running.look?.(now)
    this.pump()
  }

  /** Starts what waits and has room, the longest waiting first. */
  pump(): void {
    for (const entry of [...this.#waiting]) {
      if (this.#placed.size >= this.#slots) return
      if (!this.#place(entry.job)) continue
      this.#waiting.splice(this.#waiting.indexOf(entry), 1)
      entry.start()
    }
  }

  /** The region stops: what runs is lost, as in a power cut; what waits still waits at the next start. */
  async stop(): Promise<void> {
    this.#stopped = true
    const waiting = new Set(this.#waiting.map(({ job }) => keyOf(job)))
    for (const { leave } of this.#waiting.splice(0)) leave()
    const running = [...this.#running.values()]
    for (const { job, cancel } of running) {
      if (waiting.has(keyOf(job))) continue
      this.#lost(job)
      cancel()
    }
    await Promise.allSettled(running.map((one) => one.done))
  }

  #recoverOne(job: JobRef): void {
    const status = statusOf(this.#region, job)
    if (isTerminal(status)) return
    if (this.#isOrphan(job)) this.#ended(job, 'Canceled')
    else if (status === 'NotStarted' || status === 'Queued') this.submit(job)
    else if (status === 'CancelRequested') this.#ended(job, 'Canceled')
    else this.#lost(job)
  }

  /** A step or trial that had not begun when its pipeline or sweep was lost. Parents come first. */
  #isOrphan(job: JobRef): boolean {
    const { properties } = jobProperties(this.#region, job)
    const parent = asText(asRecord(properties)['azureml.parentRunId'])
    if (parent === undefined) return false
    return isTerminal(statusOf(this.#region, { workspaceId: job.workspaceId, name: parent }))
  }

  #ended(job: JobRef, status: 'Canceled'): void {
    recordStatus(this.#region, job, { status, endTimeUtc: this.#region.clock().toISOString() })
  }

  #lost(job: JobRef): void {
    recordStatus(this.#region, job, {
      status: 'Failed',
      error: { code: 'NodeLost', message: 'The node was lost while the job ran.' },
      endTimeUtc: this.#region.clock().toISOString(),
    })
  }

  #start(job: JobRef): RunningJob {
    const type = asText(jobProperties(this.#region, job).jobType) ?? ''
    const runChild = (child: JobRef) => this.submit(child)
    if (type === 'Command' || this.#slots === 0) return this.#queued(job)
    if (type === 'Pipeline') return runPipelineJob(this.#region, job, runChild)
    if (type === 'Sweep') return runSweepJob(this.#region, job, runChild)
    recordStatus(this.#region, job, {
      status: 'Failed',
      error: {
        code: 'NotSupported',
        message: `A job of type '${type}' cannot run in a local region; command, sweep and pipeline jobs can.`,
      },
      endTimeUtc: this.#region.clock().toISOString(),
    })
    return { done: Promise.resolve(), cancel: () => undefined }
  }

  #queued(job: JobRef): RunningJob {
    const key = keyOf(job)
    let inner: RunningJob | undefined
    let isCancelled = false
    const done = this.#turn(job)
      .then(async (turn) => {
        if (isCancelled) this.#ended(job, 'Canceled')
        if (turn === 'left' || isCancelled || this.#stopped) return
        inner = runCommandJob(this.#region, job)
        await inner.done
      })
      .catch((error: unknown) => fail(this.#region, job, error))
      .finally(() => {
        this.#placed.delete(key)
        this.#nodes.give(key)
        if (!this.#stopped) this.pump()
      })
    return {
      done,
      cancel: () => {
        isCancelled = true
        if (inner) inner.cancel()
        else this.#leaveQueue(job)
      },
      look: (now) => inner?.look?.(now),
    }
  }

  /** Resolves when the job has its place, or has left the queue without one. */
  async #turn(job: JobRef): Promise<'started' | 'left'> {
    if (this.#waiting.length === 0 && this.#place(job)) return 'started'
    recordStatus(this.#region, job, { status: 'Queued' })
    return new Promise((resolve) => {
      this.#waiting.push({
        job,
        start: () => resolve('started'),
        leave: () => resolve('left'),
      })
      this.pump()
    })
  }

  /** Takes a place for a job when there is one. A job that can never have one fails. */
  #place(job: JobRef): boolean {
    if (this.#placed.size >= this.#slots) return false
    const { computeId, resources } = jobProperties(this.#region, job)
    const compute = computeOf(computeId)
    const key = keyOf(job)
    if (compute === undefined) {
      const taken = [...this.#placed.values()].filter((one) => one === undefined).length
      if (taken >= serverlessSlots) return false
    } else {
      const count = Number(asRecord(resources).instanceCount ?? 1)
      try {
        if (!this.#nodes.take(compute, key, count)) return false
      } catch (error) {
        fail(this.#region, job, error)
        this.#leaveQueue(job)
        return false
      }
    }
    this.#placed.set(key, compute)
    return true
  }

  #leaveQueue(job: JobRef): void {
    const index = this.#waiting.findIndex((entry) => keyOf(entry.job) === keyOf(job))
    if (index >= 0) this.#waiting.splice(index, 1)[0]?.leave()
  }
}

const keyOf = (job: JobRef) => jobId(job).toLowerCase()
