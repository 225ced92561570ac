/**
 * What a caller may do in a failover group. Each role may do all that those before it may.
 *
 * - `viewer` reads;
 * - `operator` starts, cancels, resolves, pauses;
 * - `approver` says yes to what another one asked for;
 * - `admin` says who may call.
 */
export const roles = ['viewer', 'operator', 'approver', 'admin'] as const
export type Role = (typeof roles)[number]

/** Stands for every group among a caller's roles. No group can have this name. */
export const everyGroup = '*'

/** Who calls. */
export interface Caller {
  /** No two have the same one and nobody can choose it, as a name may be: compare this one. */
  readonly id: string
  /** For people; as it is written into decisions and operations. */
  readonly name: string
  readonly via: 'local' | 'link' | 'service-token' | 'sign-in' | 'bearer'
  /** By group, or `everyGroup`. */
  readonly roles: Readonly<Record<string, Role>>
}

/** The higher one of what the caller is in this group and in every group; undefined: nothing. */
export function roleIn(caller: Pick<Caller, 'roles'>, group: string): Role | undefined {
  return [group, everyGroup]
    .filter((name) => Object.hasOwn(caller.roles, name))
    .map((name) => caller.roles[name])
    .sort((a, b) => rank(b) - rank(a))[0]
}

export function mayAct(caller: Pick<Caller, 'roles'>, group: string, needed: Role): boolean {
  return rank(roleIn(caller, group)) >= rank(needed)
}

/** Whoever holds the keys of the state directory. */
export const localCaller: Caller = {
  ...{ id: 'local', name: 'local', via: 'local' },
  roles: { [everyGroup]: 'admin' },
}

function rank(role: Role | undefined): number {
  return role === undefined ? -1 : roles.indexOf(role)
}
