import { isObject } from '../../model/field-path.ts'
import type { JsonObject } from '../../model/json.ts'
import type { CallOptions, RoleAssignment } from '../workspace.ts'
import type { ArmObjects } from './arm-objects.ts'
import type { HttpClient } from './http-client.ts'

const version = '2022-04-01'

/** An assignment or a definition as the service keeps it, its properties brought up. */
export interface AuthorizationDocument {
  readonly body: JsonObject
  readonly properties: JsonObject
}

export function authorizationUrl(objects: ArmObjects, scope: string, what: string, query = {}) {
  const path = `${scope}/providers/Microsoft.Authorization/${what}`
  return objects.url(path, { 'api-version': version, ...query })
}

/** What holds at the workspace, also from scopes around it; definitions: those that may be given there. */
export async function readAuthorization(
  http: HttpClient,
  objects: ArmObjects,
  workspaceId: string,
  what: 'roleAssignments' | 'roleDefinitions',
  { signal }: CallOptions,
): Promise<AuthorizationDocument[]> {
  const query = what === 'roleAssignments' ? { $filter: 'atScope()' } : {}
  const first = authorizationUrl(objects, workspaceId, what, query)
  const all: JsonObject[] = []
  for (let url: string | undefined = first; url !== undefined; ) {
    const { body } = await http.send({ method: 'GET', url, place: what, signal })
    const page = isObject(body) ? body : {}
    if (Array.isArray(page.value)) all.push(...page.value.filter(isObject))
    const next: unknown = page.nextLink
    url = typeof next === 'string' && next !== '' ? objects.checked(next) : undefined
  }
  return all.map((body) => ({ body, properties: isObject(body.properties) ? body.properties : {} }))
}

/** Role assignments at the workspace and around it, with the names of their roles. */
export async function readAccess(
  http: HttpClient,
  objects: ArmObjects,
  workspaceId: string,
  options: CallOptions,
): Promise<RoleAssignment[]> {
  const [assignments, definitions] = await Promise.all([
    readAuthorization(http, objects, workspaceId, 'roleAssignments', options),
    readAuthorization(http, objects, workspaceId, 'roleDefinitions', options),
  ])
  const names = roleNames(definitions)
  return assignments.map(({ properties }) => {
    const { roleDefinitionId, principalId, principalType, scope } = properties
    const role = lastOf(roleDefinitionId)
    return {
      role,
      roleName: names.get(role) ?? role,
      principalId: String(principalId),
      principalType: String(principalType ?? 'Unknown'),
      isInherited: !isSameId(scope, workspaceId),
    }
  })
}

export function roleNames(definitions: readonly AuthorizationDocument[]): Map<string, string> {
  return new Map(
    definitions.map(({ body, properties }) => [lastOf(body.id), String(properties.roleName)]),
  )
}

/** Role definitions have the same last part in every subscription. */
export const lastOf = (id: unknown) => String(id).split('/').at(-1)?.toLowerCase() ?? ''

export const isSameId = (a: unknown, b: string) => String(a).toLowerCase() === b.toLowerCase()
