import type { Kind } from './kinds.ts'
import type { ObjectId } from './object-id.ts'

/**
 * The service gives a workspace, an endpoint and a compute an identity of their own, with another
 * principal at each member. A role assignment of it is known on both sides by what it belongs to:
 * `identity.workspace`, `identity.online-endpoint.scoring`.
 */
const ownerKinds: readonly Kind[] = ['workspace', 'online-endpoint', 'batch-endpoint', 'compute']

export function identityName({ kind, path }: ObjectId): string {
  return ['identity', kind, ...path].join('.')
}

/** What the identity of this name belongs to; undefined: the name is a principal's own id. */
export function identityOwner(name: string): ObjectId | undefined {
  const [head, kindName, ...path] = name.split('.')
  const kind = ownerKinds.find((one) => one === kindName)
  return head !== 'identity' || kind === undefined ? undefined : { kind, path }
}
