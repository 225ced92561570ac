import type { PlannedAction, ReplicationPlan } from '../api/contract.ts'
import { HoldfastError } from '../model/errors.ts'
import type { ReplicationContext } from './pass.ts'
import { runPass } from './replicate.ts'

/**
 * What `replicate` would do now, without any effect: the same comparison, reported instead of applied
 * (D7). Throws what keeps the comparison from being whole, because half a plan misleads.
 */
export async function planReplication(context: ReplicationContext): Promise<ReplicationPlan> {
  const actions: PlannedAction[] = []
  const result = await runPass({ ...context, onAction: (action) => actions.push(action) }, 'plan')
  if (result.error !== null)
    throw new HoldfastError(result.error.code, result.error.message, {
      kind: 'operator',
      hint: 'Run `holdfast status` to see what answers.',
    })
  const totals: Record<string, number> = {}
  for (const { action } of actions) totals[action] = (totals[action] ?? 0) + 1
  return {
    group: context.group,
    from: context.source.name,
    to: context.target.name,
    madeAt: context.clock().toISOString(),
    totals,
    bytes: actions.reduce((sum, action) => sum + (action.bytes ?? 0), 0),
    actions,
  }
}
