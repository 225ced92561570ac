import type { DeploymentPlace } from './deployment-place.ts'
import { templateError } from './template-error.ts'

type Functions = Readonly<Record<string, (args: readonly unknown[]) => unknown>>

/** Functions that say where a template is deployed, by lower-case name. */
export function deploymentFunctions(place: DeploymentPlace): Functions {
  const { subscriptionId, resourceGroup, location, tenantId } = place
  const subscription = `/subscriptions/${subscriptionId}`
  const groupId = `${subscription}/resourceGroups/${resourceGroup}`
  return {
    subscription: () => ({
      id: subscription,
      subscriptionId,
      tenantId,
      displayName: subscriptionId,
    }),
    tenant: () => ({ tenantId }),
    resourcegroup: () => {
      if (resourceGroup === undefined)
        throw templateError("the function 'resourceGroup' is not valid at subscription scope.")
      return { id: groupId, name: resourceGroup, location, tags: {} }
    },
    deployment: () => ({ name: place.deploymentName, location }),
    environment: () => ({ name: 'Local' }),
    resourceid: (args) => {
      const at = typeAt(args)
      const before = args.slice(0, at).map(String)
      const group = before.at(-1) ?? resourceGroup
      const home = `/subscriptions/${before.length > 1 ? before[0] : subscriptionId}`
      return join(group === undefined ? home : `${home}/resourceGroups/${group}`, args.slice(at))
    },
    subscriptionresourceid: (args) => {
      const at = typeAt(args)
      return join(`/subscriptions/${at > 0 ? String(args[0]) : subscriptionId}`, args.slice(at))
    },
    tenantresourceid: (args) => join('', args),
    extensionresourceid: ([scope, ...rest]) => join(String(scope), rest),
  }
}

/** The first argument with a slash is the type; scopes come before it, names after. */
function typeAt(args: readonly unknown[]): number {
  const at = args.findIndex((arg) => String(arg).includes('/'))
  if (at < 0 || at > 2) throw templateError('resourceId needs a fully qualified resource type.')
  return at
}

function join(scope: string, [type, ...names]: readonly unknown[]): string {
  const [namespace, ...types] = String(type).split('/')
  if (types.length !== names.length)
    throw templateError(`resourceId needs ${types.length} names for the type '${String(type)}'.`)
  return `${scope}/providers/${namespace}/${types.map((one, i) => `${one}/${String(names[i])}`).join('/')}`
}
