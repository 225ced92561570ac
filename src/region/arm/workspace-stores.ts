import { AzureError, type ResourceStore, type WorkspaceStores } from '../context.ts'
import { asRecord, asText } from './document.ts'

/** Where a workspace keeps its default stores; throws 404 when the workspace does not exist. */
export function workspaceStores(resources: ResourceStore, workspaceId: string): WorkspaceStores {
  const workspace = resources.get(workspaceId)
  const properties = asRecord(workspace?.body.properties)
  const storageAccount = asText(properties.storageAccount)
  const guid = asText(properties.workspaceId)
  if (storageAccount === undefined || guid === undefined) {
    throw new AzureError(404, 'ResourceNotFound', `The workspace '${workspaceId}' was not found.`)
  }
  return {
    account: storageAccount.slice(storageAccount.lastIndexOf('/') + 1).toLowerCase(),
    containers: {
      workspaceblobstore: blobStoreContainer(guid),
      workspaceartifactstore: 'azureml',
    },
  }
}

export const blobStoreContainer = (workspaceGuid: string) => `azureml-blobstore-${workspaceGuid}`
