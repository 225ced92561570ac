import type { FastifyInstance } from 'fastify'
import azureRegions from '../../facts/azure-regions.json' with { type: 'json' }
import { AzureError, type RegionContext } from '../context.ts'
import { asRecord, asText } from './document.ts'
import type { Quotas } from './quotas.ts'
import { vmFamilies, vmSizes } from './vm-sizes.ts'

const machineLearning = 'Microsoft.MachineLearningServices'
const publicRegions = azureRegions.regions.filter((region) => region.cloud === 'public')

/** Facts of the cloud around the region: locations with pairs and zones, providers, sizes, quotas. */
export function registerLocations(
  app: FastifyInstance,
  region: RegionContext,
  quotas: Quotas,
): void {
  app.get('/tenants', async () => {
    const { tenantId } = region.authority
    const tenant = { id: `/tenants/${tenantId}`, tenantId, tenantCategory: 'Home' }
    return { value: [{ ...tenant, displayName: 'Local region', domains: ['localhost'] }] }
  })

  app.get('/subscriptions/:subscription/locations', async (request) => {
    const { subscription } = request.params as { subscription: string }
    return { value: publicRegions.map((facts) => locationOf(subscription, facts)) }
  })

  const base = `/subscriptions/:subscription/providers/${machineLearning}/locations/:location`
  app.get(`${base}/vmSizes`, async () => ({ value: vmSizes }))

  app.get(`${base}/usages`, async (request) => {
    const { subscription, location } = request.params as { subscription: string; location: string }
    const scope = `/subscriptions/${subscription}`
    const used = quotas.used(scope)
    return {
      value: vmFamilies.map((family) => ({
        id: `/subscriptions/${subscription}/providers/${machineLearning}/locations/${location}/usages/${family}`,
        type: `${machineLearning}/usages`,
        unit: 'Count',
        name: { value: family, localizedValue: `${family} Cluster Dedicated vCPUs` },
        currentValue: used.get(family) ?? 0,
        limit: quotas.limit(scope, family),
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
          limit: quotas.limit(workspace.id, family),
          unit: 'Count',
        })),
      ),
    }
  })

  app.post(`${base}/updateQuotas`, async (request) => {
    const { value } = asRecord(request.body)
    if (!Array.isArray(value))
      throw new AzureError(400, 'ValidationError', 'The field value must be an array of quotas.')
    return { value: value.map((one) => setQuota(quotas, asRecord(one))), nextLink: null }
  })
}

/** A limit of a workspace (`{workspace}/quotas/{family}`) or of the subscription. */
function setQuota(quotas: Quotas, { id, limit }: Record<string, unknown>) {
  const [, scope, family] = /^(.+)\/quotas\/([^/]+)$/i.exec(asText(id) ?? '') ?? []
  const known = vmFamilies.find((one) => one.toLowerCase() === family?.toLowerCase())
  const answer = { id, type: `${machineLearning}/workspaces/quotas`, limit, unit: 'Count' }
  if (scope === undefined || known === undefined)
    return { ...answer, status: 'InvalidVMFamilyName' }
  if (!Number.isInteger(limit) || Number(limit) < 0)
    return { ...answer, status: 'OperationNotSupportedForSku' }
  const owner = scope.replace(/\/providers\/[^/]+\/locations\/[^/]+$/i, '')
  quotas.setLimit(owner, known, Number(limit))
  return { ...answer, status: 'Success' }
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
