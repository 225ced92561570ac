import { decodeJwt } from 'jose'
import { type ArmResource, AzureError, type Caller, type RegionContext } from '../context.ts'
import { adminPasswords } from './registry-address.ts'
import { registryError } from './registry-error.ts'

/** What a request wants to do, and where. */
export interface Scope {
  readonly type: 'repository' | 'registry'
  readonly name: string
  /** Any one of them is enough. */
  readonly actions: readonly string[]
}

/** A registry as a request reaches it. */
export interface AskedRegistry {
  readonly resource: ArmResource
  /** `name.azurecr.localhost:port`. */
  readonly server: string
}

type Form = Readonly<Record<string, string | undefined>>

const refreshSeconds = 3 * 3600
const accessSeconds = 4500
/** As Azure's registries do, for those who have a refresh token and know Basic alone. */
const tokenUser = '00000000-0000-0000-0000-000000000000'

/**
 * Sign-in as a container registry of Azure has it: a token of the directory is exchanged for a refresh
 * token of the registry, that for an access token which names repositories and what may be done there.
 */
export function registrySignIn(region: RegionContext, audiences: readonly string[]) {
  const { authority } = region
  const verify = (token: string, audience: string) =>
    authority.verify(`Bearer ${token}`, [audience])

  const whoHas = async (
    { resource, server }: AskedRegistry,
    user: string,
    password: string,
  ): Promise<Caller> => {
    if (user === tokenUser) return verify(password, refreshOf(server))
    if (user !== resource.name || !adminPasswords(resource).includes(password))
      throw registryError(401, 'UNAUTHORIZED', 'The user name or password is wrong.')
    return { objectId: user, displayName: user, tenantId: authority.tenantId }
  }

  const accessToken = async ({ server }: AskedRegistry, caller: Caller, scopes: string[]) => ({
    access_token: await authority.issueForIdentity(caller.objectId, server, accessSeconds, {
      access: scopes.map(accessOf),
    }),
  })

  return {
    async exchange({ server }: AskedRegistry, form: Form) {
      if (form.grant_type !== 'access_token' || form.access_token === undefined)
        throw registryError(400, 'UNSUPPORTED', 'Only grant_type=access_token is offered.')
      const { objectId } = await authority.verify(`Bearer ${form.access_token}`, audiences)
      return {
        refresh_token: await authority.issueForIdentity(
          objectId,
          refreshOf(server),
          refreshSeconds,
        ),
      }
    },

    async token(registry: AskedRegistry, form: Form) {
      const { grant_type, refresh_token = '', username = '', password = '' } = form
      if (grant_type !== 'refresh_token' && grant_type !== 'password')
        throw registryError(400, 'UNSUPPORTED', 'grant_type is refresh_token or password.')
      const caller =
        grant_type === 'password'
          ? await whoHas(registry, username, password)
          : await verify(refresh_token, refreshOf(registry.server))
      return accessToken(registry, caller, scopesOf(form.scope))
    },

    async tokenFor(registry: AskedRegistry, basic: string | undefined, scope: string | undefined) {
      const [user, password] = userOf(basic) ?? []
      if (user === undefined || password === undefined)
        throw registryError(401, 'UNAUTHORIZED', 'Nobody may read without signing in.')
      return accessToken(registry, await whoHas(registry, user, password), scopesOf(scope))
    },

    /** Throws 401 with the challenge that tells where a token for this is to be had. */
    async authorize(
      registry: AskedRegistry,
      authorization: string | undefined,
      scope: Scope | undefined,
    ): Promise<void> {
      const basic = userOf(authorization)
      try {
        if (basic !== undefined) return void (await whoHas(registry, ...basic))
        await authority.verify(authorization, [registry.server])
      } catch (error) {
        if (!(error instanceof AzureError) || error.status !== 401) throw error
        throw challenge(registry, scope)
      }
      if (scope !== undefined && !allows(authorization ?? '', scope))
        throw challenge(registry, scope)
    },
  }
}

const refreshOf = (server: string) => `${server}/refresh`

function challenge({ server }: AskedRegistry, scope: Scope | undefined): AzureError {
  const asks = scope === undefined ? '' : `,scope="${scope.type}:${scope.name}:${scope.actions}"`
  return registryError(401, 'UNAUTHORIZED', 'authentication required, visit the realm', {
    'www-authenticate': `Bearer realm="https://${server}/oauth2/token",service="${server}"${asks}`,
  })
}

/** Of a token whose signature was checked. */
function allows(authorization: string, { type, name, actions }: Scope): boolean {
  const { access } = decodeJwt(authorization.replace(/^Bearer +/i, ''))
  return (Array.isArray(access) ? (access as Access[]) : []).some(
    (one) =>
      one.type === type &&
      one.name === name &&
      one.actions.some((action) => action === '*' || actions.includes(action)),
  )
}

interface Access {
  readonly type: string
  readonly name: string
  readonly actions: readonly string[]
}

const scopesOf = (scope = ''): string[] => scope.split(' ').filter((one) => one !== '')

/** `repository:azureml/base:pull,push`. */
function accessOf(scope: string): Access {
  const [type = '', name = '', actions = ''] = scope.split(':')
  return { type, name, actions: actions.split(',') }
}

function userOf(authorization: string | undefined): [user: string, password: string] | undefined {
  const basic = /^Basic +(\S+)$/i.exec(authorization ?? '')?.[1]
  if (basic === undefined) return undefined
  const [user = '', ...password] = Buffer.from(basic, 'base64').toString('utf8').split(':')
  return [user, password.join(':')]
}
