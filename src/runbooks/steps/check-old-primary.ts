import { HoldfastError } from '../../model/errors.ts'
import type { Look, StepTools } from '../../runbook/runbook.ts'
import type { ReprotectWorld } from '../ports.ts'
import { refuseOvertakenReprotection } from './own-epoch.ts'

const planes = ['arm', 'blob', 'history'] as const

export async function oldPrimaryAnswers(world: ReprotectWorld, tools: StepTools): Promise<Look> {
  await refuseOvertakenReprotection(world)
  const silent: string[] = []
  for (const plane of planes) {
    const probe = await world.returning.probe(plane, { signal: tools.signal })
    if (!probe.healthy) silent.push(`${plane}: ${probe.reason ?? 'it does not answer'}`)
  }
  if (silent.length > 0) return { done: false, detail: `${silent.join('; ')}.` }
  return { done: true, detail: `${world.returning.name} answers.` }
}

/** Nothing Holdfast does makes a region come back; a human has to. */
export async function refuseSilentMember(
  world: ReprotectWorld,
  tools: StepTools,
): Promise<undefined> {
  const look = await oldPrimaryAnswers(world, tools)
  if (look.done) return
  throw new HoldfastError(
    'reprotect.member-silent',
    `${world.returning.name} cannot be protected with yet: ${look.detail}`,
    {
      kind: 'operator',
      hint: 'Wait until the region works again, then start re-protection again.',
    },
  )
}
