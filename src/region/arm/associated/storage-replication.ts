import {
  type ActionAnswer,
  type ArmResource,
  AzureError,
  type RegionContext,
} from '../../context.ts'
import { asRecord, asText, type Document } from '../document.ts'
import { pairOf } from './regions.ts'

/** Azure promises a copy that is at most 15 minutes old, and tells its age in steps. */
const syncStepMs = 5 * 60_000

const skuOf = ({ body }: ArmResource) => asText(asRecord(body.sku).name) ?? ''
const isGeo = (sku: string) => /_(RA)?GZ?RS$/.test(sku)

/**
 * What an account of its redundancy says about its copy in the paired region. A local region keeps
 * no such copy; the fields are those by which readiness is judged, and a failover moves them.
 */
export function geoReplication(
  account: ArmResource,
  query: Readonly<Record<string, string>>,
  now: Date,
): Document {
  const sku = skuOf(account)
  const properties = asRecord(account.body.properties)
  const secondaryLocation = asText(properties.secondaryLocation) ?? pairOf(account.body.location)
  if (!isGeo(sku) || secondaryLocation === undefined) return {}
  return {
    primaryLocation: properties.primaryLocation ?? account.body.location,
    secondaryLocation,
    statusOfSecondary: 'available',
    ...(query.$expand?.toLowerCase() === 'georeplicationstats' && {
      geoReplicationStats: {
        status: 'Live',
        lastSyncTime: new Date(Math.floor(now.getTime() / syncStepMs) * syncStepMs).toISOString(),
        canFailover: true,
        canPlannedFailover: true,
        postFailoverRedundancy: localOf(sku),
        postPlannedFailoverRedundancy: sku,
      },
    }),
  }
}

const localOf = (sku: string) => sku.replace(/_.*GZRS$/, '_ZRS').replace(/_.*GRS$/, '_LRS')

/** `failover`: the other region becomes the primary one; unplanned, the account loses its copy. */
export async function failOver(
  region: RegionContext,
  account: ArmResource,
  { failoverType }: Readonly<Record<string, string>>,
): Promise<ActionAnswer> {
  const sku = skuOf(account)
  const isPlanned = failoverType?.toLowerCase() === 'planned'
  const properties = asRecord(account.body.properties)
  const before = asText(properties.primaryLocation) ?? asText(account.body.location)
  const target = asText(properties.secondaryLocation) ?? pairOf(account.body.location)
  if (!isGeo(sku) || target === undefined)
    throw new AzureError(
      409,
      'AccountFailoverNotSupported',
      `The account '${account.name}' has no secondary region to fail over to (${sku}).`,
    )
  const name = isPlanned ? sku : localOf(sku)
  const moved = {
    primaryLocation: target,
    ...(isPlanned && { secondaryLocation: before }),
    lastGeoFailoverTime: region.clock().toISOString(),
  }
  region.resources.amend(account.id, (body) => {
    const { secondaryLocation: _was, ...kept } = asRecord(body.properties)
    return {
      ...body,
      sku: { ...asRecord(body.sku), name },
      properties: { ...kept, ...moved },
    }
  })
  return { status: 202 }
}
