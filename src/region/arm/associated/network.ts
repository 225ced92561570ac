import {
  type ArmResource,
  AzureError,
  type KindBehaviour,
  type RegionContext,
} from '../../context.ts'
import { asRecord, asText, type Document } from '../document.ts'
import { madeId } from './made-id.ts'

const networkType = 'Microsoft.Network/virtualNetworks'
const subnetType = `${networkType}/subnets`
const endpointType = 'Microsoft.Network/privateEndpoints'

/** Virtual networks, their subnets, and private endpoints with the connections they make. */
export function networkBehaviours(region: RegionContext): KindBehaviour[] {
  return [networkBehaviour(region), subnetBehaviour(), endpointBehaviour(region)]
}

const asDocuments = (value: unknown): Document[] =>
  Array.isArray(value) ? value.map(asRecord) : []

/** Subnets are resources of their own and, the same ones, a list in the network's document. */
function networkBehaviour(region: RegionContext): KindBehaviour {
  return {
    type: networkType.toLowerCase(),
    lro: 'endpoint',
    beforePut: ({ body }) => ({ body: { location: region.name, tags: {}, ...body } }),
    afterPut: async ({ id, body }, _change, actor) => {
      const { subnets } = asRecord(body.properties)
      for (const { name, properties } of asDocuments(subnets)) {
        const document = { body: subnetDocument({ properties }) }
        region.resources.put(`${id}/subnets/${String(name)}`, subnetType, document, actor)
      }
      region.resources.amend(id, (stored) => {
        const { subnets: _kept, ...properties } = asRecord(stored.properties)
        return { ...stored, properties }
      })
    },
    present: ({ id }) => ({
      properties: {
        resourceGuid: madeId(id, 'guid'),
        subnets: region.resources.list(id, subnetType).map(({ id: subnet, name, type, body }) => ({
          id: subnet,
          name,
          type,
          ...body,
        })),
      },
    }),
  }
}

function subnetDocument(body: Document): Document {
  const properties = {
    privateEndpointNetworkPolicies: 'Disabled',
    ...asRecord(body.properties),
    provisioningState: 'Succeeded',
  }
  return { ...body, properties }
}

const subnetBehaviour = (): KindBehaviour => ({
  type: subnetType.toLowerCase(),
  lro: 'endpoint',
  beforePut: ({ body }) => ({ body: subnetDocument(body) }),
})

/** An endpoint connects to its resource; the connection is a resource below that. */
function endpointBehaviour(region: RegionContext): KindBehaviour {
  const { resources } = region
  return {
    type: endpointType.toLowerCase(),
    lro: 'endpoint',
    beforePut({ body }) {
      for (const { properties } of connectionsOf(body)) {
        const target = asText(asRecord(properties).privateLinkServiceId)
        if (target === undefined || !resources.get(target))
          throw new AzureError(
            400,
            'PrivateLinkServiceNotFound',
            `The private link resource '${target}' was not found.`,
          )
      }
      return { body: { location: region.name, tags: {}, ...body } }
    },
    afterPut: async (endpoint, _change, actor) => {
      for (const { properties } of connectionsOf(endpoint.body)) {
        const target = resources.get(asText(asRecord(properties).privateLinkServiceId) ?? '')
        if (!target) continue
        const type = `${target.type}/privateEndpointConnections`
        const body = connectionDocument(endpoint, asRecord(properties))
        resources.put(connectionId(target.id, endpoint), type, { body }, actor)
      }
    },
    afterDelete: async (endpoint) => {
      for (const { properties } of connectionsOf(endpoint.body))
        resources.delete(
          connectionId(asText(asRecord(properties).privateLinkServiceId) ?? '', endpoint),
        )
    },
    present: ({ body }) => ({
      properties: {
        privateLinkServiceConnections: asDocuments(
          asRecord(body.properties).privateLinkServiceConnections,
        ).map((connection) => ({
          ...connection,
          properties: {
            ...asRecord(connection.properties),
            provisioningState: 'Succeeded',
            privateLinkServiceConnectionState: approved,
          },
        })),
      },
    }),
  }
}

const approved = { status: 'Approved', description: 'Auto-approved', actionsRequired: 'None' }

function connectionsOf(body: Document): Document[] {
  const { privateLinkServiceConnections, manualPrivateLinkServiceConnections } = asRecord(
    body.properties,
  )
  return [
    ...asDocuments(privateLinkServiceConnections),
    ...asDocuments(manualPrivateLinkServiceConnections),
  ]
}

const connectionId = (target: string, endpoint: ArmResource) =>
  `${target}/privateEndpointConnections/${endpoint.name}.${madeId(endpoint.id, 'connection')}`

const connectionDocument = (endpoint: ArmResource, { groupIds }: Document): Document => ({
  properties: {
    privateEndpoint: { id: endpoint.id },
    groupIds,
    privateLinkServiceConnectionState: approved,
    provisioningState: 'Succeeded',
  },
})
