import { createHash, randomUUID } from 'node:crypto'
import {
  type ActionAnswer,
  type ArmResource,
  AzureError,
  type Caller,
  type KindBehaviour,
  type PutRequest,
  type RegionContext,
  type SoftDelete,
} from '../../context.ts'
import { idKey } from '../arm-path.ts'
import { asRecord, asText, type Document } from '../document.ts'
import { blobStoreContainer, workspaceStores } from '../workspace-stores.ts'
import { vaultDocument } from './key-vault.ts'
import { presentedNetwork, provisionNetwork, storeRules } from './managed-network.ts'
import { storageAccountDocument } from './storage-account.ts'

export const workspaceType = 'Microsoft.MachineLearningServices/workspaces'

/** A workspace: its service-made fields, its associated resources and its system datastores. */
export function workspaceBehaviour(region: RegionContext): KindBehaviour {
  const { resources } = region

  function beforePut({ id, body, existing }: PutRequest) {
    const written = asRecord(body.properties)
    const before = asRecord(existing?.body.properties)
    for (const field of ['storageAccount', 'keyVault']) refuseMove(field, written, before)
    const guid = asText(before.workspaceId) ?? randomUUID()
    const associated = associatedIds(id, guid)
    for (const field of ['storageAccount', 'keyVault', 'applicationInsights'] as const) {
      const given = asText(written[field])
      if (given && !existing && !resources.get(given)) throw missingDependency(field, given)
    }
    const properties: Document = {
      friendlyName: id.slice(id.lastIndexOf('/') + 1),
      description: '',
      hbiWorkspace: false,
      publicNetworkAccess: 'Enabled',
      v1LegacyMode: false,
      ...associated,
      ...withoutEmpty(before),
      ...withoutEmpty(written),
      workspaceId: guid,
      tenantId: region.authority.tenantId,
      provisioningState: before.provisioningState,
    }
    const document: Document = {
      location: region.name,
      tags: {},
      kind: 'Default',
      sku: { name: 'Basic', tier: 'Basic' },
      ...body,
      identity: identityOf(body, existing, region.authority.tenantId),
      properties,
    }
    return { body: document }
  }

  /** Idempotent, so that it can run again after a crash. */
  async function afterPut(
    workspace: ArmResource,
    change: 'created' | 'updated',
    actor: Caller,
  ): Promise<void> {
    const properties = asRecord(workspace.body.properties)
    const ensure = (field: string, type: string, body: (name: string) => Document) => {
      const id = asText(properties[field])
      // Made with the workspace alone: one that is deleted later is its owner's to bring back.
      if (change === 'updated' || id === undefined || resources.get(id)) return
      resources.put(id, type, { body: body(id.slice(id.lastIndexOf('/') + 1)) }, actor)
    }
    ensure('storageAccount', 'Microsoft.Storage/storageAccounts', () =>
      storageAccountDocument({ location: region.name }),
    )
    ensure('keyVault', 'Microsoft.KeyVault/vaults', () =>
      vaultDocument({ location: region.name }, region.authority.tenantId),
    )
    ensure('applicationInsights', 'Microsoft.Insights/components', () => ({
      location: region.name,
      kind: 'web',
      properties: { Application_Type: 'web', provisioningState: 'Succeeded' },
    }))
    storeRules(resources, workspace, actor)
    const stores = workspaceStores(resources, workspace.id)
    region.blobs.ensureAccount(stores.account)
    for (const container of Object.values(stores.containers))
      region.blobs.ensureContainer(stores.account, container)
    for (const share of Object.values(shareNames(asText(properties.workspaceId) ?? '')))
      region.files.ensureShare(stores.account, share)
    for (const [name, document] of systemDatastores(workspace, stores.account)) {
      const id = `${workspace.id}/datastores/${name}`
      if (!resources.get(id))
        resources.put(id, `${workspaceType}/datastores`, { body: document }, actor)
    }
  }

  const storageKeys = async (workspace: ArmResource): Promise<ActionAnswer> => {
    const { account } = workspaceStores(resources, workspace.id)
    const [key] = region.blobs.ensureAccount(account).keys
    const { storageAccount } = asRecord(workspace.body.properties)
    return { status: 200, body: { userStorageKey: key, userStorageResourceId: storageAccount } }
  }

  function managedNetworkOf(workspace: ArmResource): Document {
    const managedNetwork = presentedNetwork(resources, workspace)
    return managedNetwork ? { managedNetwork } : {}
  }

  return {
    type: workspaceType.toLowerCase(),
    lro: 'location',
    beforePut,
    afterPut,
    present: (workspace) => ({
      properties: {
        ...managedNetworkOf(workspace),
        // Addresses depend on the port of today, so they are computed and not stored.
        discoveryUrl: `${region.origin}/discovery`,
        mlFlowTrackingUri: `azureml://${new URL(region.origin).host}/mlflow/v1.0${workspace.id}`,
        notebookInfo: null,
        storageHnsEnabled: false,
        privateEndpointConnections: [],
      },
    }),
    softDelete: workspaceSoftDelete(region),
    actions: {
      listkeys: storageKeys,
      liststorageaccountkeys: storageKeys,
      resynckeys: async () => ({ status: 202 }),
      provisionmanagednetwork: (workspace, body) => provisionNetwork(resources, workspace, body),
      diagnose: async (workspace) => ({ status: 200, body: diagnosis(region, workspace) }),
    },
  }
}

const retentionDays = 14

/**
 * A deleted workspace waits 14 days with its runs and assets; computes, endpoints and role
 * assignments do not survive. Azure's stable API knows `forceToPurge` alone; asking for the workspace
 * back is the field of its 2022-01-01-preview.
 */
function workspaceSoftDelete(region: RegionContext): SoftDelete {
  return {
    retentionDays(workspace) {
      const { softDeleteRetentionInDays: days } = asRecord(workspace.body.properties)
      return typeof days === 'number' ? days : retentionDays
    },
    isPurge: ({ forceToPurge }) => forceToPurge?.toLowerCase() === 'true',
    isHardDeleted: (type) =>
      /\/workspaces\/(computes|(online|batch|serverless)endpoints)\b/.test(type) ||
      type === 'microsoft.authorization/roleassignments',
    recovery(body) {
      const { allowRecoverSoftDeletedWorkspace: allowed, ...properties } = asRecord(body.properties)
      return String(allowed).toLowerCase() === 'true' ? { ...body, properties } : undefined
    },
    blocked: () =>
      new AzureError(
        400,
        'BadRequest',
        'Soft-deleted workspace exists. Please purge or recover it. https://aka.ms/wsoftdelete',
      ),
    purge: ({ id }) => region.runs.forget(id),
  }
}

/** Names as Azure makes them up: the start of the workspace's name and a hash of its id. */
function associatedIds(workspaceId: string, guid: string) {
  const [, group = '', name = ''] =
    /^(\/subscriptions\/[^/]+\/resourceGroups\/[^/]+)\/.*\/([^/]+)$/i.exec(workspaceId) ?? []
  const hash = createHash('sha256')
    .update(`${idKey(workspaceId)}${guid}`)
    .digest('hex')
  const stem = name
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '')
    .slice(0, 8)
  const named = (type: string, kind: string) =>
    `${group}/providers/${type}/${stem}${kind}${hash.slice(0, 10)}`
  return {
    storageAccount: named('Microsoft.Storage/storageAccounts', 'st'),
    keyVault: named('Microsoft.KeyVault/vaults', 'kv'),
    applicationInsights: named('Microsoft.Insights/components', 'ai'),
  }
}

function refuseMove(field: string, written: Document, before: Document): void {
  const next = asText(written[field])
  const old = asText(before[field])
  if (next && old && idKey(next) !== idKey(old))
    throw new AzureError(
      400,
      'ValidationError',
      `The property ${field} of a workspace cannot change.`,
    )
}

function missingDependency(field: string, id: string): AzureError {
  return new AzureError(400, 'ValidationError', `The ${field} '${id}' does not exist.`)
}

const withoutEmpty = (document: Document): Document =>
  Object.fromEntries(
    Object.entries(document).filter(([, value]) => value !== undefined && value !== null),
  )

function identityOf(body: Document, existing: ArmResource | undefined, tenantId: string): Document {
  const written = asRecord(body.identity)
  const before = asRecord(existing?.body.identity)
  const type = asText(written.type) ?? asText(before.type) ?? 'SystemAssigned'
  if (!/SystemAssigned/i.test(type)) return { ...written, type }
  return { ...written, type, principalId: before.principalId ?? randomUUID(), tenantId }
}

const shareNames = (guid: string) => ({
  filestore: `azureml-filestore-${guid}`,
  notebooks: `code-${guid}`,
})

/** Made by the service with every workspace; never written by a client (design D6). */
function systemDatastores(workspace: ArmResource, account: string): Array<[string, Document]> {
  const guid = asText(asRecord(workspace.body.properties).workspaceId) ?? ''
  const { filestore, notebooks } = shareNames(guid)
  const common = {
    accountName: account,
    protocol: 'https',
    serviceDataAccessAuthIdentity: 'None',
    credentials: { credentialsType: 'AccountKey' },
    tags: {},
    properties: {},
  }
  const blob = (containerName: string, isDefault: boolean): Document => ({
    properties: { datastoreType: 'AzureBlob', ...common, containerName, isDefault },
  })
  const share = (fileShareName: string): Document => ({
    properties: { datastoreType: 'AzureFile', ...common, fileShareName, isDefault: false },
  })
  return [
    ['workspaceblobstore', blob(blobStoreContainer(guid), true)],
    ['workspaceartifactstore', blob('azureml', false)],
    ['workspacefilestore', share(filestore)],
    ['workspaceworkingdirectory', share(notebooks)],
  ]
}

/** One list per dependency: empty when it is there. */
function diagnosis(region: RegionContext, workspace: ArmResource) {
  const properties = asRecord(workspace.body.properties)
  const check = (field: string) => {
    const id = asText(properties[field])
    if (id === undefined || region.resources.get(id)) return []
    return [{ code: 'ResourceNotFound', level: 'Error', message: `'${id}' does not exist.` }]
  }
  return {
    value: {
      storageAccountResults: check('storageAccount'),
      keyVaultResults: check('keyVault'),
      applicationInsightsResults: check('applicationInsights'),
      containerRegistryResults: check('containerRegistry'),
      userDefinedRouteResults: [],
      networkSecurityRuleResults: [],
      resourceLockResults: [],
      dnsResolutionResults: [],
      otherResults: [],
    },
  }
}
