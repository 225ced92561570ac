import type { RegionContext } from '../../context.ts'
import type { RecycleBin } from '../../store/recycle-bin.ts'
import type { ArmStore } from '../../store/resource-store.ts'
import { associatedResources } from '../associated/register.ts'
import type { BehaviourRegistry } from '../behaviour-registry.ts'
import { assetBehaviours } from './assets.ts'
import { connectionBehaviour } from './connection.ts'
import { datastoreBehaviour } from './datastore.ts'
import { featureBehaviour } from './features.ts'
import { keyVaultBehaviour } from './key-vault.ts'
import { outboundRuleBehaviour } from './managed-network.ts'
import { otherKinds } from './other-kinds.ts'
import { registryBehaviour } from './registry.ts'
import { storageAccountBehaviour } from './storage-account.ts'
import { workspaceBehaviour } from './workspace.ts'

/** The kinds the ARM server itself knows; jobs, computes and endpoints are registered by `compute/`. */
export function registerArmBehaviours(
  behaviours: BehaviourRegistry,
  region: RegionContext,
  parts: {
    readonly store: ArmStore
    readonly bin: RecycleBin
    readonly forgetSecrets: (vault: string) => void
    readonly forgetImages: (registry: string) => void
  },
): void {
  const { store, bin, forgetSecrets, forgetImages } = parts
  const known = [
    workspaceBehaviour(region),
    storageAccountBehaviour(region),
    keyVaultBehaviour(region, bin, forgetSecrets),
    datastoreBehaviour(region),
    connectionBehaviour(),
    outboundRuleBehaviour(region),
    registryBehaviour(region),
    featureBehaviour(region),
    ...otherKinds(),
    ...assetBehaviours(region, store),
    ...associatedResources(region, store, forgetImages),
  ]
  for (const behaviour of known) behaviours.register(behaviour)
}
