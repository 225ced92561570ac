import {
  type ArmResource,
  AzureError,
  type KindBehaviour,
  type RegionContext,
} from '../../context.ts'
import { failOver, geoReplication } from '../associated/storage-replication.ts'
import { asRecord, type Document } from '../document.ts'

export function storageAccountDocument(body: Document): Document {
  return {
    sku: { name: 'Standard_LRS', tier: 'Standard' },
    kind: 'StorageV2',
    tags: {},
    ...body,
    properties: {
      supportsHttpsTrafficOnly: true,
      allowBlobPublicAccess: false,
      minimumTlsVersion: 'TLS1_2',
      accessTier: 'Hot',
      provisioningState: 'Succeeded',
      ...asRecord(body.properties),
    },
  }
}

/** The ARM side of a storage account; its bytes are the blob engine's. */
export function storageAccountBehaviour(region: RegionContext): KindBehaviour {
  const type = 'Microsoft.Storage/storageAccounts'
  const keys = (resource: ArmResource) => {
    const values = region.blobs.ensureAccount(resource.name.toLowerCase()).keys
    const named = values.map((value, index) => ({
      keyName: `key${index + 1}`,
      value,
      permissions: 'FULL',
    }))
    return { status: 200, body: { keys: named } }
  }
  return {
    type: type.toLowerCase(),
    beforePut({ id, body, existing }) {
      const name = id.slice(id.lastIndexOf('/') + 1)
      if (!/^[a-z0-9]{3,24}$/.test(name))
        throw new AzureError(
          400,
          'AccountNameInvalid',
          `${name} is not a valid storage account name. It must be 3 to 24 lower-case letters and digits.`,
        )
      if (!existing && isTaken(id, name))
        throw new AzureError(
          409,
          'StorageAccountAlreadyTaken',
          `The storage account named ${name} is already taken.`,
        )
      return { body: storageAccountDocument({ location: region.name, ...body }) }
    },
    async afterPut(resource) {
      region.blobs.ensureAccount(resource.name.toLowerCase())
    },
    present: (resource, query) => {
      const location = resource.body.location
      return {
        properties: {
          primaryEndpoints: {
            blob: `${region.storageOrigin}/${resource.name.toLowerCase()}/`,
          },
          primaryLocation: asRecord(resource.body.properties).primaryLocation ?? location,
          statusOfPrimary: 'available',
          creationTime: resource.systemData.createdAt,
          ...geoReplication(resource, query, region.clock()),
        },
      }
    },
    actions: {
      listkeys: async (resource) => keys(resource),
      failover: async (resource, _body, { query }) => failOver(region, resource, query),
    },
  }

  /** Account names are one namespace, as in Azure: blob addresses hold nothing else. */
  function isTaken(id: string, name: string): boolean {
    const [, subscription = ''] = id.split('/subscriptions/')
    const scope = `/subscriptions/${subscription.split('/')[0]}`
    return region.resources.list(scope, type).some((other) => other.name.toLowerCase() === name)
  }
}
