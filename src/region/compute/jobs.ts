import { workspaceIdOf } from '../arm/arm-path.ts'
import { asRecord, asText, type Document } from '../arm/document.ts'
import {
  type ArmResource,
  AzureError,
  type Caller,
  type KindBehaviour,
  type PutRequest,
  type RegionContext,
} from '../context.ts'
import { computeOf } from './compute-of.ts'
import type { JobQueue } from './job-queue.ts'
import { createRun, type JobRef, jobId, jobRef, jobType, updateRun } from './job-record.ts'
import { assetIdOf } from './uris.ts'

/** What may change once a job exists; everything else of a second PUT is ignored, nothing runs twice. */
const changeable = ['tags', 'properties', 'isArchived', 'displayName', 'description'] as const

/** A PUT of a job creates and executes it. */
export function jobBehaviour(region: RegionContext, queue: JobQueue): KindBehaviour {
  return {
    type: jobType,
    beforePut: (request) => ({
      body: request.existing ? changed(request, request.existing) : created(region, request),
    }),
    afterPut: async (resource, change, actor) => {
      const job = jobRef(resource)
      if (change === 'created') launch(region, queue, job, actor)
      else updateRun(region, job, actor)
    },
    beforeSetAside: (resource) => queue.drop(jobRef(resource)),
    afterDelete: async (resource) => {
      queue.cancel(jobRef(resource))
    },
    actions: {
      cancel: async (resource) => {
        queue.cancel(jobRef(resource))
        return { status: 202 }
      },
    },
  }
}

/** A job that was stored and whose run is not there yet: makes the run, then queues it. Restartable. */
function launch(region: RegionContext, queue: JobQueue, job: JobRef, actor: Caller): void {
  if (!region.runs.get(job.workspaceId, job.name)) createRun(region, job, actor)
  queue.submit(job)
}

/** Submits a job that the region itself makes (a schedule that fires); a known name is the same job. */
export function submitJob(
  region: RegionContext,
  queue: JobQueue,
  job: JobRef,
  properties: Document,
  actor: Caller,
): void {
  const id = jobId(job)
  if (region.resources.get(id)) return
  const body = created(region, {
    id,
    body: { properties },
    existing: undefined,
    method: 'PUT',
    query: {},
    actor,
  })
  region.resources.put(id, jobType, { body }, actor)
  launch(region, queue, job, actor)
}

function changed(request: PutRequest, existing: ArmResource): Document {
  const before = asRecord(existing.body.properties)
  const after = asRecord(request.body.properties)
  const properties: Document = { ...before }
  for (const key of changeable) {
    if (after[key] === undefined) continue
    // Properties of a job are add-only.
    properties[key] =
      key === 'properties' ? { ...asRecord(after[key]), ...asRecord(before[key]) } : after[key]
  }
  return { ...existing.body, properties }
}

function created(region: RegionContext, { id, body }: PutRequest): Document {
  const given = asRecord(body.properties)
  const type = asText(given.jobType)
  if (type === undefined) throw new AzureError(400, 'UserError', 'A job needs properties.jobType.')
  const properties: Document = sourced(region, id, given)
  if (type === 'Command' && !asText(properties.command))
    throw new AzureError(400, 'UserError', 'A command job needs properties.command.')
  const computeId = computeOf(properties.computeId)
  if (computeId !== undefined && !region.resources.get(computeId)) {
    throw new AzureError(
      400,
      'UserError',
      `The compute '${computeId.split('/').at(-1)}' does not exist.`,
    )
  }
  const workspaceId = workspaceIdOf(id) ?? ''
  for (const [field, collection] of [
    ['codeId', 'codes'],
    ['environmentId', 'environments'],
    ['componentId', 'components'],
  ] as const) {
    const reference = asText(properties[field])
    if (reference === undefined || reference === '') continue
    const assetId = assetIdOf(region, workspaceId, collection, reference)
    // What lies in a registry that is not here, nobody here can tell.
    if (assetId.startsWith('/') && !region.resources.get(assetId)) {
      throw new AzureError(
        400,
        'UserError',
        `The ${field.replace('Id', '')} '${reference}' does not exist.`,
      )
    }
  }
  return {
    ...body,
    properties: {
      displayName: id.split('/').at(-1),
      experimentName: 'Default',
      tags: {},
      inputs: {},
      outputs: {},
      isArchived: false,
      ...properties,
      properties: asRecord(properties.properties),
      services: {},
      status: 'NotStarted',
    },
  }
}

/** A schedule may name a finished job instead of describing one: the same work again. */
function sourced(region: RegionContext, id: string, given: Document): Document {
  const source = asText(given.sourceJobId)
  if (source === undefined) return given
  const job = region.resources.get(source)
  if (!job)
    throw new AzureError(400, 'UserError', `The job '${source.split('/').at(-1)}' does not exist.`)
  const { status: _status, properties: _properties, ...before } = asRecord(job.body.properties)
  const { sourceJobId: _source, ...over } = given
  return { ...before, ...over, jobType: before.jobType, displayName: id.split('/').at(-1) }
}
