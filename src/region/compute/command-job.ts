import { rm } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import { asRecord, asText, type Document } from '../arm/document.ts'
import { AzureError, type RegionContext } from '../context.ts'
import { processesOf } from './distribution.ts'
import { secondsOf } from './duration.ts'
import type { FolderUpload } from './files.ts'
import { jobEnvironment } from './job-environment.ts'
import { prepareFolders } from './job-folders.ts'
import { freePort, type JobProcesses, startProcesses } from './job-processes.ts'
import { type JobRef, jobId, jobProperties, recordStatus } from './job-record.ts'

/** How often outputs and logs of a running job are copied into the blob store, in milliseconds. */
const uploadEveryMs = 1000

export interface RunningJob {
  /** Resolves when the job has reached its end state; never rejects. */
  readonly done: Promise<void>
  cancel(): void
  /** Ends the job when its time is over by the region's clock, and looks at its trials. */
  look?(now: Date): void
}

export interface Outcome {
  readonly status: 'Completed' | 'Failed' | 'Canceled'
  readonly error?: { readonly code: string; readonly message: string }
}

/**
 * Runs one command job as process groups of this machine: code, inputs and outputs as folders, logs
 * and outputs copied into the blob store while it runs.
 */
export function runCommandJob(region: RegionContext, job: JobRef): RunningJob {
  const verdict = new Verdict()
  const done = run(region, job, verdict).catch((error: unknown) => {
    fail(region, job, error)
  })
  return {
    done,
    cancel: () => verdict.give({ status: 'Canceled' }),
    look: (now) => verdict.look(now),
  }
}

/** How a job ends when not by itself: cancelled, or out of time. The first reason counts. */
class Verdict {
  outcome: Outcome | undefined
  /** Set while processes run. */
  onGiven: () => void = () => undefined
  deadline: { readonly at: Date; readonly seconds: number } | undefined

  give(outcome: Outcome): void {
    this.outcome ??= outcome
    this.onGiven()
  }

  look(now: Date): void {
    if (!this.deadline || now < this.deadline.at) return
    const message = `The job ran longer than its limit of ${this.deadline.seconds} s.`
    this.give({ status: 'Failed', error: { code: 'UserError', message } })
  }
}

async function run(region: RegionContext, job: JobRef, verdict: Verdict): Promise<void> {
  recordStatus(region, job, { status: 'Preparing' })
  const properties = jobProperties(region, job)
  const root = jobFolder(region, job)
  await rm(root, { recursive: true, force: true })
  const prepared = await prepareFolders(region, job, properties, root)
  const processes = processesOf(properties, await freePort())
  const env = await jobEnvironment(region, job, properties, root)
  if (verdict.outcome) return end(region, job, verdict.outcome)
  const { command, cwd, logs } = prepared
  const running = startProcesses(command, processes, { cwd, env, logs })
  const started = region.clock()
  recordStatus(region, job, { status: 'Running', startTimeUtc: started.toISOString() })
  verdict.deadline = deadlineOf(properties, started)
  const outcome = await supervise(running, prepared.uploads, verdict)
  recordStatus(region, job, { status: 'Finalizing' })
  for (const upload of prepared.uploads) await upload.pass(true)
  await rm(joinPath(root, 'code'), { recursive: true, force: true })
  end(region, job, outcome)
}

function deadlineOf(properties: Document, started: Date): Verdict['deadline'] {
  const seconds = secondsOf(asText(asRecord(properties.limits).timeout))
  if (seconds === undefined) return undefined
  return { seconds, at: new Date(started.getTime() + seconds * 1000) }
}

async function supervise(
  running: JobProcesses,
  uploads: readonly FolderUpload[],
  verdict: Verdict,
): Promise<Outcome> {
  verdict.onGiven = () => running.end()
  if (verdict.outcome) running.end()
  await uploadWhileRunning(running.exited, uploads)
  const { code, log } = await running.exited
  if (verdict.outcome) return verdict.outcome
  if (code === 0) return { status: 'Completed' }
  const message = `The command ended with exit code ${code}; its output is in user_logs/${log}.`
  return { status: 'Failed', error: { code: 'UserError', message } }
}

async function uploadWhileRunning(
  exited: Promise<unknown>,
  uploads: readonly FolderUpload[],
): Promise<void> {
  const gone = exited.then(() => 'gone' as const)
  for (;;) {
    let timer: NodeJS.Timeout | undefined
    const due = new Promise<'due'>((resolve) => {
      timer = setTimeout(() => resolve('due'), uploadEveryMs)
    })
    const next = await Promise.race([gone, due])
    clearTimeout(timer)
    if (next === 'gone') return
    for (const upload of uploads) await upload.pass()
  }
}

function end(region: RegionContext, job: JobRef, outcome: Outcome): void {
  recordStatus(region, job, { ...outcome, endTimeUtc: region.clock().toISOString() })
}

/** Ends a job with what went wrong, in the words of the cause. */
export function fail(region: RegionContext, job: JobRef, cause: unknown): void {
  const error =
    cause instanceof AzureError
      ? { code: cause.code, message: cause.message }
      : { code: 'ServiceError', message: cause instanceof Error ? cause.message : String(cause) }
  region.log.error({ job: jobId(job), error: error.message }, 'job failed')
  end(region, job, { status: 'Failed', error })
}

function jobFolder(region: RegionContext, job: JobRef): string {
  const workspace = job.workspaceId.split('/').at(-1)?.toLowerCase() ?? ''
  return joinPath(region.dataDir, 'jobs', workspace, encodeURIComponent(job.name))
}
