import { isObject } from '../../model/field-path.ts'
import type { Json, JsonObject } from '../../model/json.ts'
import type { Place } from '../../model/place.ts'
import type { CallOptions, WorkspaceCapacity } from '../workspace.ts'
import type { ArmObjects } from './arm-objects.ts'
import type { HttpClient } from './http-client.ts'

/** `usages` and `vmSizes` of the region, as the subscription sees them. */
export async function readCapacity(
  http: HttpClient,
  objects: ArmObjects,
  { subscriptionId, region }: Pick<Place, 'subscriptionId' | 'region'>,
  { signal }: CallOptions,
): Promise<WorkspaceCapacity> {
  const base = `/subscriptions/${subscriptionId}/providers/Microsoft.MachineLearningServices/locations/${region}`
  const read = async (what: string): Promise<JsonObject[]> => {
    const all: JsonObject[] = []
    for (let url: string | undefined = objects.url(`${base}/${what}`); url !== undefined; ) {
      const { body } = await http.send({ method: 'GET', url, place: what, signal })
      const page: JsonObject = isObject(body) ? body : {}
      all.push(...listOf(page.value ?? page.amlCompute))
      url =
        typeof page.nextLink === 'string' && page.nextLink !== ''
          ? objects.checked(page.nextLink)
          : undefined
    }
    return all
  }
  const [usages, sizes] = await Promise.all([read('usages'), read('vmSizes')])
  return {
    families: usages.map(({ name, currentValue, limit }) => ({
      name: String(isObject(name) ? name.value : name),
      used: Number(currentValue ?? 0),
      limit: Number(limit ?? 0),
    })),
    sizes: sizes.map(({ name, family, vCPUs }) => ({
      name: String(name),
      family: String(family),
      cores: Number(vCPUs ?? 0),
    })),
  }
}

function listOf(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}
