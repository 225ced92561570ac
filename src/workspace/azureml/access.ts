import { isObject } from '../../model/field-path.ts'
import type { JsonObject } from '../../model/json.ts'
import type { CallOptions, RoleAssignment } from '../workspace.ts'
import type { ArmObjects } from './arm-objects.ts'
import type { HttpClient } from './http-client.ts'

const version = '2022-04-01'

/** Role assignments at the workspace and around it, with the names of their roles. */
export async function readAccess(
  http: HttpClient,
  objects: ArmObjects,
  workspaceId: string,
  { signal }: CallOptions,
): Promise<RoleAssignment[]> {
  const read = async (what: string): Promise<JsonObject[]> => {
    const path = `${workspaceId}/providers/Microsoft.Authorization/${what}`
    const query = {
      'api-version': version,
      ...(what === 'roleAssignments' && { $filter: 'atScope()' }),
    }
    const all: JsonObject[] = []
    for (let url: string | undefined = objects.url(path, query); url !== undefined; ) {
      const { body } = await http.send({ method: 'GET', url, place: what, signal })
      const page = isObject(body) ? body : {}
      if (Array.isArray(page.value)) all.push(...page.value.filter(isObject))
      const next: unknown = page.nextLink
      url = typeof next === 'string' && next !== '' ? objects.checked(next) : undefined
    }
    return all.map((one) => (isObject(one.properties) ? { ...one, ...one.properties } : one))
  }
  const [assignments, definitions] = await Promise.all([
    read('roleAssignments'),
    read('roleDefinitions'),
  ])
  const names = new Map(definitions.map((one) => [lastOf(one.id), String(one.roleName)]))
  return assignments.map(({ roleDefinitionId, principalId, principalType }) => {
    const role = lastOf(roleDefinitionId)
    return {
      role,
      roleName: names.get(role) ?? role,
      principalId: String(principalId),
      principalType: String(principalType ?? 'Unknown'),
    }
  })
}

/** Role definitions have the same last part in every subscription. */
const lastOf = (id: unknown) => String(id).split('/').at(-1)?.toLowerCase() ?? ''
