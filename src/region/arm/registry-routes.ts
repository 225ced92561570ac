import type { FastifyInstance } from 'fastify'
import { blobPlaceAt, containerAddress } from '../blob-address.ts'
import { AzureError, type RegionContext } from '../context.ts'
import { pendingUpload } from './behaviours/pending-upload.ts'
import { registryAccount, registryNamed } from './behaviours/registry-stores.ts'
import { asRecord } from './document.ts'

const registryPath =
  '/subscriptions/:subscription/resourceGroups/:group/providers/Microsoft.MachineLearningServices/registries/:registry'

const readableMs = 24 * 3_600_000

/** Where a registry is, by its name alone: what a client asks before anything else of it. */
export function registerRegistries(app: FastifyInstance, region: RegionContext): void {
  app.get('/registrymanagement/v1.0/registries/:name/discovery', async (request) => {
    const { name } = request.params as { name: string }
    const registry = registryNamed(region, name)
    const [, , subscriptionId, , resourceGroup] = registry.id.split('/')
    const { regionDetails } = asRecord(registry.body.properties)
    const regions = (Array.isArray(regionDetails) ? regionDetails.map(asRecord) : []).map(
      ({ location }) => String(location),
    )
    return {
      registryName: registry.name,
      tenantId: region.authority.tenantId,
      subscriptionId,
      resourceGroup,
      primaryRegion: registry.body.location,
      primaryRegionResourceProviderUri: `${region.origin}/`,
      registryFqdns: Object.fromEntries(regions.map((one) => [one, { uri: region.origin }])),
    }
  })

  // Where to put the bytes of a version that is not there yet, as clients of registries ask for it.
  app.put(`${registryPath}/tempdatarefs/:name/versions/:version`, async (request) => {
    const { registry: name } = request.params as { registry: string }
    const registry = registryNamed(region, name)
    const body = asRecord(request.body)
    const [, below] = /^azureml:\/\/registries\/[^/]+\/(.+)$/i.exec(String(body.assetId)) ?? []
    if (below === undefined)
      throw new AzureError(400, 'ValidationError', "'assetId' must name an asset of the registry.")
    const id = `${registry.id}/${below}`
    // Clients take this as "the bytes are there" and go on.
    if (region.resources.get(id))
      throw new AzureError(409, 'Conflict', `The version '${id}' exists in the registry.`)
    const { blobReferenceForConsumption, pendingUploadId } = pendingUpload(
      region,
      id,
      { pendingUploadType: body.temporaryDataReferenceType },
      containerAddress,
    )
    return {
      blobReferenceForConsumption,
      temporaryDataReferenceId: pendingUploadId,
      temporaryDataReferenceType: body.temporaryDataReferenceType,
    }
  })
  // How to read the bytes of a version: an address that needs no token, for what the registry keeps.
  app.post(`${registryPath}/datarefs/:name/versions/:version`, async (request) => {
    const { registry: name } = request.params as { registry: string }
    const { account } = registryAccount(registryNamed(region, name))
    const blobUri = String(asRecord(request.body).blobUri)
    const place = blobPlaceAt(region, blobUri)
    if (place?.account !== account || place.container === '')
      throw new AzureError(400, 'ValidationError', `The registry does not keep '${blobUri}'.`)
    const { container } = place
    const expiresAt = new Date(region.clock().getTime() + readableMs)
    const sas = region.blobs.sas(account, container, undefined, 'rl', expiresAt)
    const sasUri = `${containerAddress(region, account, container)}?${sas}`
    const credential = { credentialType: 'SAS', sasUri }
    return { blobReferenceForConsumption: { blobUri, credential } }
  })
}
