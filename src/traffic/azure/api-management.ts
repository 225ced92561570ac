import { type ApiDocument, documentAt } from '../http/api-client.ts'
import { markOf, pointerOfMark } from '../pointer-mark.ts'
import type { StableEndpoint } from '../stable-endpoint.ts'
import { type AzureTrafficOptions, lastName } from './azure-traffic.ts'
import { wholeResourceEndpoint } from './whole-resource.ts'

/** The pointer stands in the pool's description, beside what people wrote there. */
const mark = /\s*\[holdfast (\S+)\]/

/**
 * Leads a backend pool of Azure API Management; `members` are names of backends of the same service.
 * One write, conditional on the ETag, changes pool and pointer together (I1). A member that should
 * get nothing is not in the pool.
 */
export function apiManagementEndpoint(options: AzureTrafficOptions): StableEndpoint {
  const { id, members, others } = options
  const siblings = id.slice(0, id.lastIndexOf('/'))
  const backendOf = (member: string) => `${siblings}/${members[member]}`
  const idOf = (service: unknown) => String(documentAt(service).id ?? '').toLowerCase()

  return wholeResourceEndpoint(
    {
      name: `api management ${lastName(id)}`,
      apiVersion: '2024-05-01',
      rights: 'API Management Service Contributor',
      pointerIn: ({ properties }) =>
        pointerOfMark(mark.exec(String(documentAt(properties).description ?? ''))?.[1]),
      leading(document, pointer) {
        const properties = documentAt(document.properties)
        const pool = documentAt(properties.pool)
        const services: ApiDocument[] = Array.isArray(pool.services) ? pool.services : []
        const backends = Object.keys(members).map((member) => ({ member, id: backendOf(member) }))
        const ours = backends.flatMap(({ member, id: backend }) => {
          if (member !== pointer.member && others === 'disabled') return []
          const known = services.find((service) => idOf(service) === backend.toLowerCase())
          const priority = member === pointer.member ? 1 : 2
          return [{ weight: 1, ...known, id: known?.id ?? backend, priority }]
        })
        const isOurs = (service: unknown) =>
          backends.some((backend) => backend.id.toLowerCase() === idOf(service))
        const strangers = services.filter((service) => !isOurs(service))
        const description = String(properties.description ?? '').replace(mark, '')
        return {
          ...document,
          properties: {
            ...properties,
            type: 'Pool',
            pool: { ...pool, services: [...ours, ...strangers] },
            description: `${description} [holdfast ${markOf(pointer)}]`.trim(),
          },
        }
      },
    },
    options,
  )
}
