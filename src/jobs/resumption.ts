import type { JsonObject } from '../model/json.ts'
import type { CapturedJob, CheckpointPlace } from './captured-job.ts'
import { continuePipeline } from './continue-pipeline.ts'
import type { FinishedStep, StepOutput } from './finished-step.ts'

/** What the ledger proved at the target before the outage. */
export interface Proven {
  /** Replication point, ISO 8601 UTC; null: not everything in scope was ever proven. */
  readonly point: string | null
  /** Name of the newest proven blob under a place, or null. */
  readonly newest: (place: CheckpointPlace) => Promise<string | null>
}

/** From where a job can go on over there. */
export interface Resumption {
  /** The newest proven checkpoint, or null. */
  readonly checkpoint: string | null
  /** Steps of a pipeline that need not run again. */
  readonly finished: readonly string[]
  /** Steps of a pipeline that have to. */
  readonly left: readonly string[]
  /** The specification, without the finished steps. */
  readonly body: JsonObject
  /** The same as it belongs at the member that is left. */
  readonly home: JsonObject | null
}

/** Only what was proven counts (I4, I6): what a step wrote last may not have arrived. */
export async function resumptionOf(job: CapturedJob, proven: Proven): Promise<Resumption> {
  const newest = job.checkpoints === null ? null : await proven.newest(job.checkpoints)
  const checkpoint = newest ?? job.resumedFrom ?? null
  const steps: FinishedStep[] = []
  for (const step of job.steps ?? []) {
    // Everything in scope that was there before the replication point is over there, its outputs too.
    if (proven.point === null || !(Date.parse(step.endedAt) <= Date.parse(proven.point))) continue
    steps.push({ ...step, outputs: await provenOutputs(step, proven) })
  }
  const home = job.home && continuePipeline(job.home, steps).body
  return { checkpoint, home, ...continuePipeline(job.body, steps) }
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
