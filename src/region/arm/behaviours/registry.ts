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
import { importVersion } from './publish.ts'
import { isNamed, registryAccount, registryStores, registryType } from './registry-stores.ts'
import { storageAccountDocument } from './storage-account.ts'

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
    actions: {
      removeregions: async (registry, body) => removeRegions(region, registry, body),
      import: (registry, body, { actor }) => importVersion(region, registry, body, actor),
    },
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
    storageAccountDetails: [{ systemCreatedStorageAccount: registryStores(id, key).storage }],
    acrDetails: [{ systemCreatedAcrAccount: registryStores(id, key).acr }],
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

function regionsOf(properties: Document): Document[] {
  const { regionDetails } = properties
  return Array.isArray(regionDetails) ? regionDetails.map(asRecord) : []
}

/** Idempotent, so that it can run again after a crash. */
function makeStores(region: RegionContext, registry: ArmResource, actor: Caller): void {
  for (const { location } of regionsOf(asRecord(registry.body.properties))) {
    const { storage, acr } = registryStores(registry.id, String(location))
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
