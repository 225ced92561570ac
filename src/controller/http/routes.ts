import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  apiPrefix,
  consoleLink,
  decisionsPage,
  jobsPage,
  objectsPage,
  operation,
  operationsPage,
  pauseRequest,
  problem,
  readiness,
  replicationPlan,
  resolvedRun,
  startOperation,
  status,
  vantageReport,
} from '../../api/contract.ts'
import { pageQuery, wholeNumber } from '../../api/paging.ts'
import type { ControllerService } from '../service.ts'
import { callerOf } from './caller.ts'
import { registerControlRoutes } from './control-routes.ts'
import { besides, stateOfStatus } from './etags.ts'
import { streamEvents } from './events.ts'
import { registerEvidenceRoutes } from './evidence-routes.ts'
import { registerReadings } from './reading-routes.ts'
import { registerReplicationRoutes } from './replication-routes.ts'
import { registerTokenRoutes } from './token-routes.ts'

export interface RouteOptions {
  readonly service: ControllerService
  readonly issueLink: () => string
  readonly shutdown: AbortSignal
}

const inGroup = z.object({ group: z.string() })
const startHeaders = z.object({ 'idempotency-key': z.string().min(8).max(200).optional() })
const startFields = Object.keys(startOperation.shape)
const withId = z.object({ id: z.string() })
const answers = <T extends Record<number, unknown>>(good: T) => ({ ...good, default: problem })
const as = (type: string, schema: z.ZodType) => ({
  description: 'Default Response',
  content: { [type]: { schema } },
})

export function registerRoutes(instance: FastifyInstance, options: RouteOptions): void {
  const { service } = options
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const at = (path: string) => `${apiPrefix}/${path}`

  app.get(
    at('status'),
    {
      schema: { summary: 'What is true now', response: answers({ 200: status }) },
      config: { stateOf: stateOfStatus },
    },
    () => service.status(),
  )
  app.get(
    at('groups/:group/plan'),
    {
      schema: {
        summary: 'What a sync would do',
        params: inGroup,
        querystring: z.object({ full: z.enum(['true', 'false']).default('false') }),
        response: answers({ 200: replicationPlan }),
      },
      config: { stateOf: besides('madeAt') },
    },
    ({ params, query, signal }) =>
      service.plan(params.group, { signal, full: query.full === 'true' }),
  )
  app.get(
    at('groups/:group/objects'),
    {
      schema: {
        summary: 'The ledger, row by row',
        params: inGroup,
        querystring: pageQuery(100, 1000).extend({
          kind: z.string().optional(),
          state: z.string().optional(),
          name: z.string().min(1).optional().describe('part of the name'),
          skip: wholeNumber(0, 2 ** 31)
            .default(0)
            .meta({ default: 0, description: 'leaves out so many before the first' }),
          total: z
            .enum(['true', 'false'])
            .default('false')
            .describe('also counts all that the filter lets through'),
        }),
        response: answers({ 200: objectsPage }),
      },
    },
    (request) => {
      const { kind, state, name, cursor, skip, limit, total } = request.query
      return service.objects(request.params.group, {
        ...{ skip, limit, total: total === 'true' },
        ...(kind === undefined ? {} : { kind }),
        ...(state === undefined ? {} : { state }),
        ...(name === undefined ? {} : { name }),
        ...(cursor === undefined ? {} : { cursor }),
      })
    },
  )
  app.get(
    at('groups/:group/jobs'),
    {
      schema: {
        summary: 'Open jobs and what happened to them',
        params: inGroup,
        querystring: pageQuery(200, 1000),
        response: answers({ 200: jobsPage }),
      },
    },
    ({ params, query }) => service.jobs(params.group, query),
  )
  app.get(
    at('groups/:group/readiness'),
    {
      schema: {
        summary: 'Could the group fail over now? Looks when it is asked',
        params: inGroup,
        response: answers({ 200: readiness }),
      },
      config: { stateOf: besides('at') },
    },
    (request) => service.readiness(request.params.group, { signal: request.signal }),
  )
  app.get(
    at('groups/:group/runs/:run'),
    {
      schema: {
        summary: 'Which run is the copy of which, by an id of either side',
        params: inGroup.extend({ run: z.string() }),
        response: answers({ 200: resolvedRun }),
      },
    },
    (request) => service.resolveRun(request.params.group, request.params.run),
  )
  registerDecisions(app, service)
  for (const type of operation.shape.type.options) {
    app.post(
      at(`groups/:group/${type}`),
      {
        schema: {
          summary: `Start a ${type}`,
          params: inGroup,
          headers: startHeaders,
          body: startOperation.prefault({}),
          response: answers({ 202: operation }),
        },
        config: { audit: { fields: startFields } },
      },
      async (request, reply) => {
        const key = request.headers['idempotency-key']
        const { id, name } = callerOf(request)
        const asked = { by: name, byId: id, ...(key === undefined ? {} : { key }) }
        const started = await service.start(request.params.group, type, request.body, asked)
        return reply.code(202).send(started)
      },
    )
  }
  app.get(
    at('operations'),
    {
      schema: {
        summary: 'Operations, newest first',
        querystring: pageQuery(100, 200).extend({ group: z.string().optional() }),
        response: answers({ 200: operationsPage }),
      },
    },
    ({ query }) => service.operations(query),
  )
  app.get(
    at('operations/:id'),
    { schema: { summary: 'One operation', params: withId, response: answers({ 200: operation }) } },
    (request) => service.operation(request.params.id),
  )
  app.post(
    at('operations/:id/cancel'),
    {
      schema: {
        summary: 'End an operation after the step under way',
        params: withId,
        response: answers({ 200: operation }),
      },
    },
    (request) => service.cancel(request.params.id, callerOf(request).name),
  )
  registerControlRoutes(instance, service)
  registerReplicationRoutes(instance, service)
  registerTokenRoutes(app, service)
  registerReports(app, service)
  registerReadings(app, service)
  registerEvidenceRoutes(app, service)
  app.post(
    at('console-link'),
    {
      schema: {
        summary: 'A one-time link to the console',
        response: answers({ 200: consoleLink }),
      },
    },
    async () => ({ url: options.issueLink() }),
  )
  app.get(
    at('events'),
    {
      schema: {
        summary: 'Server-sent events; resumes with Last-Event-ID',
        response: answers({ 200: as('text/event-stream', z.unknown()) }),
      },
    },
    (request, reply) => streamEvents(service, request, reply, options.shutdown),
  )
}

function registerDecisions(instance: FastifyInstance, service: ControllerService): void {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const at = (path: string) => `${apiPrefix}/groups/:group/${path}`
  const done = answers({ 204: z.null() })
  app.post(
    at('views'),
    {
      schema: {
        summary: 'Report what a vantage point sees',
        params: inGroup,
        body: vantageReport,
        response: done,
      },
      config: { audit: false },
    },
    async (request, reply) => {
      await service.view(request.params.group, request.body)
      return reply.code(204).send(null)
    },
  )
  app.post(
    at('pause'),
    {
      schema: {
        summary: 'Pause automatic decisions',
        params: inGroup,
        body: pauseRequest,
        response: done,
      },
      config: { audit: { fields: ['reason'] } },
    },
    async (request, reply) => {
      await service.pause(request.params.group, request.body.reason, callerOf(request).name)
      return reply.code(204).send(null)
    },
  )
  app.post(
    at('resume'),
    { schema: { summary: 'End the pause', params: inGroup, response: done } },
    async (request, reply) => {
      await service.pause(request.params.group, null, callerOf(request).name)
      return reply.code(204).send(null)
    },
  )
  app.post(
    at('acknowledge'),
    {
      schema: {
        summary: 'Acknowledge an automatic failover',
        params: inGroup,
        response: done,
      },
    },
    async (request, reply) => {
      await service.acknowledge(request.params.group, callerOf(request).name)
      return reply.code(204).send(null)
    },
  )
  app.get(
    at('decisions'),
    {
      schema: {
        summary: 'What was decided, newest first',
        params: inGroup,
        querystring: pageQuery(200, 1000),
        response: answers({ 200: decisionsPage }),
      },
    },
    ({ params, query }) => service.decisions(params.group, query),
  )
}

function registerReports(app: FastifyInstance, service: ControllerService): void {
  const formats = {
    report: ['json', 'application/json; charset=utf-8'],
    'report.html': ['html', 'text/html; charset=utf-8'],
    'report.sig': ['sig', 'application/json; charset=utf-8'],
  } as const
  for (const [name, [format, type]] of Object.entries(formats)) {
    app.withTypeProvider<ZodTypeProvider>().get(
      `${apiPrefix}/operations/:id/${name}`,
      {
        schema: {
          summary: `The report of an operation as ${format}`,
          params: withId,
          response: answers({ 200: as(type.replace(/;.*/, ''), z.unknown()) }),
        },
      },
      async (request, reply) =>
        reply.type(type).send(Buffer.from(await service.report(request.params.id, format))),
    )
  }
}
