import type { FastifyInstance, FastifyRequest } from 'fastify'
import { publicRoutes, roleFor } from '../../api/permissions.ts'
import { type Caller, mayAct, type Role } from '../../api/roles.ts'
import { HoldfastError } from '../../model/errors.ts'

export interface Groups {
  /** Names of the groups that this controller serves. */
  readonly served: readonly string[]
  /** Of an operation; throws `operation.not-found`. */
  ofOperation(id: string): Promise<string>
}

/** A route that nobody gave a rule is a mistake of ours, and found at the start. */
export function refuseRoutesWithoutRule(app: FastifyInstance): void {
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) {
      const key = keyOf(each, url)
      if (roleFor(key) === undefined && !publicRoutes.has(key)) {
        throw new Error(`${key} has no rule in permissions.ts.`)
      }
    }
  })
}

/** By the route that was found, never by the text of the address, which can be written in many ways. */
export function isPublic(request: FastifyRequest): boolean {
  const { url } = request.routeOptions
  return url !== undefined && publicRoutes.has(keyOf(request.method, url))
}

/** Throws `request.forbidden` when the caller has not the role that the route needs. */
export async function checkRole(
  request: FastifyRequest,
  caller: Caller,
  groups: Groups,
): Promise<void> {
  const { url } = request.routeOptions
  if (url === undefined) return
  const needed = roleFor(keyOf(request.method, url))
  if (needed === undefined) throw new Error(`${request.method} ${url} has no rule.`)
  if (needed === 'anyone-known') return
  for (const group of await groupsOf(request, url, groups)) {
    if (!mayAct(caller, group, needed)) throw forbidden(caller, group, needed)
  }
}

async function groupsOf(
  request: FastifyRequest,
  url: string,
  groups: Groups,
): Promise<readonly string[]> {
  const { group, id } = request.params as { readonly group?: string; readonly id?: string }
  if (group !== undefined) return [group]
  if (id !== undefined && url.includes('/operations/:id')) return [await groups.ofOperation(id)]
  return groups.served
}

/** HEAD is a GET without a body. */
function keyOf(method: string, url: string): string {
  return `${method === 'HEAD' ? 'GET' : method} ${url}`
}

function forbidden(caller: Caller, group: string, needed: Role): HoldfastError {
  return new HoldfastError(
    'request.forbidden',
    `'${caller.name}' may not do this in the failover group '${group}'.`,
    {
      kind: 'operator',
      place: group,
      hint: `It needs the role '${needed}' or a higher one; ask an admin of the group.`,
    },
  )
}
