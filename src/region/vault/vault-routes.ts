import type { FastifyInstance, FastifyRequest } from 'fastify'
import { vaultType } from '../arm/behaviours/key-vault.ts'
import { asRecord, asText, isRecord } from '../arm/document.ts'
import { notOffered } from '../arm/offered.ts'
import { type ArmResource, AzureError, type RegionContext } from '../context.ts'
import type {
  DeletedSecret,
  SecretChange,
  SecretPage,
  SecretStore,
  SecretVersion,
} from './secret-store.ts'

const largestPage = 25

/**
 * The secrets REST of Key Vault, below `/vault/{name}`; a request to `{name}.vault.localhost` is
 * rewritten to it. Secret ids always have the host form: clients take ids apart by their path.
 */
export function registerVault(
  app: FastifyInstance,
  options: {
    readonly region: RegionContext
    readonly secrets: SecretStore
    readonly audiences: readonly string[]
  },
): void {
  const { region, secrets, audiences } = options
  const port = new URL(region.origin).port

  app.register(async (scope) => {
    // The vault asks for sign-in its own way: the client takes tenant and audience from it.
    scope.addHook('onRequest', async (request, reply) => {
      // With the port: the Python client compares it with the whole host of the vault.
      const resource = isByHost(request)
        ? `https://vault.localhost:${port}`
        : 'https://vault.azure.net'
      const authorization = `${region.origin}/${region.authority.tenantId}`
      const header = request.headers.authorization
      try {
        await region.authority.verify(header, audiences)
      } catch (error) {
        if (!(error instanceof AzureError) || error.status !== 401) throw error
        const what =
          header === undefined ? 'Request is missing a Bearer or PoP token.' : error.message
        reply.header(
          'www-authenticate',
          `Bearer authorization="${authorization}", resource="${resource}"`,
        )
        return reply
          .code(401)
          .send({ error: { code: 'Unauthorized', message: `AKV10000: ${what}` } })
      }
      requireVault(vaultOf(request))
    })

    const own = { config: { access: 'own' as const } }
    scope.get('/vault/:vault/secrets', own, async (request) => {
      const vault = vaultOf(request)
      const { after = '', limit } = pageOf(request)
      return paged(
        request,
        secrets.list(vault, after, limit),
        (secret) => item(vault, secret, false),
        ({ name }) => name,
      )
    })
    scope.put('/vault/:vault/secrets/:name', own, async (request) => {
      const [vault, name] = [vaultOf(request), nameOf(request)]
      const body = asRecord(request.body)
      const value = asText(body.value)
      if (value === undefined)
        throw new AzureError(400, 'BadParameter', "Property 'value' is required.")
      if (Buffer.byteLength(value) > 25_600)
        throw new AzureError(400, 'BadParameter', 'The secret is longer than 25600 bytes.')
      if (secrets.isDeleted(vault, name))
        throw new AzureError(
          409,
          'Conflict',
          `Secret ${name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the secret can only be recovered or purged.`,
        )
      return bundle(vault, secrets.set(vault, name, value, changeOf(body)))
    })
    scope.get('/vault/:vault/secrets/:name', own, (request) => read(request))
    scope.get('/vault/:vault/secrets/:name/versions', own, async (request) => {
      const [vault, name] = [vaultOf(request), nameOf(request)]
      return paged(
        request,
        secrets.versions(vault, name, pageOf(request)),
        (secret) => item(vault, secret, true),
        ({ version }) => version,
      )
    })
    scope.get('/vault/:vault/secrets/:name/:version', own, (request) => read(request))
    const update = async (request: FastifyRequest) => {
      const [vault, name] = [vaultOf(request), nameOf(request)]
      const { version = secrets.get(vault, name)?.version ?? '' } = request.params as {
        version?: string
      }
      const secret = secrets.update(vault, name, version, changeOf(asRecord(request.body)))
      if (!secret) throw missing(name)
      const { value: _hidden, ...shown } = bundle(vault, secret)
      return shown
    }
    scope.patch('/vault/:vault/secrets/:name/:version', own, update)
    // Without a version clients mean the newest one.
    scope.patch('/vault/:vault/secrets/:name', own, update)
    scope.delete('/vault/:vault/secrets/:name', own, async (request) => {
      const [vault, name] = [vaultOf(request), nameOf(request)]
      const { days } = recoveryOf(vault)
      const removed = secrets.delete(vault, name, days)
      if (!removed) throw missing(name)
      return days === undefined ? item(vault, removed.secret, true) : deletedItem(vault, removed)
    })
    scope.get('/vault/:vault/deletedsecrets', own, async (request) => {
      const vault = vaultOf(request)
      return paged(
        request,
        secrets.listDeleted(vault, pageOf(request)),
        (one) => deletedItem(vault, one),
        ({ secret }) => secret.name,
      )
    })
    scope.get('/vault/:vault/deletedsecrets/:name', own, async (request) => {
      const [vault, name] = [vaultOf(request), nameOf(request)]
      const found = secrets.findDeleted(vault, name)
      if (!found) throw missing(name)
      return deletedItem(vault, found)
    })
    scope.post('/vault/:vault/deletedsecrets/:name/recover', own, async (request) => {
      const [vault, name] = [vaultOf(request), nameOf(request)]
      const secret = secrets.recover(vault, name)
      if (!secret) throw missing(name)
      return item(vault, secret, true)
    })
    // Keys and certificates: refused behind the vault's own sign-in.
    const refuses = { config: { access: 'own', refuses: true } } as const
    scope.all('/vault/:vault/*', refuses, async (request) => {
      throw notOffered(`${request.method} ${request.url.split('?')[0]}`)
    })
    scope.delete('/vault/:vault/deletedsecrets/:name', own, async (request, reply) => {
      const [vault, name] = [vaultOf(request), nameOf(request)]
      if (recoveryOf(vault).isPurgeProtected)
        throw new AzureError(
          403,
          'Forbidden',
          'Purge is not allowed: the vault is protected from it.',
        )
      if (!secrets.purge(vault, name)) throw missing(name)
      return reply.code(204).send()
    })
  })

  async function read(request: FastifyRequest) {
    const [vault, name] = [vaultOf(request), nameOf(request)]
    const { version } = request.params as { version?: string }
    const secret = secrets.get(vault, name, version)
    if (!secret) throw missing(name)
    if (!secret.attributes.enabled)
      throw new AzureError(403, 'Forbidden', 'Operation get is not allowed on a disabled secret.')
    return bundle(vault, secret)
  }

  function requireVault(vault: string): ArmResource {
    const known = region.resources.list('', vaultType)
    const found = known.find((one) => one.name.toLowerCase() === vault)
    if (found) return found
    throw new AzureError(404, 'VaultNotFound', `There is no vault named '${vault}'.`)
  }

  /** What becomes of deleted secrets, as the vault's resource says. */
  function recoveryOf(vault: string): Recovery {
    const { enableSoftDelete, softDeleteRetentionInDays, enablePurgeProtection } = asRecord(
      requireVault(vault).body.properties,
    )
    return {
      days: enableSoftDelete === false ? undefined : Number(softDeleteRetentionInDays),
      isPurgeProtected: enablePurgeProtection === true,
    }
  }

  function paged<T>(
    request: FastifyRequest,
    found: readonly T[],
    show: (one: T) => object,
    placeOf: (one: T) => string,
  ) {
    const last = found.length === pageOf(request).limit ? found.at(-1) : undefined
    const path = request.url.split('?')[0]?.replace(/^\/vault\/[^/]+/, '') ?? ''
    const next = new URL(`${base(vaultOf(request), request)}${path}`)
    for (const [key, value] of Object.entries(request.query as Record<string, string>))
      next.searchParams.set(key, value)
    if (last !== undefined) next.searchParams.set('$skiptoken', placeOf(last))
    return { value: found.map(show), nextLink: last === undefined ? null : next.href }
  }

  const hostOf = (vault: string) => `https://${vault}.vault.localhost:${port}`
  const base = (vault: string, request: FastifyRequest) =>
    isByHost(request) ? hostOf(vault) : `${region.origin}/vault/${vault}`
  const idOf = (vault: string, secret: SecretVersion, withVersion: boolean) =>
    `${hostOf(vault)}/secrets/${secret.name}${withVersion ? `/${secret.version}` : ''}`

  function item(vault: string, secret: SecretVersion, withVersion: boolean) {
    const { contentType, tags } = secret
    return {
      id: idOf(vault, secret, withVersion),
      attributes: {
        ...secret.attributes,
        ...recoveryAttributes(recoveryOf(vault)),
      },
      ...(contentType !== undefined && { contentType }),
      ...(tags !== undefined && { tags }),
    }
  }
  const bundle = (vault: string, secret: SecretVersion) => ({
    value: secret.value,
    ...item(vault, secret, true),
  })
  const deletedItem = (vault: string, { secret, deletedAt, purgeAt }: DeletedSecret) => ({
    ...item(vault, secret, true),
    recoveryId: `${hostOf(vault)}/deletedsecrets/${secret.name}`,
    deletedDate: deletedAt,
    scheduledPurgeDate: purgeAt,
  })
}

interface Recovery {
  /** Undefined: deleted secrets are gone at once. */
  readonly days: number | undefined
  readonly isPurgeProtected: boolean
}

function recoveryAttributes({ days, isPurgeProtected }: Recovery) {
  if (days === undefined) return { recoveryLevel: 'Purgeable', recoverableDays: 0 }
  const level = days < 90 ? 'CustomizedRecoverable' : 'Recoverable'
  return { recoveryLevel: isPurgeProtected ? level : `${level}+Purgeable`, recoverableDays: days }
}

function pageOf(request: FastifyRequest): SecretPage {
  const { $skiptoken: after, maxresults } = request.query as Record<string, string | undefined>
  if (maxresults !== undefined && !/^([1-9]|1\d|2[0-5])$/.test(maxresults))
    throw new AzureError(400, 'BadParameter', `maxresults must be 1 to ${largestPage}.`)
  return { after, limit: maxresults === undefined ? largestPage : Number(maxresults) }
}

const isByHost = (request: FastifyRequest) => vaultHost.test(request.headers.host ?? '')

/** Host names that mean a vault. */
export const vaultHost = /^([a-z0-9-]+)\.vault\.localhost(?::\d+)?$/i

const vaultOf = (request: FastifyRequest) =>
  (request.params as { vault: string }).vault.toLowerCase()

function nameOf(request: FastifyRequest): string {
  const { name } = request.params as { name: string }
  if (/^[0-9a-zA-Z-]{1,127}$/.test(name)) return name
  throw new AzureError(400, 'BadParameter', 'A secret name has letters, digits and hyphens only.')
}

function changeOf(body: Record<string, unknown>): SecretChange {
  const { enabled, nbf, exp } = asRecord(body.attributes)
  const contentType = asText(body.contentType)
  return {
    ...(contentType !== undefined && { contentType }),
    ...(isRecord(body.tags) && { tags: body.tags as Record<string, string> }),
    attributes: {
      ...(typeof enabled === 'boolean' && { enabled }),
      ...(typeof nbf === 'number' && { nbf }),
      ...(typeof exp === 'number' && { exp }),
    },
  }
}

const missing = (name: string) =>
  new AzureError(
    404,
    'SecretNotFound',
    `A secret with (name/id) ${name} was not found in this key vault.`,
  )
