import type { ArmResource } from '../context.ts'
import { idKey } from './arm-path.ts'
import type { BehaviourRegistry } from './behaviour-registry.ts'

/** What a delete does to a resource and to everything below it. */
export interface Removal {
  /** Kept in the recycle bin, each with what is below it, for so many days. */
  readonly setAside: readonly { readonly resource: ArmResource; readonly days: number }[]
  /** Gone for good at once, deepest first. */
  readonly removed: readonly ArmResource[]
}

/**
 * Kinds with soft delete go into the bin, also when their resource group is deleted around them; of
 * what is below them, each kind says what does not survive.
 */
export function planRemoval(
  existing: ArmResource,
  descendants: readonly ArmResource[],
  behaviours: BehaviourRegistry,
): Removal {
  const setAside = [existing, ...descendants].flatMap((resource) => {
    const days = behaviours.of(resource.type)?.softDelete?.retentionDays(resource)
    return days === undefined ? [] : [{ resource, days }]
  })
  const isGone = (resource: ArmResource) => {
    const key = idKey(resource.id)
    for (const { resource: root } of setAside) {
      if (root === resource) return false
      if (!key.startsWith(`${idKey(root.id)}/`)) continue
      return behaviours.of(root.type)?.softDelete?.isHardDeleted(resource.type.toLowerCase())
    }
    return true
  }
  return { setAside, removed: [...descendants, existing].filter(isGone) }
}
