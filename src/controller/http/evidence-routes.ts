import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { apiPrefix, operation, problem } from '../../api/contract.ts'
import { auditPage, auditVerdict, evidenceKey, historyPage } from '../../api/evidence-contract.ts'
import { notifyTest, notifyTestResults } from '../../api/notify-contract.ts'
import { pageQuery } from '../../api/paging.ts'
import type { ControllerService } from '../service.ts'

const answers = <T extends z.ZodType>(good: T) => ({ 200: good, default: problem })

/** The audit log, history, the key with which evidence is signed, and who is told. */
export function registerEvidenceRoutes(
  instance: FastifyInstance,
  { evidence, history, testNotify }: Pick<ControllerService, 'evidence' | 'history' | 'testNotify'>,
): void {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  app.get(
    `${apiPrefix}/audit`,
    {
      schema: {
        summary: 'The audit log',
        querystring: pageQuery(500, 1000).extend({
          first: z.enum(['oldest', 'newest']).default('oldest'),
          since: z.iso.datetime().optional(),
          until: z.iso.datetime().optional(),
          actor: z.string().optional(),
          action: z.string().optional(),
        }),
        response: answers(auditPage),
      },
    },
    ({ query }) => evidence.audit(query),
  )
  app.get(
    `${apiPrefix}/audit/verdict`,
    {
      schema: {
        summary: 'Whether the audit log is as it was written; reads all of it',
        response: answers(auditVerdict),
      },
    },
    () => evidence.verdict(),
  )
  app.get(
    `${apiPrefix}/groups/:group/history`,
    {
      schema: {
        summary: 'Operations with what was measured, newest first',
        params: z.object({ group: z.string() }),
        querystring: pageQuery(50, 200).extend({
          type: operation.shape.type.optional(),
          since: z.iso.datetime().optional(),
        }),
        response: answers(historyPage),
      },
    },
    ({ params, query }) => history(params.group, query),
  )
  app.post(
    `${apiPrefix}/groups/:group/notify/test`,
    {
      schema: {
        summary: 'Send a test to one channel, or to all',
        params: z.object({ group: z.string() }),
        body: notifyTest,
        response: answers(notifyTestResults),
      },
      config: { audit: { action: 'test-channel', fields: ['channel'] } },
    },
    async ({ params, body }) => ({ items: [...(await testNotify(params.group, body.channel))] }),
  )
  app.get(
    `${apiPrefix}/audit/key`,
    {
      schema: {
        summary: 'The public key of what this controller signs',
        response: answers(evidenceKey),
      },
    },
    async () => evidence.key(),
  )
}
