import type { Place } from '../place.ts'

/** Two places as Azure names them; override what a test is about. */
export function azurePlace(side: 'east' | 'west', overrides: Partial<Place> = {}): Place {
  const n = side === 'east' ? '1' : '2'
  const region = side === 'east' ? 'eastus' : 'westus'
  const subscriptionId = `${n.repeat(8)}-aaaa-4bbb-8ccc-000000000000`
  const workspaceGuid = `${n.repeat(8)}-0000-4000-8000-00000000000${n}`
  const resourceGroup = `rg-${side}`
  const account = `fraudstore${side}`
  const inGroup = `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers`
  return {
    subscriptionId,
    resourceGroup,
    workspaceName: `fraud-${side}`,
    workspaceGuid,
    region,
    storageAccount: account,
    blobOrigin: `https://${account}.blob.core.windows.net`,
    apiOrigin: `https://${region}.api.azureml.ms`,
    associated: {
      storageAccount: `${inGroup}/Microsoft.Storage/storageAccounts/${account}`,
      keyVault: `${inGroup}/Microsoft.KeyVault/vaults/kv-${side}`,
      applicationInsights: `${inGroup}/Microsoft.Insights/components/ai-${side}`,
      containerRegistry: `${inGroup}/Microsoft.ContainerRegistry/registries/acr${side}`,
    },
    imageRegistry: { server: `acr${side}.azurecr.io`, regions: [region] },
    containers: {
      workspaceblobstore: `azureml-blobstore-${workspaceGuid}`,
      workspaceartifactstore: 'azureml',
    },
    ...overrides,
  }
}

/** A place as a local region has it: one origin with a port, storage addressed path-style. */
export function localPlace(side: 'east' | 'west'): Place {
  const port = side === 'east' ? 7101 : 7201
  const account = `fraudstore${side}`
  return azurePlace(side, {
    blobOrigin: `https://localhost:${port + 1}/${account}`,
    apiOrigin: `https://localhost:${port}`,
  })
}

export function workspaceArmId(place: Place): string {
  return `/subscriptions/${place.subscriptionId}/resourceGroups/${place.resourceGroup}/providers/Microsoft.MachineLearningServices/workspaces/${place.workspaceName}`
}
