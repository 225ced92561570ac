import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { createdToken, createToken, serviceToken, tokensPage } from '../../api/access-contract.ts'
import { apiPrefix, problem } from '../../api/contract.ts'
import { pageQuery } from '../../api/paging.ts'
import { pageAfter } from '../list-pages.ts'
import type { ControllerService } from '../service.ts'
import { callerOf } from './caller.ts'

const inGroup = z.object({ group: z.string() })
const answers = <T extends Record<number, z.ZodType>>(good: T) => ({ ...good, default: problem })

/** Tokens of machines. */
export function registerTokenRoutes(instance: FastifyInstance, service: ControllerService): void {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const at = `${apiPrefix}/groups/:group/tokens`
  app.get(
    at,
    {
      schema: {
        summary: 'Service tokens of the group, without what is secret of them',
        params: inGroup,
        querystring: pageQuery(200, 1000),
        response: answers({ 200: tokensPage }),
      },
    },
    async ({ params, query }) =>
      pageAfter(await service.tokens(params.group).list(params.group), ({ name }) => name, query),
  )
  app.post(
    at,
    {
      config: { audit: { action: 'token-create', fields: ['name', 'role', 'expiresInMs'] } },
      schema: {
        summary: 'Create a service token; the answer is the only one that holds it',
        params: inGroup,
        body: createToken,
        response: answers({ 201: createdToken }),
      },
    },
    async (request, reply) => {
      const { group } = request.params
      const by = callerOf(request).name
      return reply.code(201).send(await service.tokens(group).create(group, request.body, by))
    },
  )
  app.post(
    `${at}/:id/revoke`,
    {
      config: { audit: { action: 'token-revoke' } },
      schema: {
        summary: 'Make a service token worthless at once',
        params: inGroup.extend({ id: z.string().describe('name of the token') }),
        response: answers({ 200: serviceToken }),
      },
    },
    (request) => {
      const { group, id } = request.params
      return service.tokens(group).revoke(group, id, callerOf(request).name)
    },
  )
}
