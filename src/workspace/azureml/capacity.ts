import { isObject } from '../../model/field-path.ts'
import type { Json, JsonObject } from '../../model/json.ts'
import type { Place } from '../../model/place.ts'
import type { CallOptions, WorkspaceCapacity } from '../workspace.ts'
import type { ArmObjects } from './arm-objects.ts'
import type { HttpClient } from './http-client.ts'

/** `usages`, `quotas` and `vmSizes` of the region, as the subscription sees them. */
export async function readCapacity(
  http: HttpClient,
  objects: ArmObjects,
  where: Pick<Place, 'subscriptionId' | 'region'> & { readonly workspaceId: string },
  { signal }: CallOptions,
): Promise<WorkspaceCapacity> {
  const { subscriptionId, region, workspaceId } = where
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
  const [usages, quotas, sizes] = await Promise.all(['usages', 'quotas', 'vmSizes'].map(read))
  const own = new Map(
    (quotas ?? [])
      .filter(({ id }) => isBelow(String(id), workspaceId))
      .map(({ name, limit }) => [nameOf(name), Number(limit)]),
  )
  return {
    families: (usages ?? []).map(({ name, currentValue, limit }) => {
      const workspaceLimit = own.get(nameOf(name))
      return {
        name: nameOf(name),
        used: Number(currentValue ?? 0),
        limit: Number(limit ?? 0),
        // Minus one: the workspace has no limit of its own.
        ...(workspaceLimit === undefined || workspaceLimit < 0 ? {} : { workspaceLimit }),
      }
    }),
    sizes: (sizes ?? []).map(({ name, family, vCPUs }) => ({
      name: String(name),
      family: String(family),
      cores: Number(vCPUs ?? 0),
    })),
  }
}

const nameOf = (name: Json | undefined) => String(isObject(name) ? name.value : name)
const isBelow = (id: string, parent: string) =>
  id.toLowerCase().startsWith(`${parent.toLowerCase()}/`)

function listOf(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}
