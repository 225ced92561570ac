import { asRecord, asText, type Document } from '../arm/document.ts'
import { AzureError, type RegionContext } from '../context.ts'
import { fail, type RunningJob } from './command-job.ts'
import { secondsOf } from './duration.ts'
import { hasPolicy, isHopeless } from './early-termination.ts'
import {
  createRun,
  type JobRef,
  jobId,
  jobProperties,
  jobType,
  recordStatus,
  regionCaller,
  statusOf,
} from './job-record.ts'
import type { RunChild } from './pipeline-job.ts'
import { componentSpec } from './pipeline-step.ts'
import { type Sample, samples, seededRandom } from './sampling.ts'
import { join } from './uris.ts'

const usualTrials = 1000
const usualConcurrent = 4

/** Runs a sweep: a command job per sample, so many at a time, and the best of them recorded. */
export function runSweepJob(region: RegionContext, job: JobRef, runChild: RunChild): RunningJob {
  const sweep = new Sweep(region, job, runChild)
  const done = sweep.run().catch((cause: unknown) => fail(region, job, cause))
  return { done, cancel: () => sweep.cancel(), look: (now) => sweep.look(now) }
}

interface Trial {
  readonly job: JobRef
  readonly running: RunningJob
}

class Sweep {
  readonly #region: RegionContext
  readonly #job: JobRef
  readonly #runChild: RunChild
  readonly #open = new Map<string, Trial>()
  readonly #trials: JobRef[] = []
  #ending: 'Canceled' | 'out of time' | undefined
  #deadline = Number.POSITIVE_INFINITY

  constructor(region: RegionContext, job: JobRef, runChild: RunChild) {
    this.#region = region
    this.#job = job
    this.#runChild = runChild
  }

  async run(): Promise<void> {
    const properties = jobProperties(this.#region, this.#job)
    const limits = asRecord(properties.limits)
    const random = randomOf(asRecord(properties.samplingAlgorithm).seed)
    const most = Number(limits.maxTotalTrials ?? usualTrials)
    const { searchSpace, samplingAlgorithm } = properties
    const planned = samples(asRecord(searchSpace), samplingAlgorithm, most, random)
    const startTime = this.#region.clock()
    recordStatus(this.#region, this.#job, {
      status: 'Running',
      startTimeUtc: startTime.toISOString(),
    })
    const seconds = secondsOf(asText(limits.timeout))
    if (seconds !== undefined) this.#deadline = startTime.getTime() + seconds * 1000
    const concurrent = Math.max(1, Number(limits.maxConcurrentTrials ?? usualConcurrent))
    for (const [number, sample] of planned.entries()) {
      while (this.#open.size >= concurrent && !this.#ending) await this.#oneDone()
      if (this.#ending) break
      this.#launch(properties, number, sample)
    }
    while (this.#open.size > 0) await this.#oneDone()
    this.#conclude(asRecord(properties.objective))
  }

  cancel(): void {
    this.#end('Canceled')
  }

  look(now: Date): void {
    if (now.getTime() >= this.#deadline) this.#end('out of time')
    const { earlyTermination, objective } = jobProperties(this.#region, this.#job)
    if (hasPolicy(earlyTermination)) this.#endHopeless(asRecord(earlyTermination), objective)
  }

  #end(reason: 'Canceled' | 'out of time'): void {
    this.#ending ??= reason
    for (const { running } of this.#open.values()) running.cancel()
  }

  #endHopeless(policy: Document, objective: unknown): void {
    const { goal, metric } = objectiveOf(asRecord(objective))
    const seriesOf = (trial: JobRef) =>
      this.#region.runs.series(trial.workspaceId, trial.name, metric)
    const all = this.#trials.map(seriesOf).filter((values) => values.length > 0)
    for (const { job, running } of this.#open.values())
      if (isHopeless(policy, goal, seriesOf(job), all)) running.cancel()
  }

  #launch(properties: Document, number: number, sample: Sample): void {
    const trial = createTrial(this.#region, this.#job, properties, number, sample)
    const running = this.#runChild(trial)
    this.#trials.push(trial)
    this.#open.set(trial.name, { job: trial, running })
    void running.done.then(() => this.#open.delete(trial.name))
  }

  async #oneDone(): Promise<void> {
    await Promise.race([...this.#open.values()].map(({ running }) => running.done))
  }

  #conclude(objective: Document): void {
    const endTimeUtc = this.#region.clock().toISOString()
    if (this.#ending === 'Canceled') {
      recordStatus(this.#region, this.#job, { status: 'Canceled', endTimeUtc })
      return
    }
    const best = this.#best(objective)
    const completed = this.#trials.filter((trial) => statusOf(this.#region, trial) === 'Completed')
    if (completed.length > 0) {
      const properties = bestProperties(best)
      recordStatus(this.#region, this.#job, { status: 'Completed', endTimeUtc, properties })
      return
    }
    const message =
      this.#ending === undefined
        ? `None of the ${this.#trials.length} trials completed.`
        : 'The time of the sweep was over before a trial completed.'
    const error = { code: 'UserError', message }
    recordStatus(this.#region, this.#job, { status: 'Failed', error, endTimeUtc })
  }

  /** The trial with the best value it ever logged of the primary metric. */
  #best(objective: Document): { trial: string; score: number } | undefined {
    const { goal, metric } = objectiveOf(objective)
    const sign = goal === 'minimize' ? -1 : 1
    let best: { trial: string; score: number } | undefined
    for (const { workspaceId, name } of this.#trials) {
      for (const score of this.#region.runs.series(workspaceId, name, metric))
        if (!best || sign * score > sign * best.score) best = { trial: name, score }
    }
    return best
  }
}

const randomOf = (seed: unknown) =>
  seed === undefined || seed === null ? Math.random : seededRandom(Number(seed))

function objectiveOf(objective: Document) {
  const metric = asText(objective.primaryMetric) ?? asText(objective.primary_metric) ?? ''
  const isLess = asText(objective.goal)?.toLowerCase() === 'minimize'
  return { metric, goal: isLess ? ('minimize' as const) : ('maximize' as const) }
}

/** Names as readers of Azure's sweeps look for them. */
function bestProperties(best: { trial: string; score: number } | undefined) {
  if (!best) return { best_metric_status: 'MetricNotFound' }
  return {
    best_child_run_id: best.trial,
    score: String(best.score),
    best_metric_status: 'Succeeded',
    best_data_container_id: `dcid.${best.trial}`,
  }
}

/** Same name at every attempt, so that a trial is one job however often its sweep is looked at. */
function createTrial(
  region: RegionContext,
  parent: JobRef,
  sweep: Document,
  number: number,
  sample: Sample,
): JobRef {
  const trial: JobRef = { workspaceId: parent.workspaceId, name: `${parent.name}_${number}` }
  if (region.resources.get(jobId(trial))) return trial
  const spec = trialSpec(region, parent.workspaceId, sweep.trial)
  const timeout = asText(asRecord(sweep.limits).trialTimeout)
  const properties: Document = {
    jobType: 'Command',
    displayName: trial.name,
    experimentName: sweep.experimentName,
    ...spec,
    ...(sweep.computeId !== undefined && { computeId: sweep.computeId }),
    ...(timeout !== undefined && { limits: { jobLimitsType: 'Command', timeout } }),
    inputs: { ...asRecord(spec.inputs), ...asRecord(sweep.inputs), ...literals(sample) },
    outputs: trialOutputs(trial, asRecord(sweep.outputs)),
    properties: { 'azureml.parentRunId': parent.name, 'azureml.runsource': 'hyperdrive' },
    tags: { hyperparameters: JSON.stringify(sample) },
    services: {},
    isArchived: false,
    status: 'NotStarted',
  }
  region.resources.put(jobId(trial), jobType, { body: { properties } }, regionCaller(region))
  createRun(region, trial, regionCaller(region))
  return trial
}

const literals = (sample: Sample) =>
  Object.fromEntries(
    Object.entries(sample).map(([name, value]) => [name, { jobInputType: 'literal', value }]),
  )

/** A trial is described in the sweep, or by a component that it names. */
function trialSpec(region: RegionContext, workspaceId: string, value: unknown): Document {
  const trial = asRecord(value)
  const component = asText(value) ?? asText(trial.componentId)
  if (component === undefined) {
    if (asText(trial.command) === undefined)
      throw new AzureError(400, 'UserError', 'The trial of a sweep needs a command.')
    return trial
  }
  const spec = componentSpec(region, workspaceId, component)
  const withoutPrefix = (text: unknown) => asText(text)?.replace(/^azureml:(?=\/)/, '')
  const defaults = Object.entries(asRecord(spec.inputs)).flatMap(([name, input]) => {
    const fallback = asRecord(input).default
    const literal = { jobInputType: 'literal', value: String(fallback) }
    return fallback === undefined ? [] : [[name, literal] as const]
  })
  return {
    command: spec.command,
    codeId: withoutPrefix(spec.code),
    environmentId: withoutPrefix(spec.environment),
    environmentVariables: trial.environmentVariables ?? {},
    distribution: spec.distribution,
    resources: trial.resources ?? spec.resources,
    inputs: Object.fromEntries(defaults),
  }
}

/** Trials run side by side: each writes below its own name where the sweep says where. */
const trialOutputs = (trial: JobRef, outputs: Document): Document =>
  Object.fromEntries(
    Object.entries(outputs).map(([name, value]) => {
      const output = asRecord(value)
      const uri = asText(output.uri)
      if (uri === undefined || /\{\{\s*name\s*\}\}/.test(uri)) return [name, output]
      return [name, { ...output, uri: `${join(uri, trial.name)}/` }]
    }),
  )
