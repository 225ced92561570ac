import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  conflictResolution,
  conflictsPage,
  keptContent,
  keptPage,
  openKept,
  resolveConflict,
} from '../../api/conflict-contract.ts'
import { apiPrefix, problem } from '../../api/contract.ts'
import { driftReport } from '../../api/drift-contract.ts'
import { pageQuery } from '../../api/paging.ts'
import type { ControllerService } from '../service.ts'

const inGroup = z.object({ group: z.string() })
const answers = <T extends Record<number, z.ZodType>>(good: T) => ({ ...good, default: problem })

/** Conflicts and what was decided about them. */
export function registerReplicationRoutes(
  instance: FastifyInstance,
  service: ControllerService,
): void {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const at = (path: string) => `${apiPrefix}/groups/:group/${path}`
  app.get(
    at('conflicts'),
    {
      schema: {
        summary: 'Objects that both sides changed: what differs, and who changed it',
        params: inGroup,
        querystring: pageQuery(50, 200),
        response: answers({ 200: conflictsPage }),
      },
    },
    ({ params, query, signal }) =>
      service.replication(params.group).conflicts({ ...query, signal }),
  )
  app.post(
    at('conflicts/resolve'),
    {
      schema: {
        summary: 'Decide whose content stands; the next pass carries it out',
        params: inGroup,
        body: resolveConflict,
        response: answers({ 200: conflictResolution }),
      },
      config: { audit: { action: 'resolve-conflict', fields: ['object', 'keep'] } },
    },
    ({ params, body, signal }) =>
      service.replication(params.group).resolveConflict(body, { signal }),
  )
  app.get(
    at('drift'),
    {
      schema: {
        summary: 'What differs at the secondary other than by lag',
        params: inGroup,
        response: answers({ 200: driftReport }),
      },
    },
    ({ params, signal }) => service.replication(params.group).drift({ signal }),
  )
  app.get(
    at('conflicts/kept'),
    {
      schema: {
        summary: 'What resolutions put aside',
        params: inGroup,
        querystring: pageQuery(200, 1000).extend({ object: z.string().optional() }),
        response: answers({ 200: keptPage }),
      },
    },
    ({ params, query }) => service.replication(params.group).kept(query),
  )
  app.post(
    at('conflicts/kept/open'),
    {
      schema: {
        summary: 'What a resolution put aside, with what is sealed in it',
        params: inGroup,
        body: openKept,
        response: answers({ 200: keptContent }),
      },
      config: { audit: { action: 'open-kept', fields: ['object', 'id'] } },
    },
    ({ params, body, signal }) => service.replication(params.group).openKept(body, { signal }),
  )
}
