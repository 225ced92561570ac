import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { apiPrefix, problem } from '../../api/contract.ts'
import {
  objectDetail,
  outage,
  outages,
  runComparison,
  runsPage,
  setOutage,
  settings,
  stableEndpoints,
} from '../../api/detail-contract.ts'
import { pageQuery } from '../../api/paging.ts'
import { topology } from '../../api/topology-contract.ts'
import { mostRuns } from '../run-detail.ts'
import type { ControllerService } from '../service.ts'
import { besides } from './etags.ts'

const inGroup = z.object({ group: z.string() })
const answers = <T extends z.ZodType>(good: T) => ({ 200: good, default: problem })

/** What is read from members and stable endpoints at the moment of asking. */
export function registerReadings(instance: FastifyInstance, service: ControllerService): void {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const at = (path: string) => `${apiPrefix}/groups/:group/${path}`
  app.get(
    at('topology'),
    {
      schema: {
        summary: 'What the workspaces of both sides depend on',
        params: inGroup,
        response: answers(topology),
      },
      config: { stateOf: besides('readAt') },
    },
    (request) => service.topology(request.params.group),
  )
  app.get(
    at('objects/:id'),
    {
      schema: {
        summary: 'One object at both sides, field by field; the id is percent-encoded as a whole',
        params: inGroup.extend({ id: z.string() }),
        response: answers(objectDetail),
      },
      config: { stateOf: besides('readAt') },
    },
    (request) => service.object(request.params.group, request.params.id),
  )
  app.get(
    at('runs'),
    {
      schema: {
        summary: 'Runs of a member; of the effective primary when none is named',
        params: inGroup,
        querystring: pageQuery(mostRuns, mostRuns).extend({ member: z.string().optional() }),
        response: answers(runsPage),
      },
    },
    ({ params, query }) => service.runs(params.group, query),
  )
  app.get(
    at('runs/:run/comparison'),
    {
      schema: {
        summary: 'A run and all its metric values at both sides',
        params: inGroup.extend({ run: z.string() }),
        response: answers(runComparison),
      },
      config: { stateOf: besides('readAt') },
    },
    (request) => service.compareRun(request.params.group, request.params.run),
  )
  app.get(
    at('endpoints'),
    {
      schema: {
        summary: 'Whom each stable endpoint leads to',
        params: inGroup,
        querystring: pageQuery(200, 1000),
        response: answers(stableEndpoints),
      },
      config: { stateOf: besides('readAt') },
    },
    ({ params, query }) => service.endpoints(params.group, query),
  )
  app.get(
    at('settings'),
    {
      schema: {
        summary: 'What the controller runs with',
        params: inGroup,
        response: answers(settings),
      },
    },
    (request) => service.settings(request.params.group),
  )
  app.get(
    at('outages'),
    {
      schema: {
        summary: 'Members whose outage can be rehearsed: local regions',
        params: inGroup,
        querystring: pageQuery(200, 1000),
        response: answers(outages),
      },
    },
    ({ params, query }) => service.outages(params.group, query),
  )
  app.post(
    at('outages/:member'),
    {
      schema: {
        summary: 'Begin or end the outage of a local region',
        params: inGroup.extend({ member: z.string() }),
        body: setOutage,
        response: answers(outage),
      },
      config: { audit: { action: 'outage', fields: ['down'] } },
    },
    (request) => service.setOutage(request.params.group, request.params.member, request.body.down),
  )
}
