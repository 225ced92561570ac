import type { ArmResource, KindBehaviour } from '../../context.ts'
import type { ArmStore } from '../../store/resource-store.ts'
import { asRecord } from '../document.ts'

/** `…/resources` of a subscription or a group: what lies directly in resource groups, of all types. */
export function resourceListBehaviour(store: ArmStore): KindBehaviour {
  return {
    type: 'microsoft.resources/resources',
    list: (scope, { $filter = '' }) => {
      const isWanted = filterOf($filter)
      return store
        .types()
        .filter((type) => type.split('/').length === 2 && !apart.test(type))
        .flatMap((type) => store.scan(scope, type, { limit: 10_000 }))
        .map(({ resource }) => resource)
        .filter(isWanted)
        .map(withoutProperties)
    },
  }
}

/** Subscriptions, groups and deployments are no resources here; what is soft-deleted is not there. */
const apart = /^(microsoft\.(resources|authorization)\/|~)/

const withoutProperties = (resource: ArmResource): ArmResource => {
  const { properties: _left, ...body } = resource.body
  return { ...resource, body }
}

function filterOf($filter: string): (resource: ArmResource) => boolean {
  const asked = (name: string) =>
    new RegExp(`\\b${name}\\s+eq\\s+'([^']*)'`, 'i').exec($filter)?.[1]?.toLowerCase()
  const wanted = {
    type: asked('resourceType'),
    name: asked('name'),
    tag: asked('tagName'),
    value: asked('tagValue'),
  }
  const isSame = (wish: string | undefined, given: string) =>
    wish === undefined || wish === given.toLowerCase()
  return ({ type, name, body }) => {
    const tags = Object.entries(asRecord(body.tags))
    const hasTag = tags.some(
      ([tag, value]) => isSame(wanted.tag, tag) && isSame(wanted.value, String(value)),
    )
    return (
      isSame(wanted.type, type) && isSame(wanted.name, name) && (wanted.tag === undefined || hasTag)
    )
  }
}
