import { type ApiDocument, documentAt } from '../http/api-client.ts'
import { markOf, pointerOfMark } from '../pointer-mark.ts'
import type { StableEndpoint } from '../stable-endpoint.ts'
import { type AzureTrafficOptions, lastName } from './azure-traffic.ts'
import { wholeResourceEndpoint } from './whole-resource.ts'

const tag = 'holdfast'

/**
 * Leads an Azure Traffic Manager profile by priority and status of its endpoints; `members` are
 * endpoint names, the epoch is a tag, and one write of the profile changes all. Traffic Manager
 * answers names only: callers follow within its TTL. It has no ETag; the epoch register keeps other
 * controllers away (I1).
 */
export function trafficManagerEndpoint(options: AzureTrafficOptions): StableEndpoint {
  const { members, others } = options
  const memberOf = (endpoint: unknown) =>
    Object.keys(members).find((member) => members[member] === endpoint)

  return wholeResourceEndpoint(
    {
      name: `traffic manager ${lastName(options.id)}`,
      apiVersion: '2022-04-01',
      rights: 'Traffic Manager Contributor',
      pointerIn: ({ tags }) => pointerOfMark(String(documentAt(tags)[tag] ?? '')),
      leading(document, pointer) {
        const properties = documentAt(document.properties)
        const endpoints = Array.isArray(properties.endpoints) ? properties.endpoints : []
        // Priorities are unique in a profile: ours go in front, strangers keep their order behind.
        const order = [pointer.member, ...Object.keys(members).filter((m) => m !== pointer.member)]
        let behind = order.length
        const next = endpoints.map((endpoint: ApiDocument) => {
          const member = memberOf(endpoint.name)
          const priority = member === undefined ? ++behind : order.indexOf(member) + 1
          const isOn = member === pointer.member || others === 'standby'
          const status =
            member === undefined ? {} : { endpointStatus: isOn ? 'Enabled' : 'Disabled' }
          return {
            ...endpoint,
            properties: { ...documentAt(endpoint.properties), ...status, priority },
          }
        })
        return {
          ...document,
          tags: { ...documentAt(document.tags), [tag]: markOf(pointer) },
          properties: { ...properties, endpoints: next },
        }
      },
      async problem(document, { member }) {
        const { endpoints } = documentAt(document.properties)
        const names = Array.isArray(endpoints) ? endpoints.map((each) => documentAt(each).name) : []
        if (names.includes(members[member])) return undefined
        return `The profile has no endpoint ${members[member]}.`
      },
    },
    options,
  )
}
