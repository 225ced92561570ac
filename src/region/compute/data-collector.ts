import { workspaceIdOf } from '../arm/arm-path.ts'
import { containerDocument } from '../arm/asset-versions.ts'
import { asRecord, asText, type Document } from '../arm/document.ts'
import type { ArmResource, Caller, RegionContext } from '../context.ts'

const dataType = 'Microsoft.MachineLearningServices/workspaces/data'

/** `dataCollector` with the data asset of each collection that is on, where the writer names none. */
export function namedCollections(deploymentId: string, properties: Document): Document {
  const { dataCollector } = properties
  const { collections } = asRecord(dataCollector)
  if (collections === undefined) return {}
  const named = Object.entries(asRecord(collections)).map(([name, written]) => {
    const collection = asRecord(written)
    const isOn = asText(collection.dataCollectionMode)?.toLowerCase() === 'enabled'
    const dataId = asText(collection.dataId) ?? assetId(deploymentId, name)
    // Clients write the mode in small letters and read it as the service spells it.
    const dataCollectionMode = isOn ? 'Enabled' : 'Disabled'
    return [name, { ...collection, dataCollectionMode, ...(isOn && { dataId }) }]
  })
  return {
    dataCollector: { ...asRecord(dataCollector), collections: Object.fromEntries(named) },
  }
}

const namesOf = (deploymentId: string) => {
  const [, endpoint = '', deployment = ''] =
    /\/onlineEndpoints\/([^/]+)\/deployments\/([^/]+)$/i.exec(deploymentId) ?? []
  return { endpoint, deployment }
}

function assetId(deploymentId: string, collection: string): string {
  const { endpoint, deployment } = namesOf(deploymentId)
  return `${workspaceIdOf(deploymentId)}/data/${endpoint}-${deployment}-${collection}/versions/1`
}

/**
 * Registers the data assets of the collections, which is where monitors look. The region collects
 * nothing into them. Idempotent, so that it can run again after a crash.
 */
export function registerCollections(
  region: RegionContext,
  { id, body }: ArmResource,
  actor: Caller,
): void {
  const { collections } = asRecord(asRecord(body.properties).dataCollector)
  const { endpoint, deployment } = namesOf(id)
  for (const [name, collection] of Object.entries(asRecord(collections))) {
    const versionId = assetId(id, name)
    if (asRecord(collection).dataId !== versionId || region.resources.get(versionId)) continue
    const containerId = versionId.replace(/\/versions\/1$/, '')
    const dataUri = `azureml://datastores/workspaceblobstore/paths/modelDataCollector/${endpoint}/${deployment}/${name}`
    const properties = { dataType: 'uri_folder', dataUri, isArchived: false, isAnonymous: false }
    if (!region.resources.get(containerId)) {
      const container = containerDocument(dataType, { properties })
      region.resources.put(containerId, dataType, { body: container }, actor)
    }
    region.resources.put(versionId, `${dataType}/versions`, { body: { properties } }, actor)
  }
}
