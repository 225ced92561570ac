import { createHash } from 'node:crypto'
import { HoldfastError, isCode } from '../../model/errors.ts'
import { isObject } from '../../model/field-path.ts'
import type { JsonObject } from '../../model/json.ts'
import type { Kind } from '../../model/kinds.ts'
import { formatObjectId, type ObjectId } from '../../model/object-id.ts'
import { identityName, identityOwner } from '../../model/principal-names.ts'
import { collect } from '../pages.ts'
import type { CallOptions, Page, PutOptions, WorkspaceObject } from '../workspace.ts'
import {
  type AuthorizationDocument,
  authorizationUrl,
  isSameId,
  lastOf,
  readAuthorization,
  roleNames,
} from './access.ts'
import type { ArmObjects } from './arm-objects.ts'
import type { HttpClient } from './http-client.ts'
import { serviceError } from './http-errors.ts'

const kind = 'role-assignment'
/** The permission that writing here needs, and which replicating anything else does not. */
const permission = 'Microsoft.Authorization/roleAssignments/write'

export interface RoleAssignmentsAt {
  /** Member name, for messages. */
  readonly member: string
  readonly workspaceId: string
  /** Principals that the plan knows by another name: the one they have at its primary. */
  readonly principalNames: Readonly<Record<string, string>>
}

/**
 * Role assignments whose scope is the workspace itself, by role and principal: `role-assignment/Reader/…`.
 * The service names each by a GUID of its writer's choice, unique in the tenant, and lets only one stand
 * for a role, a principal and a scope; so the names say nothing, and two members never share one.
 */
export class RoleAssignments {
  readonly #http: HttpClient
  readonly #objects: ArmObjects
  readonly #at: RoleAssignmentsAt

  constructor(http: HttpClient, objects: ArmObjects, at: RoleAssignmentsAt) {
    this.#http = http
    this.#objects = objects
    this.#at = at
  }

  async list(options: CallOptions = {}): Promise<Page<WorkspaceObject>> {
    const found = await this.#readOwn(options)
    if (found.length === 0) return { items: [] }
    const [definitions, identities] = await Promise.all([
      this.#read('roleDefinitions', options),
      found.some(({ properties }) => isService(properties)) ? this.#identities(options) : new Map(),
    ])
    const roles = roleNames(definitions)
    return {
      items: found.map(({ body, properties: { roleDefinitionId, principalId, updatedOn } }) => {
        const role = lastOf(roleDefinitionId)
        const principal = this.#nameOf(String(principalId), identities)
        return {
          id: { kind, path: [roles.get(role) ?? role, principal] },
          body,
          ...(typeof updatedOn === 'string' ? { modifiedAt: updatedOn } : {}),
        }
      }),
    }
  }

  async get(id: ObjectId, options: CallOptions = {}): Promise<WorkspaceObject | undefined> {
    const wanted = formatObjectId(id)
    const { items } = await this.list(options)
    return items.find((one) => formatObjectId(one.id) === wanted)
  }

  async put(id: ObjectId, body: JsonObject, options: PutOptions): Promise<WorkspaceObject> {
    const place = formatObjectId(id)
    const standing = await this.get(id, options)
    if (standing !== undefined && options.condition === 'absent')
      throw new HoldfastError('object.exists', `${place} exists already`, { place })
    const properties = {
      ...(isObject(body.properties) ? body.properties : {}),
      roleDefinitionId: await this.#definition(id, options),
      principalId: await this.#principal(id, options),
    }
    const name =
      standing === undefined
        ? madeName(this.#at.workspaceId, properties.roleDefinitionId, properties.principalId)
        : lastOf(standing.body.id)
    await this.#write(id, name, { properties }, options)
    const stored = await this.get(id, options)
    if (stored !== undefined) return stored
    throw new HoldfastError('object.vanished', `${place} was written and is not there`, {
      ...{ kind: 'transient', place },
    })
  }

  async #write(id: ObjectId, name: string, body: JsonObject, { signal }: CallOptions) {
    const { member, workspaceId } = this.#at
    const place = formatObjectId(id)
    const answer = await this.#http
      .send({
        method: 'PUT',
        url: authorizationUrl(this.#objects, workspaceId, `roleAssignments/${name}`),
        ...{ body, place, signal, accept: [400] },
      })
      .catch((error: unknown) => {
        // The same role of the same principal under another name: what was wanted is there.
        if (isCode(error, 'object.exists')) return undefined
        if (!isCode(error, 'workspace.forbidden')) throw error
        throw new HoldfastError('role.not-permitted', notPermitted(member, error), {
          ...{ kind: 'operator', place, cause: error },
          hint: `Give it Role Based Access Control Administrator on the workspace of '${member}', or write \`roleAssignments: leave\` into the plan.`,
        })
      })
    if (answer?.status !== 400) return
    const { code = '', message = '' } = serviceError(answer)
    const text = `${member} answered 400 ${code}: ${message}`
    if (code !== 'PrincipalNotFound') throw new HoldfastError('object.refused', text, { place })
    throw new HoldfastError('role.no-principal', text, {
      ...{ kind: 'operator', place },
      hint: 'Name its counterpart in map.identity of the plan.',
    })
  }

  /** Custom roles are the tenant's, and say themselves where they may be given. */
  async #definition({ path: [roleName = ''] }: ObjectId, options: CallOptions): Promise<string> {
    const definitions = await this.#read('roleDefinitions', options)
    const found = definitions.find(
      ({ body, properties }) =>
        properties.roleName === roleName || lastOf(body.id) === roleName.toLowerCase(),
    )
    if (found !== undefined) return String(found.body.id)
    const { member, workspaceId } = this.#at
    throw new HoldfastError(
      'role.not-assignable',
      `the role '${roleName}' cannot be given at ${member}: it is not assignable at ${workspaceId}`,
      {
        ...{ kind: 'operator', place: member },
        hint: `Add the subscription or resource group of '${member}' to the role's assignableScopes, or make the role there.`,
      },
    )
  }

  async #principal({ path: [, name = ''] }: ObjectId, options: CallOptions): Promise<string> {
    const owner = identityOwner(name)
    if (owner === undefined) {
      const known = Object.entries(this.#at.principalNames).find(([, one]) => isSameId(one, name))
      return known?.[0] ?? name
    }
    const found = await this.#objects.get(owner, options)
    const principal = found === undefined ? undefined : principalOf(found)
    if (principal !== undefined) return principal
    throw new HoldfastError(
      'role.no-principal',
      `${formatObjectId(owner)} has no identity of its own at ${this.#at.member}`,
      {
        ...{ kind: 'operator', place: this.#at.member },
        hint: 'Give it a system-assigned identity there.',
      },
    )
  }

  #nameOf(principalId: string, identities: ReadonlyMap<string, string>): string {
    const planned = Object.entries(this.#at.principalNames).find(([one]) =>
      isSameId(one, principalId),
    )
    return identities.get(principalId.toLowerCase()) ?? (planned?.[1] ?? principalId).toLowerCase()
  }

  /** Principal -> name, of what lies in the workspace. */
  async #identities(options: CallOptions): Promise<Map<string, string>> {
    const workspace = await this.#objects.get({ kind: 'workspace', path: [] }, options)
    const lists = await Promise.all(
      (['online-endpoint', 'batch-endpoint', 'compute'] satisfies Kind[]).map((one) =>
        collect((page) => this.#objects.list(one, page), options),
      ),
    )
    const owners = [...lists.flat(), ...(workspace ? [{ ...workspace, id: workspaceId }] : [])]
    return new Map(
      owners.flatMap((owner) => {
        const principal = principalOf(owner)
        return principal === undefined ? [] : [[principal.toLowerCase(), identityName(owner.id)]]
      }),
    )
  }

  async #readOwn(options: CallOptions): Promise<AuthorizationDocument[]> {
    const all = await this.#read('roleAssignments', options)
    return all.filter(({ properties }) => isSameId(properties.scope, this.#at.workspaceId))
  }

  #read(what: 'roleAssignments' | 'roleDefinitions', options: CallOptions) {
    return readAuthorization(this.#http, this.#objects, this.#at.workspaceId, what, options)
  }
}

const workspaceId: ObjectId = { kind: 'workspace', path: [] }

const isService = ({ principalType }: JsonObject) => principalType === 'ServicePrincipal'

function principalOf({ body }: WorkspaceObject): string | undefined {
  const id = isObject(body.identity) ? body.identity.principalId : undefined
  return typeof id === 'string' ? id : undefined
}

function notPermitted(member: string, cause: unknown): string {
  const said = cause instanceof Error ? ` (${cause.message})` : ''
  return `this identity may not give roles at ${member}: it lacks ${permission}${said}`
}

/** The same for the same assignment, so that whoever repeats a write writes nothing new (I2). */
function madeName(...parts: readonly string[]): string {
  const hex = createHash('sha256').update(parts.join('\n').toLowerCase()).digest('hex')
  // RFC 9562, version 8: a name-based id of one's own making.
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 3) | 8).toString(16)
  const text = `${hex.slice(0, 12)}8${hex.slice(13, 16)}${variant}${hex.slice(17, 32)}`
  return text.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
