import { workspaceIdOf } from '../arm/arm-path.ts'
import { asRecord, asText, type Document } from '../arm/document.ts'
import { type ArmResource, AzureError, type KindBehaviour, type RegionContext } from '../context.ts'
import { invokeBatch } from './batch-endpoints.ts'
import type { JobQueue } from './job-queue.ts'
import { type JobRef, regionCaller } from './job-record.ts'
import { submitJob } from './jobs.ts'
import { workspaces } from './scoring-routes.ts'
import { nextFire } from './triggers.ts'

const scheduleType = 'Microsoft.MachineLearningServices/workspaces/schedules'
/** Firings of one schedule that a jump of the clock may make due at once. */
const mostAtOnce = 100

export function scheduleBehaviour(region: RegionContext, schedules: ScheduleClock): KindBehaviour {
  return {
    type: scheduleType,
    lro: 'endpoint',
    beforePut: ({ body }) => {
      const properties = asRecord(body.properties)
      if (asText(asRecord(properties.trigger).triggerType) === undefined)
        throw new AzureError(400, 'UserError', 'A schedule needs properties.trigger.')
      nextFire(asRecord(properties.trigger), region.clock())
      return {
        body: { ...body, properties: { isEnabled: true, tags: {}, properties: {}, ...properties } },
      }
    },
    actions: {
      trigger: async (schedule) => {
        const { actionType } = asRecord(asRecord(schedule.body.properties).action)
        const submissionId = schedules.fireAt(schedule, region.clock())
        return { status: 200, body: { submissionId, scheduleActionType: actionType } }
      },
    },
  }
}

/**
 * Fires what is due. A fired job's name holds its time, so that nothing fires twice; what falls into
 * an outage of the region does not fire late, as in Azure.
 */
export class ScheduleClock {
  readonly #region: RegionContext
  readonly #queue: JobQueue
  #lookedAt: Date

  constructor(region: RegionContext, queue: JobQueue) {
    this.#region = region
    this.#queue = queue
    this.#lookedAt = region.clock()
  }

  /** Fires everything due since the last look. Resolves nothing and waits for nothing. */
  look(): void {
    const since = this.#lookedAt
    const now = this.#region.clock()
    this.#lookedAt = now
    for (const workspace of workspaces(this.#region)) {
      for (const schedule of this.#region.resources.list(workspace.id, scheduleType, {
        limit: 10_000,
      })) {
        this.#fire(schedule, since, now)
      }
    }
  }

  #fire(schedule: ArmResource, since: Date, now: Date): void {
    const properties = asRecord(schedule.body.properties)
    if (properties.isEnabled === false) return
    const trigger = asRecord(properties.trigger)
    let due = nextFire(trigger, since)
    for (let fired = 0; due && due <= now && fired < mostAtOnce; fired += 1) {
      try {
        this.fireAt(schedule, due)
      } catch (error) {
        this.#recordFailure(schedule, due, error)
      }
      due = nextFire(trigger, due)
    }
  }

  /** Does what a schedule does at an instant; returns the name of the job. */
  fireAt(schedule: ArmResource, due: Date): string {
    const { properties } = schedule.body
    const action = asRecord(asRecord(properties).action)
    const job = firedJob(schedule, due)
    if (action.actionType === 'CreateJob')
      this.#createJob(schedule, job, asRecord(action.jobDefinition))
    else if (action.actionType === 'InvokeBatchEndpoint')
      this.#invoke(job, asRecord(action.endpointInvocationDefinition))
    else
      throw new AzureError(
        501,
        'NotImplemented',
        `A local region fires schedules that create jobs or invoke batch endpoints, not '${String(action.actionType)}'.`,
      )
    return job.name
  }

  /** A run of the name that the job would have had: where people look for what did not happen. */
  #recordFailure(schedule: ArmResource, due: Date, cause: unknown): void {
    const { workspaceId, name } = firedJob(schedule, due)
    const message = cause instanceof Error ? cause.message : String(cause)
    const code = cause instanceof AzureError ? cause.code : 'ServiceError'
    this.#region.log.error({ schedule: schedule.id, error: message }, 'schedule could not fire')
    const failed = {
      status: 'Failed',
      displayName: name,
      endTimeUtc: this.#region.clock().toISOString(),
      properties: { 'azureml.scheduleName': schedule.name },
      error: { error: { code, message } },
    }
    this.#region.runs.upsert(workspaceId, 'Default', name, failed, regionCaller(this.#region))
  }

  #createJob(schedule: ArmResource, job: JobRef, definition: Document): void {
    const properties = {
      ...asRecord(definition.properties),
      'azureml.scheduleName': schedule.name,
    }
    const actor = regionCaller(this.#region)
    submitJob(this.#region, this.#queue, job, { ...definition, properties }, actor)
  }

  /** Azure leaves the definition open; here it names the endpoint beside the body of the invocation. */
  #invoke({ workspaceId, name }: JobRef, definition: Document): void {
    const endpointName = asText(definition.endpointName) ?? ''
    const endpoint = this.#region.resources.get(`${workspaceId}/batchEndpoints/${endpointName}`)
    if (!endpoint)
      throw new AzureError(400, 'UserError', `There is no batch endpoint '${endpointName}'.`)
    invokeBatch(this.#region, this.#queue, {
      endpoint,
      deployment: asText(definition.deploymentName),
      invocation: definition,
      actor: regionCaller(this.#region),
      jobName: name,
    })
  }
}

function firedJob(schedule: ArmResource, due: Date): JobRef {
  const stamp = due.toISOString().replace(/[-:]/g, '').replace(/\..*/, 'Z')
  return { workspaceId: workspaceIdOf(schedule.id) ?? '', name: `${schedule.name}_${stamp}` }
}
