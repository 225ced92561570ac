import type { FastifyInstance } from 'fastify'
import azureRegions from '../../facts/azure-regions.json' with { type: 'json' }
import resourceFacts from '../../facts/azureml-resources.json' with { type: 'json' }
import type { RegionContext } from '../context.ts'
import type { BehaviourRegistry } from './behaviour-registry.ts'
import { asRecord, asText } from './document.ts'
import { presented } from './present.ts'
import { familyLimit, vmFamilies, vmSizes } from './vm-sizes.ts'

const machineLearning = 'Microsoft.MachineLearningServices'
const publicRegions = azureRegions.regions.filter((region) => region.cloud === 'public')

/** Facts of the cloud around the region: locations with pairs and zones, providers, sizes, quotas. */
export function registerLocations(
  app: FastifyInstance,
  region: RegionContext,
  behaviours: BehaviourRegistry,
): void {
  app.get('/subscriptions/:subscription/locations', async (request) => {
    const { subscription } = request.params as { subscription: string }
    return { value: publicRegions.map((facts) => locationOf(subscription, facts)) }
  })

  app.get(`/subscriptions/:subscription/providers/${machineLearning}`, async (request) => {
    const { subscription } = request.params as { subscription: string }
    const locations = publicRegions.map((facts) => facts.displayName)
    const types = new Set(
      resourceFacts.resources.map(({ type }) => type.replace(`${machineLearning}/`, '')),
    )
    return {
      id: `/subscriptions/${subscription}/providers/${machineLearning}`,
      namespace: machineLearning,
      registrationState: 'Registered',
      resourceTypes: [...types].map((resourceType) => ({
        resourceType,
        locations,
        apiVersions: resourceFacts.apiVersions.stable,
      })),
    }
  })

  const base = `/subscriptions/:subscription/providers/${machineLearning}/locations/:location`
  app.get(`${base}/vmSizes`, async () => ({ value: vmSizes }))

  app.get(`${base}/usages`, async (request) => {
    const { subscription, location } = request.params as { subscription: string; location: string }
    const used = coresInUse(`/subscriptions/${subscription}`)
    return {
      value: vmFamilies.map((family) => ({
        id: `/subscriptions/${subscription}/providers/${machineLearning}/locations/${location}/usages/${family}`,
        type: `${machineLearning}/usages`,
        unit: 'Count',
        name: { value: family, localizedValue: `${family} Cluster Dedicated vCPUs` },
        currentValue: used.get(family) ?? 0,
        limit: familyLimit,
      })),
    }
  })

  app.get(`${base}/quotas`, async (request) => {
    const { subscription, location } = request.params as { subscription: string; location: string }
    const workspaces = region.resources.list(
      `/subscriptions/${subscription}`,
      `${machineLearning}/workspaces`,
    )
    return {
      value: workspaces.flatMap((workspace) =>
        vmFamilies.map((family) => ({
          id: `${workspace.id}/quotas/${family}`,
          type: `${machineLearning}/workspaces/quotas`,
          amlWorkspaceLocation: location,
          name: { value: family, localizedValue: `${family} Cluster Dedicated vCPUs` },
          limit: familyLimit,
          unit: 'Count',
        })),
      ),
    }
  })

  /** Cores of the nodes that run now, by family. */
  function coresInUse(scope: string): Map<string, number> {
    const used = new Map<string, number>()
    for (const compute of region.resources.list(scope, `${machineLearning}/workspaces/computes`)) {
      const outer = asRecord(presented(compute, behaviours).properties)
      const inner = asRecord(outer.properties)
      const size = vmSizes.find(
        (one) => one.name.toLowerCase() === asText(inner.vmSize)?.toLowerCase(),
      )
      if (!size) continue
      const nodes =
        outer.computeType === 'ComputeInstance'
          ? Number(inner.state === 'Running')
          : Number(inner.currentNodeCount ?? 0)
      used.set(size.family, (used.get(size.family) ?? 0) + nodes * size.vCPUs)
    }
    return used
  }
}

type RegionFacts = (typeof azureRegions.regions)[number]

function locationOf(subscription: string, facts: RegionFacts) {
  const base = `/subscriptions/${subscription}/locations`
  const { name, displayName, geographyGroup, pairedRegion } = facts
  const zones = Array.from({ length: facts.availabilityZones }, (_, index) => ({
    logicalZone: String(index + 1),
    physicalZone: `${name}-az${index + 1}`,
  }))
  return {
    id: `${base}/${name}`,
    name,
    type: 'Region',
    displayName,
    regionalDisplayName: `(${geographyGroup}) ${displayName}`,
    metadata: {
      regionType: 'Physical',
      regionCategory: facts.category,
      geography: facts.geography,
      geographyGroup,
      longitude: String(facts.longitude),
      latitude: String(facts.latitude),
      physicalLocation: facts.physicalLocation,
      pairedRegion: pairedRegion ? [{ name: pairedRegion, id: `${base}/${pairedRegion}` }] : [],
    },
    ...(zones.length > 0 && { availabilityZoneMappings: zones }),
  }
}
