import type { PlannedAction } from '../api/contract.ts'
import { planDigest } from '../api/plan-digest.ts'
import { HoldfastError } from '../model/errors.ts'
import type { PassResult, ReplicationContext } from './pass.ts'
import { planReplication } from './plan-replication.ts'
import { replicate } from './replicate.ts'

/**
 * One pass that does what somebody has reviewed and nothing else. The plan is made again; another
 * digest is refused before any effect. What changes while the pass runs is left to the next one.
 */
export async function replicateAsApproved(
  context: ReplicationContext,
  digest: string,
): Promise<PassResult> {
  const { actions } = await planReplication(context)
  if (planDigest(actions) !== digest) throw planChanged('Something changed since the plan was made')
  const approved = new Set(actions.map(keyOf))
  // Only this process knows what was approved.
  const { board: _, ...alone } = context
  return replicate({
    ...alone,
    onAction: (action) => {
      // Thrown before the effect: the object fails alone, and its row says why.
      if (!approved.has(keyOf(action))) throw planChanged(`${action.object} changed since`)
      context.onAction?.(action)
    },
  })
}

const keyOf = ({ object, action, digest = '' }: PlannedAction) => `${action} ${digest} ${object}`

function planChanged(what: string): HoldfastError {
  return new HoldfastError('plan.changed', `${what}; nothing of it was done.`, {
    kind: 'operator',
    hint: 'Make and review a new one: holdfast plan --out FILE',
  })
}
