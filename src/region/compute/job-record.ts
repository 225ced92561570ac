import { workspaceIdOf } from '../arm/arm-path.ts'
import { asRecord, asText, type Document } from '../arm/document.ts'
import type { ArmResource, Caller, RegionContext } from '../context.ts'

export const jobType = 'Microsoft.MachineLearningServices/workspaces/jobs'

export type JobStatus =
  | 'NotStarted'
  | 'Starting'
  | 'Preparing'
  | 'Queued'
  | 'Running'
  | 'Finalizing'
  | 'CancelRequested'
  | 'Completed'
  | 'Failed'
  | 'Canceled'

const terminal: ReadonlySet<string> = new Set(['Completed', 'Failed', 'Canceled', 'NotResponding'])

export function isTerminal(status: string): boolean {
  return terminal.has(status)
}

export interface JobRef {
  readonly workspaceId: string
  readonly name: string
}

export function jobId(job: JobRef): string {
  return `${job.workspaceId}/jobs/${job.name}`
}

export function jobRef(resource: ArmResource): JobRef {
  return { workspaceId: workspaceIdOf(resource.id) ?? '', name: resource.name }
}

export function jobProperties(region: Pick<RegionContext, 'resources'>, job: JobRef): Document {
  return asRecord(region.resources.get(jobId(job))?.body.properties)
}

export function statusOf(region: Pick<RegionContext, 'resources'>, job: JobRef): JobStatus {
  return (asText(jobProperties(region, job).status) as JobStatus | undefined) ?? 'NotStarted'
}

export interface StatusChange {
  readonly status: JobStatus
  /** Why, for people; stands in the run as `error` and in the job's properties. */
  readonly error?: { readonly code: string; readonly message: string }
  readonly startTimeUtc?: string
  readonly endTimeUtc?: string
  /** What the job found out, in the job's properties and its run's. */
  readonly properties?: Readonly<Record<string, string>>
}

/**
 * Moves a job on, in its ARM document and in run history under the same id. A finished job stays as
 * it is: a late report of its process must not wake it.
 */
export function recordStatus(region: RegionContext, job: JobRef, change: StatusChange): void {
  if (isTerminal(statusOf(region, job))) return
  const resource = region.resources.amend(jobId(job), (body) => {
    const properties = asRecord(body.properties)
    const added = {
      ...asRecord(properties.properties),
      ...change.properties,
      ...(change.error && { 'azureml.error': change.error.message }),
    }
    return { ...body, properties: { ...properties, properties: added, status: change.status } }
  })
  if (!resource) return
  const { status, error, startTimeUtc, endTimeUtc } = change
  region.runs.upsert(
    job.workspaceId,
    experimentOf(asRecord(resource.body.properties)),
    job.name,
    {
      status,
      ...(change.properties && { properties: change.properties }),
      ...(startTimeUtc === undefined ? {} : { startTimeUtc }),
      ...(endTimeUtc === undefined ? {} : { endTimeUtc }),
      ...(error === undefined
        ? {}
        : { error: { error: { code: error.code, message: error.message } } }),
    },
    regionCaller(region),
  )
}

const runTypes: Readonly<Record<string, string>> = {
  Pipeline: 'azureml.PipelineRun',
  Sweep: 'hyperdrive',
}

/** Makes the run of a job, with what a reader of run history expects of it. */
export function createRun(region: RegionContext, job: JobRef, actor: Caller): Document {
  const properties = jobProperties(region, job)
  const parent = asText(asRecord(properties.properties)['azureml.parentRunId'])
  return region.runs.upsert(
    job.workspaceId,
    experimentOf(properties),
    job.name,
    {
      status: asText(properties.status) ?? 'NotStarted',
      displayName: asText(properties.displayName) ?? job.name,
      ...(asText(properties.description) === undefined
        ? {}
        : { description: properties.description }),
      runType: runTypes[asText(properties.jobType) ?? ''] ?? 'azureml.scriptrun',
      target: asText(properties.computeId)?.split('/').at(-1) ?? 'serverless',
      tags: asRecord(properties.tags),
      properties: { ...asRecord(properties.properties), _azureml: job.name },
      ...(parent === undefined ? {} : { parentRunId: parent }),
    },
    actor,
  )
}

/** What a second PUT of a job changed, in its run: they are one thing. */
export function updateRun(region: RegionContext, job: JobRef, actor: Caller): void {
  const properties = jobProperties(region, job)
  const { displayName, description, tags } = properties
  const change = { displayName, description, tags, hidden: properties.isArchived === true }
  region.runs.upsert(job.workspaceId, experimentOf(properties), job.name, change, actor)
}

export function experimentOf(properties: Document): string {
  return asText(properties.experimentName) ?? 'Default'
}

export function regionCaller(region: Pick<RegionContext, 'authority'>): Caller {
  return {
    objectId: 'local-region',
    displayName: 'local region',
    tenantId: region.authority.tenantId,
  }
}
