import { createHash } from 'node:crypto'
import {
  type ActionAnswer,
  type ArmResource,
  AzureError,
  type Caller,
  type KindBehaviour,
  type PutRequest,
  type RegionContext,
} from '../../context.ts'
import { idKey } from '../arm-path.ts'
import { madeId } from '../associated/made-id.ts'
import { regionName } from '../associated/regions.ts'
import { asRecord, asText, type Document } from '../document.ts'
import { storageAccountDocument } from './storage-account.ts'

export const registryType = 'Microsoft.MachineLearningServices/registries'

/**
 * Registries: assets under a name that is the same in every region. Each region it names has its
 * storage account and container registry; the bytes are kept in those of its home.
 */
export function registryBehaviour(region: RegionContext): KindBehaviour {
  return {
    type: registryType.toLowerCase(),
    lro: 'registry',
    beforePut: (request) => ({ body: registryDocument(region, request) }),
    afterPut: async (registry, _change, actor) => makeStores(region, registry, actor),
    present: ({ id }) => ({
      properties: {
        discoveryUrl: `${region.origin}/registrymanagement/v1.0/registries/${id.split('/').at(-1)}/discovery`,
        mlFlowRegistryUri: `azureml://${new URL(region.origin).host}/mlflow/v1.0${id}`,
      },
    }),
    actions: { removeregions: async (registry, body) => removeRegions(region, registry, body) },
  }
}

function registryDocument(region: RegionContext, { id, body, existing }: PutRequest): Document {
  const location = asText(body.location) ?? asText(existing?.body.location)
  if (location === undefined)
    throw new AzureError(400, 'ValidationError', 'A registry needs a location.')
  const name = id.slice(id.lastIndexOf('/') + 1)
  // One namespace for everybody: a reference to a registry holds nothing but its name.
  const others = region.resources.list('', registryType)
  if (others.some((one) => isNamed(one, name) && idKey(one.id) !== idKey(id)))
    throw new AzureError(409, 'Conflict', `The registry name '${name}' is taken.`)
  const written = asRecord(body.properties)
  const before = asRecord(existing?.body.properties)
  const asked = [{ location }, ...regionsOf(before), ...regionsOf(written)]
  const byName = new Map(asked.map((one) => [regionName(String(one.location)), one]))
  const regionDetails = [...byName].map(([key, details]) => ({
    ...details,
    location: key,
    storageAccountDetails: [{ systemCreatedStorageAccount: stores(id, key).storage }],
    acrDetails: [{ systemCreatedAcrAccount: stores(id, key).acr }],
  }))
  const [, group] = /^(\/subscriptions\/[^/]+)\//i.exec(id) ?? []
  return {
    tags: {},
    kind: 'registry',
    sku: { name: 'Basic', tier: 'Basic' },
    ...body,
    location,
    identity: {
      type: 'SystemAssigned',
      principalId: madeId(id, 'principal'),
      tenantId: region.authority.tenantId,
    },
    properties: {
      publicNetworkAccess: 'Enabled',
      managedResourceGroup: { resourceId: `${group}/resourceGroups/azureml-rg-${name}` },
      ...before,
      ...written,
      regionDetails,
    },
  }
}

const isNamed = (resource: ArmResource, name: string) =>
  resource.name.toLowerCase() === name.toLowerCase()

function regionsOf(properties: Document): Document[] {
  const { regionDetails } = properties
  return Array.isArray(regionDetails) ? regionDetails.map(asRecord) : []
}

/** Names as Azure makes them up: short, and another in each region. */
function stores(registryId: string, location: string) {
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
  const { storage } = stores(registry.id, regionName(String(registry.body.location)))
  return { account: storage.storageAccountName, id: storage.armResourceId.resourceId }
}

/** Idempotent, so that it can run again after a crash. */
function makeStores(region: RegionContext, registry: ArmResource, actor: Caller): void {
  for (const { location } of regionsOf(asRecord(registry.body.properties))) {
    const { storage, acr } = stores(registry.id, String(location))
    const made = [
      ['Microsoft.Storage/storageAccounts', storage, storageAccountDocument({ location })],
      ['Microsoft.ContainerRegistry/registries', acr, { location, sku: { name: 'Premium' } }],
    ] as const
    for (const [type, { armResourceId }, body] of made)
      if (!region.resources.get(armResourceId.resourceId))
        region.resources.put(armResourceId.resourceId, type, { body }, actor)
  }
  region.blobs.ensureAccount(registryAccount(registry).account)
}

function removeRegions(region: RegionContext, registry: ArmResource, body: unknown): ActionAnswer {
  const gone = regionsOf(asRecord(asRecord(body).properties)).map(({ location }) =>
    regionName(String(location)),
  )
  const home = regionName(String(registry.body.location))
  if (gone.includes(home))
    throw new AzureError(400, 'ValidationError', `The region ${home} is the registry's home.`)
  region.resources.amend(registry.id, (stored) => {
    const properties = asRecord(stored.properties)
    const regionDetails = regionsOf(properties).filter(
      ({ location }) => !gone.includes(String(location)),
    )
    return { ...stored, properties: { ...properties, regionDetails } }
  })
  return { status: 202 }
}
