import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type ActionAnswer, type ArmResource, AzureError } from '../context.ts'
import type { ArmStore } from '../store/resource-store.ts'
import { type ArmPath, parentId, parseArmPath } from './arm-path.ts'
import { type ArmService, type Conditions, notFound, type WriteResult } from './arm-service.ts'
import type { BehaviourRegistry } from './behaviour-registry.ts'
import { isRecord } from './document.ts'
import { listPage } from './list-view.ts'
import { notOffered, requireOfferedType } from './offered.ts'
import { operationAddresses, registerOperationRoutes } from './operation-routes.ts'
import type { Operation, Operations } from './operations.ts'
import { presented } from './present.ts'

export interface ArmRoutesOptions {
  readonly store: ArmStore
  readonly service: ArmService
  readonly behaviours: BehaviourRegistry
  readonly operations: Operations
  readonly regionName: string
  readonly origin: string
}

type Query = Readonly<Record<string, string>>

/** The generic ARM server: any type of any provider, any api-version. */
export function registerArm(app: FastifyInstance, options: ArmRoutesOptions): void {
  const { store, service, behaviours, operations, origin } = options
  const show = (resource: ArmResource, query: Query = {}) => presented(resource, behaviours, query)
  registerOperationRoutes(app, { operations, store, behaviours, origin })

  app.route({
    method: ['GET', 'HEAD'],
    url: '/subscriptions',
    handler: (request, reply) => get(request, reply),
  })
  app.route({
    method: ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'POST'],
    url: '/subscriptions/*',
    handler: (request, reply) => {
      switch (request.method) {
        case 'PUT':
        case 'PATCH':
          return write(request, reply, request.method)
        case 'DELETE':
          return remove(request, reply)
        case 'POST':
          return act(request, reply)
        default:
          return get(request, reply)
      }
    },
  })

  async function get(request: FastifyRequest, reply: FastifyReply) {
    const path = pathOf(request)
    requireOfferedType(path.rest?.type ?? path.type, behaviours)
    if (path.rest) return list(request, path.id, path.rest.type)
    const behaviour = behaviours.of(path.type)
    const resource =
      store.get(path.id) ?? behaviour?.implicit?.(path.id) ?? (await behaviour?.find?.(path.id))
    if (!resource) throw notFound(path.id)
    // Azure's clients ask this way whether something exists.
    if (request.method === 'HEAD') return reply.code(204).send()
    reply.header('etag', resource.etag)
    return show(resource, queryOf(request))
  }

  async function list(request: FastifyRequest, within: string, type: string) {
    const query = queryOf(request)
    const scope = searchedScope(within, type, query)
    requireScope(scope)
    const own = behaviours.of(type)?.list
    if (own) return { value: (await own(scope, query)).map((resource) => show(resource)) }
    const { resources, skip } = listPage(store, scope, type, query)
    const value = resources.map((resource) => show(resource, query))
    if (skip === undefined) return { value }
    const next = new URL(request.url, origin)
    for (const name of [...next.searchParams.keys()])
      if (name.toLowerCase().startsWith('$skip')) next.searchParams.delete(name)
    next.searchParams.set('$skip', skip)
    return { value, nextLink: next.href }
  }

  /**
   * Lists of a missing workspace are 404; of an empty subscription they are empty, and so are those
   * of a name that a registry does not have: clients ask for its newest version before the first.
   */
  function requireScope(scope: string): void {
    const [registry] =
      /^.*\/Microsoft\.MachineLearningServices\/registries\/[^/]+/i.exec(scope) ?? []
    const needed = registry ?? scope
    if (needed.toLowerCase().includes('/providers/') && !store.get(needed)) throw notFound(needed)
  }

  async function write(request: FastifyRequest, reply: FastifyReply, method: 'PUT' | 'PATCH') {
    const { id, type } = resourcePath(request)
    requireOfferedType(type, behaviours)
    if (!isRecord(request.body))
      throw new AzureError(400, 'InvalidRequestContent', 'The request content must be an object.')
    const result = await service.write({
      id,
      type,
      method,
      body: request.body,
      query: queryOf(request),
      conditions: conditionsOf(request),
      actor: request.caller,
    })
    reply.header('etag', result.resource.etag)
    answerWrite(request, reply, method, result)
    return show(result.resource, queryOf(request))
  }

  /** Status and headers by LRO style (facts, section 1). */
  function answerWrite(
    request: FastifyRequest,
    reply: FastifyReply,
    method: 'PUT' | 'PATCH',
    { resource, operation, style, change }: WriteResult,
  ): void {
    const behaviour = behaviours.of(resource.type)
    reply.code(change === 'created' ? (behaviour?.createdStatus ?? 201) : 200)
    if (!operation) return
    const { status, result } = addresses(request, operation)
    reply.header('retry-after', '1')
    if (style === 'location' || (method === 'PATCH' && behaviour?.patchStatus !== 200)) {
      reply.code(202).header('location', result)
      return
    }
    reply.header('azure-asyncoperation', status)
    reply.header('x-ms-async-operation-timeout', 'PT1H')
    if (style === 'registry') reply.header('location', result)
  }

  async function remove(request: FastifyRequest, reply: FastifyReply) {
    const { id, type } = resourcePath(request)
    requireOfferedType(type, behaviours)
    const removed = await service.remove({
      id,
      query: queryOf(request),
      conditions: conditionsOf(request),
    })
    if (!removed) return reply.code(204).send()
    if (!removed.operation) return reply.code(200).send()
    const { status, result } = addresses(request, removed.operation)
    reply.code(202).header('location', result).header('azure-asyncoperation', status)
    return reply.header('retry-after', '1').send()
  }

  async function act(request: FastifyRequest, reply: FastifyReply) {
    const path = pathOf(request)
    if (!path.rest) throw new AzureError(405, 'MethodNotAllowed', 'POST needs an action.')
    const name = path.rest.segment.toLowerCase()
    const behaviour = behaviours.of(path.type)
    const context = { query: queryOf(request), actor: request.caller, raw: request.raw }
    const resource = store.get(path.id)
    const early = behaviour?.earlyActions?.[name]
    if (early) return sendAction(request, reply, path, await early(path.id, request.body, context))
    const action = behaviour?.actions?.[name]
    if (!action) throw notOffered(`the action '${path.rest.segment}' of ${path.type}`)
    if (!resource) throw notFound(path.id)
    return sendAction(request, reply, path, await action(resource, request.body, context))
  }

  /** A 202 without an address to ask would strand the client: give it one that is settled. */
  function sendAction(
    request: FastifyRequest,
    reply: FastifyReply,
    path: ArmPath,
    answer: ActionAnswer,
  ) {
    reply.code(answer.status).headers(answer.headers ?? {})
    if (answer.status === 202 && answer.headers?.location === undefined) {
      const operation = operations.start(path.id, path.type, { kind: 'action' })
      operations.settle(operation.id)
      reply.header('location', addresses(request, operation).result).header('retry-after', '1')
    }
    return reply.send(answer.body)
  }

  const addresses = (request: FastifyRequest, operation: Operation) =>
    operationAddresses(operation, {
      origin,
      regionName: options.regionName,
      apiVersion: queryOf(request)['api-version'],
    })
}

/** A search by content hash finds code under any name: the client has just made its own name up. */
function searchedScope(scope: string, type: string, query: Query): string {
  const isCode = /\/codes\/versions$/i.test(type)
  return isCode && query.hash !== undefined ? parentId(scope) : scope
}

function pathOf(request: FastifyRequest): ArmPath {
  return parseArmPath(request.url.split('?', 1)[0] ?? '')
}

function resourcePath(request: FastifyRequest): ArmPath {
  const path = pathOf(request)
  if (path.rest)
    throw new AzureError(
      405,
      'MethodNotAllowed',
      `${request.method} needs the path of a resource, not of a collection.`,
    )
  return path
}

/** Query names are compared as Azure does, ignoring case; the spelling of the facts is kept. */
const spelled = new Map(
  ['listViewType', '$orderBy', '$top', '$skip', 'hashVersion', 'searchText', 'isDefault'].map(
    (name) => [name.toLowerCase(), name],
  ),
)
function queryOf(request: FastifyRequest): Query {
  const search = new URLSearchParams(request.url.split('?').slice(1).join('?'))
  const query: Record<string, string> = {}
  for (const [name, value] of search) query[spelled.get(name.toLowerCase()) ?? name] = value
  return query
}

function conditionsOf(request: FastifyRequest): Conditions {
  return { ifMatch: request.headers['if-match'], ifNoneMatch: request.headers['if-none-match'] }
}
