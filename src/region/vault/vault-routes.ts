import type { FastifyInstance, FastifyRequest } from 'fastify'
import { vaultType } from '../arm/behaviours/key-vault.ts'
import { asRecord, asText, isRecord } from '../arm/document.ts'
import { notOffered } from '../arm/offered.ts'
import { AzureError, type RegionContext } from '../context.ts'
import type { DeletedSecret, SecretChange, SecretStore, SecretVersion } from './secret-store.ts'

const recoverableDays = 90

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
      const { $skiptoken = '', maxresults = '25' } = request.query as Record<string, string>
      const limit = Math.min(Math.max(Number(maxresults) || 25, 1), 25)
      const found = secrets.list(vault, $skiptoken, limit)
      const last = found.length === limit ? found.at(-1) : undefined
      const next = new URL(`${base(vault, request)}/secrets`)
      for (const [key, value] of Object.entries(request.query as Record<string, string>))
        next.searchParams.set(key, value)
      if (last) next.searchParams.set('$skiptoken', last.name)
      const value = found.map((secret) => item(vault, secret, false))
      return { value, nextLink: last ? next.href : null }
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
      const value = secrets.versions(vault, name).map((secret) => item(vault, secret, true))
      return { value, nextLink: null }
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
      const removed = secrets.delete(vault, name)
      if (!removed) throw missing(name)
      return deletedItem(vault, removed)
    })
    scope.get('/vault/:vault/deletedsecrets', own, async (request) => {
      const vault = vaultOf(request)
      return { value: secrets.deleted(vault).map((one) => deletedItem(vault, one)), nextLink: null }
    })
    scope.get('/vault/:vault/deletedsecrets/:name', own, async (request) => {
      const [vault, name] = [vaultOf(request), nameOf(request)]
      const [found] = secrets.deleted(vault, name)
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
      const name = nameOf(request)
      if (!secrets.purge(vaultOf(request), name)) throw missing(name)
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

  function requireVault(vault: string): void {
    const known = region.resources.list('', vaultType)
    if (!known.some((one) => one.name.toLowerCase() === vault))
      throw new AzureError(404, 'VaultNotFound', `There is no vault named '${vault}'.`)
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
        recoveryLevel: 'Recoverable+Purgeable',
        recoverableDays,
      },
      ...(contentType !== undefined && { contentType }),
      ...(tags !== undefined && { tags }),
    }
  }
  const bundle = (vault: string, secret: SecretVersion) => ({
    value: secret.value,
    ...item(vault, secret, true),
  })
  const deletedItem = (vault: string, { secret, deletedAt }: DeletedSecret) => ({
    ...item(vault, secret, true),
    recoveryId: `${hostOf(vault)}/deletedsecrets/${secret.name}`,
    deletedDate: deletedAt,
    scheduledPurgeDate: deletedAt + recoverableDays * 86_400,
  })
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
