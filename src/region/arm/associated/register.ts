import type { KindBehaviour, RegionContext } from '../../context.ts'
import type { ArmStore } from '../../store/resource-store.ts'
import { containerRegistryBehaviours } from './container-registry.ts'
import { cosmosBehaviour } from './cosmos.ts'
import { associatedBehaviours } from './kinds.ts'
import { logAnalyticsBehaviours } from './log-analytics.ts'
import { networkBehaviours } from './network.ts'
import { resourceListBehaviour } from './resource-list.ts'
import { roleAssignmentBehaviour } from './role-assignments.ts'
import { roleDefinitionBehaviour } from './role-definitions.ts'
import { storageServiceBehaviours } from './storage-services.ts'

/** Everything beside the workspace that it uses, or that a team has beside it. */
export const associatedResources = (
  region: RegionContext,
  store: ArmStore,
  forgetImages: (registry: string) => void,
): KindBehaviour[] => [
  ...associatedBehaviours(region),
  ...storageServiceBehaviours(region),
  ...containerRegistryBehaviours(region, forgetImages),
  ...logAnalyticsBehaviours(region),
  cosmosBehaviour(region),
  ...networkBehaviours(region),
  roleAssignmentBehaviour(region, store),
  roleDefinitionBehaviour(store),
  resourceListBehaviour(store),
]
