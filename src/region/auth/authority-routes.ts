import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { withoutSlash } from './audiences.ts'
import type { LocalAuthority } from './token-authority.ts'

/** The OAuth endpoints that `@azure/identity` and MSAL ask, in Microsoft Entra's shapes. */
export function registerAuthority(
  app: FastifyInstance,
  options: {
    readonly authority: LocalAuthority
    readonly origin: string
    readonly clock: () => Date
    readonly audiences: readonly string[]
  },
): void {
  const { authority, origin, clock } = options
  const accepted = new Set(options.audiences.map(withoutSlash))
  const open = { config: { access: 'public' as const } }

  app.register(async (scope) => {
    scope.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string' },
      (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(String(body)))),
    )
    scope.get('/:tenant/v2.0/.well-known/openid-configuration', open, async (request, reply) =>
      inTenant(request, reply) ? configuration() : reply,
    )
    scope.get('/:tenant/discovery/v2.0/keys', open, async (request, reply) =>
      inTenant(request, reply) ? authority.jwks : reply,
    )
    scope.post('/:tenant/oauth2/v2.0/token', open, async (request, reply) =>
      inTenant(request, reply) ? token(request, reply) : reply,
    )
    // Official clients ask Microsoft whether an authority is known, unless the tenant is `adfs`.
    scope.get('/adfs/.well-known/openid-configuration', open, async () => ({
      ...configuration(),
      authorization_endpoint: `${origin}/adfs/oauth2/authorize`,
      token_endpoint: `${origin}/adfs/oauth2/token`,
    }))
    scope.post('/adfs/oauth2/token', open, token)
  })

  function configuration() {
    const base = `${origin}/${authority.tenantId}`
    return {
      issuer: authority.issuer(),
      authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
      token_endpoint: `${base}/oauth2/v2.0/token`,
      jwks_uri: `${base}/discovery/v2.0/keys`,
      token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
      response_types_supported: ['code', 'id_token'],
      subject_types_supported: ['pairwise'],
      id_token_signing_alg_values_supported: ['RS256'],
      scopes_supported: ['openid'],
      tenant_region_scope: 'NA',
      cloud_instance_name: 'localhost',
    }
  }

  function inTenant(request: FastifyRequest, reply: FastifyReply): boolean {
    const { tenant } = request.params as { tenant: string }
    if (tenant.toLowerCase() === authority.tenantId) return true
    refuse(reply, 400, 'invalid_tenant', 90002, `Tenant '${tenant}' not found.`)
    return false
  }

  async function token(request: FastifyRequest, reply: FastifyReply) {
    const form = (request.body ?? {}) as Record<string, string | undefined>
    if (form.grant_type !== 'client_credentials')
      return refuse(
        reply,
        400,
        'unsupported_grant_type',
        70003,
        'Only client_credentials is offered.',
      )
    const { clientId, secret } = credentialsOf(request, form)
    if (!authority.checkSecret(clientId, secret))
      return refuse(
        reply,
        401,
        'invalid_client',
        7000215,
        'Invalid client id or client secret provided.',
      )
    const audience = (form.scope ?? '').trim().replace(/\/\.default$/, '')
    if (!accepted.has(withoutSlash(audience)))
      return refuse(reply, 400, 'invalid_scope', 70011, `The scope '${form.scope}' is not valid.`)
    const issued = await authority.issueForClient(audience)
    reply.header('cache-control', 'no-store')
    return {
      token_type: 'Bearer',
      expires_in: issued.expiresInSeconds,
      ext_expires_in: issued.expiresInSeconds,
      access_token: issued.token,
    }
  }

  function refuse(
    reply: FastifyReply,
    status: number,
    error: string,
    number: number,
    sentence: string,
  ): FastifyReply {
    return reply.code(status).send({
      error,
      error_description: `AADSTS${number}: ${sentence}`,
      error_codes: [number],
      timestamp: clock().toISOString(),
      trace_id: requestId(reply),
      correlation_id: requestId(reply),
    })
  }
}

const requestId = (reply: FastifyReply) => String(reply.request.id)

function credentialsOf(request: FastifyRequest, form: Record<string, string | undefined>) {
  const basic = /^Basic +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (basic === undefined)
    return { clientId: form.client_id ?? '', secret: form.client_secret ?? '' }
  const [clientId = '', secret = ''] = Buffer.from(basic, 'base64').toString('utf8').split(':')
  return { clientId: decodeURIComponent(clientId), secret: decodeURIComponent(secret) }
}
