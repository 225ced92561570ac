import type { JsonObject } from '../model/json.ts'
import type { CapturedJob, CheckpointPlace } from './captured-job.ts'
import { continuePipeline } from './continue-pipeline.ts'
import { continueSweep } from './continue-sweep.ts'
import type { Continued } from './continued.ts'
import type { FinishedStep, StepOutput } from './finished-step.ts'

/** What the ledger proved at the target before the outage. */
export interface Proven {
  /** Replication point, ISO 8601 UTC; null: not everything in scope was ever proven. */
  readonly point: string | null
  /** Name of the newest proven blob under a place, or null. */
  readonly newest: (place: CheckpointPlace) => Promise<string | null>
}

/** From where a job can go on over there. */
export interface Resumption extends Continued {
  /** The newest proven checkpoint, or null. */
  readonly checkpoint: string | null
  /** `body` as it belongs at the member that is left. */
  readonly home: JsonObject | null
}

/** Only what was proven counts (I4, I6): what a step wrote last may not have arrived. */
export async function resumptionOf(job: CapturedJob, proven: Proven): Promise<Resumption> {
  const newest = job.checkpoints === null ? null : await proven.newest(job.checkpoints)
  const continued = await continuationOf(job, proven)
  return {
    checkpoint: newest ?? job.resumedFrom ?? null,
    home: job.home && continued(job.home).body,
    ...continued(job.body),
  }
}

async function continuationOf(
  job: CapturedJob,
  proven: Proven,
): Promise<(body: JsonObject) => Continued> {
  // Everything in scope that was there before the replication point is over there, outputs included.
  const isProven = (at: string) =>
    proven.point !== null && Date.parse(at) <= Date.parse(proven.point)
  if (job.trials !== undefined) {
    const { length } = job.trials.filter(isProven)
    return (body) => continueSweep(body, length)
  }
  const steps: FinishedStep[] = []
  for (const step of job.steps ?? []) {
    if (!isProven(step.endedAt)) continue
    steps.push({ ...step, outputs: await provenOutputs(step, proven) })
  }
  return (body) => continuePipeline(body, steps)
}

/** A folder that nobody wrote to, or that is not in scope, cannot be handed to another step. */
async function provenOutputs(
  { outputs }: FinishedStep,
  proven: Proven,
): Promise<Record<string, StepOutput>> {
  const found: Record<string, StepOutput> = {}
  for (const [name, output] of Object.entries(outputs)) {
    if ((await proven.newest(output.place)) !== null) found[name] = output
  }
  return found
}
