import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { apiPrefix, operation, problem } from '../../api/contract.ts'
import { type ControlAction, controlActions, controlRequest } from '../../api/control-contract.ts'
import type { ControllerService } from '../service.ts'
import { callerOf } from './caller.ts'

const summaries: Readonly<Record<ControlAction, string>> = {
  approve: 'Agree to what an operation waits for',
  reject: 'Say no to what an operation waits for',
  retry: 'Go on with an operation that failed',
  skip: 'Leave out a step that may be left out',
  abort: 'Undo what an operation has done, before its point of no return',
}

/** What people do to an operation that was begun. */
export function registerControlRoutes(
  instance: FastifyInstance,
  { control }: Pick<ControllerService, 'control'>,
): void {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  for (const action of controlActions) {
    app.post(
      `${apiPrefix}/operations/:id/${action}`,
      {
        schema: {
          summary: summaries[action],
          params: z.object({ id: z.string() }),
          body: controlRequest.prefault({}),
          response: { 200: operation, default: problem },
        },
        config: { audit: { fields: ['step', 'reason', 'dryRun'] } },
      },
      (request) => control[action](request.params.id, request.body, callerOf(request)),
    )
  }
}
