import type { FastifyInstance } from 'fastify'
import type { RegionContext } from '../context.ts'
import { registryNamed } from './behaviours/registry.ts'
import { asRecord } from './document.ts'

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
}
