import type { Json } from '../../model/json.ts'
import type { CallOptions, ResourceHealth } from '../workspace.ts'
import type { ArmObjects } from './arm-objects.ts'
import type { HttpClient } from './http-client.ts'
import { object, text } from './json-reads.ts'

/** Version and fields as in Microsoft.ResourceHealth's own client. */
const version = '2022-10-01'
const states: Readonly<Record<string, ResourceHealth['state']>> = {
  Available: 'available',
  Degraded: 'degraded',
  Unavailable: 'unavailable',
  Unknown: 'unknown',
}

/** Resources of a type that Resource Health does not speak of, or that are gone, are left out. */
export async function readResourceHealth(
  http: HttpClient,
  objects: ArmObjects,
  resources: readonly { readonly what: string; readonly id: string | undefined }[],
  { signal }: CallOptions,
): Promise<readonly ResourceHealth[]> {
  const claims = resources.map(async ({ what, id }) => {
    if (id === undefined) return []
    const url = objects.url(
      `${id}/providers/Microsoft.ResourceHealth/availabilityStatuses/current`,
      { 'api-version': version },
    )
    const place = `health of ${what}`
    const { body } = await http.send({ method: 'GET', url, place, signal, accept: [400, 404] })
    return claimOf(`${what} ${id.split('/').at(-1)}`, body)
  })
  return (await Promise.all(claims)).flat()
}

function claimOf(resource: string, body: Json | undefined): ResourceHealth[] {
  const { availabilityState, summary, title, reasonType, occuredTime } = object(
    object(body).properties,
  )
  if (typeof availabilityState !== 'string') return []
  return [
    {
      resource,
      state: states[availabilityState] ?? 'unknown',
      summary: text(summary) || text(title),
      reason: optional(reasonType),
      // The service spells it like this.
      since: optional(occuredTime),
    },
  ]
}

const optional = (value: Json | undefined): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined
