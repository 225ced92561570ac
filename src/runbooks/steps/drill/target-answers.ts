import { HoldfastError } from '../../../model/errors.ts'
import type { Look, StepTools } from '../../../runbook/runbook.ts'
import type { DrillWorld } from '../../ports.ts'

const planes = ['arm', 'blob', 'scoring', 'jobs'] as const

export async function targetAnswers({ target }: DrillWorld, tools: StepTools): Promise<Look> {
  const probes = await Promise.all(
    planes.map((plane) => target.probe(plane, { signal: tools.signal })),
  )
  const silent = probes.filter(({ healthy }) => !healthy)
  if (silent.length === 0) return { done: true, detail: `${target.name} answers on every plane.` }
  const reasons = silent.map(({ plane, reason }) => `${plane}: ${reason ?? 'no answer'}`)
  return { done: false, detail: `${target.name} does not answer, ${reasons.join('; ')}.` }
}

export async function refuseSilentTarget(world: DrillWorld, tools: StepTools): Promise<undefined> {
  const { done, detail } = await targetAnswers(world, tools)
  if (done) return
  throw new HoldfastError('drill.target-silent', detail, {
    kind: 'operator',
    hint: 'A failover would not work now either; repair it, then repeat the drill.',
  })
}
