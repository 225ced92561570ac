import {
  type ArmResource,
  AzureError,
  type KindBehaviour,
  type RegionContext,
} from '../../context.ts'
import { asRecord, asText, type Document } from '../document.ts'
import { changeProperties } from './change-properties.ts'
import { regionName } from './regions.ts'

interface Location extends Document {
  readonly locationName: string
  readonly failoverPriority: number
}

/** Cosmos DB accounts with their regions, and the change of the region that is written to. */
export function cosmosBehaviour(region: RegionContext): KindBehaviour {
  return {
    type: 'microsoft.documentdb/databaseaccounts',
    lro: 'endpoint',
    beforePut({ body }) {
      const written = asRecord(body.properties)
      const properties = {
        databaseAccountOfferType: 'Standard',
        enableAutomaticFailover: false,
        enableMultipleWriteLocations: false,
        consistencyPolicy: { defaultConsistencyLevel: 'Session' },
        ...written,
        locations: locationsOf(written, asText(body.location) ?? region.name),
      }
      return {
        body: { location: region.name, kind: 'GlobalDocumentDB', tags: {}, ...body, properties },
      }
    },
    present: shownRegions,
    actions: {
      failoverprioritychange: async (account, body) => {
        const locations = withPriorities(account, asRecord(body).failoverPolicies)
        changeProperties(region, account.id, { locations })
        return { status: 202 }
      },
    },
  }
}

function locationsOf(properties: Document, home: string): Location[] {
  const written = Array.isArray(properties.locations) ? properties.locations.map(asRecord) : []
  const locations = written.length > 0 ? written : [{ locationName: home }]
  return locations.map((one, index) => ({
    isZoneRedundant: false,
    ...one,
    locationName: String(one.locationName),
    failoverPriority: Number(one.failoverPriority ?? index),
  }))
}

function shownRegions({ name, body }: ArmResource): Document {
  const properties = asRecord(body.properties)
  const endpoint = (place: string) =>
    `https://${name.toLowerCase()}${place}.documents.azure.com:443/`
  const locations = locationsOf(properties, String(body.location))
    .sort((a, b) => a.failoverPriority - b.failoverPriority)
    .map((one) => ({
      id: `${name.toLowerCase()}-${regionName(one.locationName)}`,
      ...one,
      documentEndpoint: endpoint(`-${regionName(one.locationName)}`),
      provisioningState: 'Succeeded',
    }))
  const writable =
    properties.enableMultipleWriteLocations === true ? locations : locations.slice(0, 1)
  return {
    properties: {
      documentEndpoint: endpoint(''),
      locations,
      readLocations: locations,
      writeLocations: writable,
      failoverPolicies: locations.map(({ id, locationName, failoverPriority }) => ({
        id,
        locationName,
        failoverPriority,
      })),
    },
  }
}

/** Every region with its new priority, each priority once. */
function withPriorities(account: ArmResource, policies: unknown): Location[] {
  const wanted = new Map(
    (Array.isArray(policies) ? policies.map(asRecord) : []).map((one) => [
      regionName(String(one.locationName)),
      Number(one.failoverPriority),
    ]),
  )
  const locations = locationsOf(asRecord(account.body.properties), String(account.body.location))
  const changed = locations.map((one) => ({
    ...one,
    failoverPriority: wanted.get(regionName(one.locationName)) ?? Number.NaN,
  }))
  const priorities = changed.map((one) => one.failoverPriority).sort((a, b) => a - b)
  if (wanted.size !== locations.length || priorities.some((one, index) => one !== index))
    throw new AzureError(
      400,
      'BadRequest',
      'The failover policies must name every region of the account, with the priorities from 0 on.',
    )
  return changed
}
