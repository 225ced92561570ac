import { randomUUID } from 'node:crypto'
import { parentId, workspaceIdOf } from '../arm/arm-path.ts'
import { asRecord, asText, type Document } from '../arm/document.ts'
import {
  type ArmResource,
  AzureError,
  type Caller,
  type KindBehaviour,
  type RegionContext,
} from '../context.ts'
import { batchJob } from './batch-job.ts'
import { presentIdentity } from './endpoint-identity.ts'
import { keyActions, keysFor } from './endpoint-keys.ts'
import type { JobQueue } from './job-queue.ts'
import { type JobRef, jobId } from './job-record.ts'
import { submitJob } from './jobs.ts'
import { workspaceGuid } from './online-endpoints.ts'

export const batchEndpointType = 'Microsoft.MachineLearningServices/workspaces/batchEndpoints'
const invocationType = `${batchEndpointType}/jobs`

/** Batch endpoints and deployments, and the jobs that invocations made (`…/batchEndpoints/e/jobs`). */
export function batchBehaviours(region: RegionContext): KindBehaviour[] {
  const jobOf = (invocation: ArmResource): Document => {
    const job = { workspaceId: workspaceIdOf(invocation.id) ?? '', name: invocation.name }
    return region.resources.get(jobId(job))?.body ?? {}
  }
  return [
    endpointBehaviour(region),
    deploymentBehaviour(region),
    { type: invocationType, present: jobOf },
    { type: `${batchEndpointType}/deployments/jobs`, present: jobOf, list: invocationsOf },
  ]

  /** The invocations of an endpoint that ran one of its deployments. */
  function invocationsOf(deploymentId: string): ArmResource[] {
    const name = deploymentId.slice(deploymentId.lastIndexOf('/') + 1).toLowerCase()
    return region.resources.list(parentId(deploymentId), invocationType).filter((invocation) => {
      const { properties } = asRecord(jobOf(invocation).properties)
      return asText(asRecord(properties)['azureml.deploymentname'])?.toLowerCase() === name
    })
  }
}

function endpointBehaviour(region: RegionContext): KindBehaviour {
  return {
    type: batchEndpointType,
    lro: 'endpoint',
    beforePut: (request) => {
      const { body, secrets } = keysFor(request)
      const base = `${region.origin}/inference/${workspaceGuid(region, request.id)}/${request.id.split('/').at(-1)}`
      return {
        body: {
          ...body,
          location: body.location ?? region.name,
          properties: {
            authMode: 'AADToken',
            properties: {},
            // Azure's own examples set `defaults.deploymentName` on what they read.
            defaults: {},
            ...asRecord(body.properties),
            scoringUri: `${base}/jobs`,
            swaggerUri: `${base}/swagger.json`,
          },
        },
        secrets: { ...secrets },
      }
    },
    present: (endpoint) => presentIdentity(endpoint, region),
    actions: keyActions(region, batchEndpointType),
  }
}

function deploymentBehaviour(region: RegionContext): KindBehaviour {
  return {
    type: `${batchEndpointType}/deployments`,
    lro: 'endpoint',
    beforePut: ({ body }) => ({
      body: {
        ...body,
        location: body.location ?? region.name,
        properties: { properties: {}, ...asRecord(body.properties) },
      },
    }),
    beforeDelete: (deployment) => {
      const endpoint = region.resources.get(parentId(deployment.id))
      const { deploymentName } = asRecord(asRecord(endpoint?.body.properties).defaults)
      if (endpoint && asText(deploymentName)?.toLowerCase() === deployment.name.toLowerCase())
        throw new AzureError(
          400,
          'UserError',
          `The deployment '${deployment.name}' is the default of its endpoint.`,
        )
    },
  }
}

/** Starts the job of one invocation; resolves with it at once, for the job takes its time. */
export function invokeBatch(
  region: RegionContext,
  queue: JobQueue,
  call: {
    readonly endpoint: ArmResource
    readonly deployment?: string | undefined
    readonly invocation: Document
    readonly actor: Caller
    /** Default: one that is made up. */
    readonly jobName?: string
  },
): ArmResource {
  const { endpoint, invocation, actor } = call
  const deployment = deploymentOf(region, endpoint, call.deployment)
  const { properties } = invocation
  const name = call.jobName ?? asText(asRecord(properties).name) ?? `batchjob-${randomUUID()}`
  const job: JobRef = { workspaceId: workspaceIdOf(endpoint.id) ?? '', name }
  submitJob(region, queue, job, batchJob(endpoint, deployment, invocation, name), actor)
  const id = `${endpoint.id}/jobs/${name}`
  return region.resources.put(id, invocationType, { body: {} }, actor)
}

function deploymentOf(
  region: RegionContext,
  endpoint: ArmResource,
  asked: string | undefined,
): ArmResource {
  const { defaults } = asRecord(endpoint.body.properties)
  const name = asked ?? asText(asRecord(defaults).deploymentName)
  if (name === undefined || name === '')
    throw new AzureError(
      400,
      'UserError',
      `The endpoint '${endpoint.name}' has no default deployment; name one in azureml-model-deployment.`,
    )
  const found = region.resources.get(`${endpoint.id}/deployments/${name}`)
  if (found) return found
  throw new AzureError(404, 'NotFound', `There is no deployment '${name}'.`)
}
