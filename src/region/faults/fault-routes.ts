import type { FastifyInstance } from 'fastify'
import { AzureError } from '../context.ts'
import type { FaultGate } from './fault-gate.ts'

/** The region's switches, for drills and tests: behind a token for the region's own audience. */
export function registerFaults(app: FastifyInstance, gate: FaultGate): void {
  const guarded = { config: { access: 'region' as const } }
  app.get('/_region/faults', guarded, async () => ({ value: gate.list() }))
  app.post('/_region/faults', guarded, async (request, reply) =>
    reply.code(201).send(gate.add(request.body)),
  )
  app.delete('/_region/faults', guarded, async (_request, reply) => {
    gate.liftAll()
    return reply.code(204).send()
  })
  app.delete('/_region/faults/:id', guarded, async (request, reply) => {
    const { id } = request.params as { id: string }
    if (!gate.lift(id)) throw new AzureError(404, 'FaultNotFound', `There is no fault '${id}'.`)
    return reply.code(204).send()
  })
}
