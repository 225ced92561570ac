import type { FastifyInstance } from 'fastify'
import { AzureError } from '../context.ts'
import { errorBody } from '../http/azure-answer.ts'
import type { ArmStore } from '../store/resource-store.ts'
import type { BehaviourRegistry } from './behaviour-registry.ts'
import type { Operation, Operations } from './operations.ts'
import { presented } from './present.ts'

/** Where a client asks how an operation is going, and for its result. */
export function operationAddresses(
  operation: Operation,
  where: { origin: string; regionName: string; apiVersion: string | undefined },
): { readonly status: string; readonly result: string } {
  const subscription = operation.resourceId.split('/')[2] ?? ''
  const namespace = operation.type.split('/')[0] ?? ''
  const base = `${where.origin}/subscriptions/${subscription}/providers/${namespace}/locations/${where.regionName}`
  const version = where.apiVersion === undefined ? '' : `?api-version=${where.apiVersion}`
  return {
    status: `${base}/mfeOperationsStatus/${operation.id}${version}`,
    result: `${base}/mfeOperationResults/${operation.id}${version}`,
  }
}

export function registerOperationRoutes(
  app: FastifyInstance,
  options: {
    readonly operations: Operations
    readonly store: ArmStore
    readonly behaviours: BehaviourRegistry
    readonly origin: string
  },
): void {
  const { operations, store, behaviours, origin } = options
  const base = '/subscriptions/:subscription/providers/:namespace/locations/:location'

  const find = (params: unknown): Operation => {
    const { operation: id } = params as { operation: string }
    const operation = operations.get(id)
    if (!operation)
      throw new AzureError(404, 'OperationNotFound', `The operation '${id}' was not found.`)
    return operation
  }

  app.get(`${base}/mfeOperationsStatus/:operation`, async (request, reply) => {
    const operation = find(request.params)
    if (operation.status === 'InProgress') reply.header('retry-after', '1')
    return {
      id: request.url.split('?')[0],
      name: operation.id,
      status: operation.status,
      startTime: operation.startedAt,
      ...(operation.endedAt && { endTime: operation.endedAt }),
      ...(operation.error && {
        error: { code: operation.error.code, message: operation.error.message },
      }),
    }
  })

  app.get(`${base}/mfeOperationResults/:operation`, async (request, reply) => {
    const operation = find(request.params)
    if (operation.status === 'InProgress') {
      reply.code(202).header('location', new URL(request.url, origin).href)
      return reply.header('retry-after', '1').send()
    }
    const { error } = operation
    if (error) {
      const answer = new AzureError(error.status, error.code, error.message)
      return reply.code(error.status).send(errorBody(answer))
    }
    const resource = store.get(operation.resourceId)
    const query = request.query as Record<string, string>
    return resource ? presented(resource, behaviours, query) : reply.code(200).send()
  })
}
