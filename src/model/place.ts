/**
 * Where a workspace is, as far as references inside objects can name it. Relocation rewrites a
 * reference from one place to another (facts: "URI forms a rewriter must recognise").
 */
export interface Place {
  readonly subscriptionId: string
  readonly resourceGroup: string
  readonly workspaceName: string
  /** `properties.workspaceId`: the GUID in data-plane hosts, container names and asset ids. */
  readonly workspaceGuid: string
  /** Normalised region name, e.g. `eastus`. */
  readonly region: string
  /** Default storage account name and the origin of its blob service, without trailing slash. */
  readonly storageAccount: string
  readonly blobOrigin: string
  /** Base of data-plane addresses, e.g. `https://eastus.api.azureml.ms`. */
  readonly apiOrigin: string
  /** ARM ids of associated resources, mapped when the field names one. */
  readonly associated: Readonly<
    Record<
      'storageAccount' | 'keyVault' | 'applicationInsights' | 'containerRegistry',
      string | undefined
    >
  >
  /** Of the identity that the service gives the workspace; absent: it has none. */
  readonly principalId?: string
  /** The container registry; absent: the workspace has none. */
  readonly imageRegistry?: {
    /** Login server in lower case: the part before the first `/` of its images. */
    readonly server: string
    /** Normalised names of the regions that hold its images. */
    readonly regions: readonly string[]
  }
  /** Blob container behind each datastore that lives on the default storage account. */
  readonly containers: Readonly<Record<string, string>>
}
