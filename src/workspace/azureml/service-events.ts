import { isObject } from '../../model/field-path.ts'
import type { Json, JsonObject } from '../../model/json.ts'
import type { Place } from '../../model/place.ts'
import type { CallOptions, ServiceEvent } from '../workspace.ts'
import type { ArmObjects } from './arm-objects.ts'
import type { HttpClient } from './http-client.ts'
import { text } from './json-reads.ts'

/** Version and fields as in Microsoft.ResourceHealth's own client. */
const version = '2022-10-01'
/** What a workspace is made of. */
const services =
  /machine learning|storage|key vault|container registry|resource manager|entra|active directory/i

/** Active service issues of the subscription that name the region, or all regions. */
export async function readServiceEvents(
  http: HttpClient,
  objects: ArmObjects,
  { subscriptionId, region }: Pick<Place, 'subscriptionId' | 'region'>,
  { signal }: CallOptions,
): Promise<readonly ServiceEvent[]> {
  const path = `/subscriptions/${subscriptionId}/providers/Microsoft.ResourceHealth/events`
  const events: ServiceEvent[] = []
  for (let url: string | undefined = objects.url(path, { 'api-version': version }); url; ) {
    const { body } = await http.send({ method: 'GET', url, place: 'service events', signal })
    const page: JsonObject = isObject(body) ? body : {}
    events.push(...objectsOf(page.value).flatMap((event) => issuesOf(event, region)))
    const { nextLink } = page
    url = typeof nextLink === 'string' && nextLink !== '' ? objects.checked(nextLink) : undefined
  }
  return events
}

function issuesOf({ name, properties }: JsonObject, region: string): ServiceEvent[] {
  const event = isObject(properties) ? properties : {}
  if (event.eventType !== 'ServiceIssue' || event.status !== 'Active') return []
  return objectsOf(event.impact).flatMap(({ impactedService, impactedRegions }) => {
    if (!services.test(text(impactedService))) return []
    return objectsOf(impactedRegions)
      .filter((one) => one.status !== 'Resolved' && isRegion(text(one.impactedRegion), region))
      .map((one) => ({
        ...{ trackingId: text(name), title: text(event.title), service: text(impactedService) },
        region: text(one.impactedRegion),
        since: typeof event.impactStartTime === 'string' ? event.impactStartTime : undefined,
      }))
  })
}

/** `East US` is `eastus`. */
function isRegion(displayName: string, region: string): boolean {
  const name = displayName.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
  return name === 'global' || name === region.toLowerCase()
}

const objectsOf = (value: Json | undefined): JsonObject[] =>
  Array.isArray(value) ? value.filter(isObject) : []
