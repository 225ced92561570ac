import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { BehaviourRegistry } from '../arm/behaviour-registry.ts'
import { asRecord } from '../arm/document.ts'
import { presented } from '../arm/present.ts'
import { type ArmResource, AzureError, type RegionContext } from '../context.ts'
import { batchEndpointType, invokeBatch } from './batch-endpoints.ts'
import type { JobQueue } from './job-queue.ts'
import { scoringAudiences, workspaceByGuid } from './scoring-routes.ts'

/** `POST /inference/{workspace GUID}/{endpoint}/jobs` starts a batch job; `GET` tells of them. */
export function registerBatch(
  app: FastifyInstance,
  {
    region,
    queue,
    behaviours,
  }: {
    readonly region: RegionContext
    readonly queue: JobQueue
    readonly behaviours: BehaviourRegistry
  },
): void {
  const own = { config: { access: 'own' as const } }
  const base = '/inference/:guid/:endpoint/jobs'
  const show = (invocation: ArmResource) => presented(invocation, behaviours)

  app.post(base, own, async (request, reply) => {
    const endpoint = find(request)
    const actor = await region.authority.verify(request.headers.authorization, scoringAudiences)
    const asked = request.headers['azureml-model-deployment']
    const deployment = Array.isArray(asked) ? asked[0] : asked
    const invocation = asRecord(request.body)
    const made = invokeBatch(region, queue, { endpoint, deployment, invocation, actor })
    return reply.code(201).send(show(made))
  })

  app.get(base, own, async (request) => {
    const endpoint = find(request)
    await region.authority.verify(request.headers.authorization, scoringAudiences)
    const jobs = region.resources.list(endpoint.id, `${batchEndpointType}/jobs`, { limit: 1000 })
    return { value: jobs.map(show) }
  })

  app.get(`${base}/:job`, own, async (request) => {
    const endpoint = find(request)
    await region.authority.verify(request.headers.authorization, scoringAudiences)
    const { job } = request.params as { job: string }
    const found = region.resources.get(`${endpoint.id}/jobs/${job}`)
    if (!found) throw new AzureError(404, 'NotFound', `There is no batch job '${job}'.`)
    return show(found)
  })

  function find(request: FastifyRequest): ArmResource {
    const { guid = '', endpoint: name = '' } = request.params as Record<string, string>
    const workspace = workspaceByGuid(region, guid)
    const found = workspace && region.resources.get(`${workspace.id}/batchEndpoints/${name}`)
    if (found) return found
    throw new AzureError(404, 'NotFound', `There is no endpoint '${name}'.`)
  }
}
