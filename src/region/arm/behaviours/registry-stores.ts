import { createHash } from 'node:crypto'
import { type ArmResource, AzureError, type RegionContext } from '../../context.ts'
import { idKey } from '../arm-path.ts'
import { regionName } from '../associated/regions.ts'

export const registryType = 'Microsoft.MachineLearningServices/registries'

export const isNamed = (resource: ArmResource, name: string) =>
  resource.name.toLowerCase() === name.toLowerCase()

/** Names as Azure makes them up: short, and another in each region. */
export function registryStores(registryId: string, location: string) {
  const hash = createHash('sha256')
    .update(`${idKey(registryId)} ${location}`)
    .digest('hex')
  const [, subscription] = /^(\/subscriptions\/[^/]+)\//i.exec(registryId) ?? []
  const name = registryId.slice(registryId.lastIndexOf('/') + 1)
  const group = `${subscription}/resourceGroups/azureml-rg-${name}/providers`
  const account = hash.slice(0, 20)
  return {
    storage: {
      storageAccountName: account,
      storageAccountType: 'Standard_LRS',
      storageAccountHnsEnabled: false,
      armResourceId: { resourceId: `${group}/Microsoft.Storage/storageAccounts/${account}` },
    },
    acr: {
      acrAccountName: account,
      acrAccountSku: 'Premium',
      armResourceId: { resourceId: `${group}/Microsoft.ContainerRegistry/registries/${account}` },
    },
  }
}

/** The registry of a name; throws 404 when there is none. */
export function registryNamed(region: Pick<RegionContext, 'resources'>, name: string): ArmResource {
  const found = region.resources.list('', registryType).find((one) => isNamed(one, name))
  if (found) return found
  throw new AzureError(404, 'RegistryNotFound', `There is no registry named '${name}'.`)
}

/** Where a registry's bytes are. */
export function registryAccount(registry: ArmResource) {
  const { storage } = registryStores(registry.id, regionName(String(registry.body.location)))
  return { account: storage.storageAccountName, id: storage.armResourceId.resourceId }
}
