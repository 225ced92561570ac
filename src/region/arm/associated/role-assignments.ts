import {
  type ArmResource,
  AzureError,
  type KindBehaviour,
  type RegionContext,
} from '../../context.ts'
import type { ArmStore } from '../../store/resource-store.ts'
import { idKey } from '../arm-path.ts'
import { asRecord, asText } from '../document.ts'

export const roleAssignmentType = 'Microsoft.Authorization/roleAssignments'

/** Role assignments at any scope: who may do what is kept and told, not enforced. */
export function roleAssignmentBehaviour(region: RegionContext, store: ArmStore): KindBehaviour {
  const scopeOf = (id: string) => id.replace(/\/providers\/Microsoft\.Authorization\/.*$/i, '')
  return {
    type: roleAssignmentType.toLowerCase(),
    beforePut({ id, body, existing }) {
      const properties = asRecord(body.properties)
      const role = asText(properties.roleDefinitionId)
      const principal = asText(properties.principalId)
      if (role === undefined || principal === undefined)
        throw new AzureError(
          400,
          'InvalidRequestContent',
          'A role assignment needs roleDefinitionId and principalId.',
        )
      const isSame = (other: ArmResource) => {
        const { roleDefinitionId, principalId } = asRecord(other.body.properties)
        return idKey(String(roleDefinitionId)) === idKey(role) && principalId === principal
      }
      if (existing && !isSame(existing))
        throw new AzureError(
          400,
          'RoleAssignmentUpdateNotPermitted',
          'Tenant ID, application ID, principal ID, and scope are not allowed to be updated.',
        )
      const scope = scopeOf(id)
      const others = region.resources
        .list(scope, roleAssignmentType)
        .filter(
          (other) => idKey(scopeOf(other.id)) === idKey(scope) && idKey(other.id) !== idKey(id),
        )
      if (others.some(isSame))
        throw new AzureError(409, 'RoleAssignmentExists', 'The role assignment already exists.')
      return { body: { ...body, properties: { principalType: 'ServicePrincipal', ...properties } } }
    },
    present: ({ id, systemData }) => ({
      properties: {
        scope: scopeOf(id),
        createdOn: systemData.createdAt,
        updatedOn: systemData.lastModifiedAt,
        createdBy: systemData.createdBy,
        updatedBy: systemData.lastModifiedBy,
      },
    }),
    list: (scope, query) => {
      const filter = query.$filter ?? ''
      const isAtScope = filter.toLowerCase().includes('atscope()')
      const [, principal] = /(?:principalId|assignedTo)\s*(?:eq\s*|\()'([^']+)'/i.exec(filter) ?? []
      const below = store
        .scan(scope, roleAssignmentType, { limit: 100_000 })
        .map(({ resource }) => resource)
        .filter(({ id }) => !isAtScope || idKey(scopeOf(id)) === idKey(scope))
      const found = [...above(scope), ...below]
      return principal === undefined
        ? found
        : found.filter(({ body }) => asRecord(body.properties).principalId === principal)
    },
  }

  /** What holds here because it was given at a scope around this one. */
  function above(scope: string): ArmResource[] {
    const wanted = scopesAround(scope).map(idKey)
    const [subscription] = wanted
    if (subscription === undefined) return []
    return region.resources
      .list(subscription, roleAssignmentType)
      .filter(({ id }) => wanted.includes(idKey(scopeOf(id))))
  }
}

/** `/subscriptions/s/resourceGroups/g/providers/…`: the subscription and the group around it. */
function scopesAround(scope: string): string[] {
  const [subscription] = /^\/subscriptions\/[^/]+/i.exec(scope) ?? []
  const [group] = /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+/i.exec(scope) ?? []
  return [subscription, group].filter(
    (one) => one !== undefined && idKey(one) !== idKey(scope),
  ) as string[]
}
