import type { ArmResource, KindBehaviour } from '../../context.ts'
import type { ArmStore } from '../../store/resource-store.ts'
import { idKey } from '../arm-path.ts'
import { asRecord } from '../document.ts'
import { implicitResource } from './implicit-resource.ts'

const type = 'Microsoft.Authorization/roleDefinitions'

/** Built-in roles that workspaces and what they need are shared with. */
const builtIn: Readonly<Record<string, string>> = {
  '8e3af657-a8ff-443c-a75c-2fe8c4bcb635': 'Owner',
  'b24988ac-6180-42a0-ab88-20f7382dd24c': 'Contributor',
  'acdd72a7-3385-48ef-bd42-f606fba81ae7': 'Reader',
  '18d7d88d-d35e-4fb5-a5c3-7773c20a72d9': 'User Access Administrator',
  'f6c7c914-8db3-469d-8ca1-694a8f32e121': 'AzureML Data Scientist',
  'e503ece1-11d0-4e8e-8e2c-7a6c3bf38815': 'AzureML Compute Operator',
  'ba92f5b4-2d11-453d-a403-e96b0029c9fe': 'Storage Blob Data Contributor',
  '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1': 'Storage Blob Data Reader',
  'b7e6dc6d-f1e8-4753-8033-0f276bb0955b': 'Storage Blob Data Owner',
  '69566ab7-960f-475b-8e7c-b3118f30c6bd': 'Storage File Data Privileged Contributor',
  '4633458b-17de-408a-b874-0445c86b69e6': 'Key Vault Secrets User',
  'b86a8fe4-44ce-4948-aee5-eccb2c155cd7': 'Key Vault Secrets Officer',
  '00482a5a-887f-4fb3-b363-3b7fe8e74483': 'Key Vault Administrator',
  '7f951dda-4ed3-4680-a7ca-43fe172d538d': 'AcrPull',
  '8311e382-0749-4cb8-b61a-304f252e45ec': 'AcrPush',
}

/** Role definitions: the built-in ones at every scope, and those that somebody wrote. */
export function roleDefinitionBehaviour(store: ArmStore): KindBehaviour {
  return {
    type: type.toLowerCase(),
    implicit: (id) => builtInRole(id, id.slice(id.lastIndexOf('/') + 1).toLowerCase()),
    list: (scope, { $filter = '' }) => {
      const [, roleName] = /roleName\s+eq\s+'([^']+)'/i.exec($filter) ?? []
      const own = store
        .scan(subscriptionOf(scope), type, { limit: 1000 })
        .map(({ resource }) => resource)
        .filter((role) => isAssignable(role, scope))
      const all = [
        ...Object.keys(builtIn).flatMap((name) => builtInRole(scope, name) ?? []),
        ...own,
      ]
      return roleName === undefined ? all : all.filter((role) => nameOf(role) === roleName)
    },
  }
}

/** A custom role says where it may be given: there and below. */
function isAssignable({ body }: ArmResource, scope: string): boolean {
  const { assignableScopes } = asRecord(body.properties)
  if (!Array.isArray(assignableScopes)) return true
  return assignableScopes.some((one) => `${idKey(scope)}/`.startsWith(`${idKey(String(one))}/`))
}

const subscriptionOf = (scope: string) => /^\/subscriptions\/[^/]+/i.exec(scope)?.[0] ?? scope

const nameOf = ({ body }: ArmResource) => asRecord(body.properties).roleName

/** Its id has the subscription of the scope, as in Azure. */
function builtInRole(scope: string, name: string): ArmResource | undefined {
  const roleName = builtIn[name]
  if (roleName === undefined) return undefined
  return implicitResource(`${subscriptionOf(scope)}/providers/${type}/${name}`, type, {
    properties: { roleName, type: 'BuiltInRole', description: '', assignableScopes: ['/'] },
  })
}
