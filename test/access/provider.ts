import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'
import Provider from 'oidc-provider'

/** A real identity provider on this machine. Whoever comes is `person`, without a form. */
export interface TestProvider {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** Who signs in next. */
  person: { sub: string; email: string; email_verified: boolean; groups: string[] }
  /** Lets these places be returned to. */
  serve(redirectUri: string, afterSignOut: string): void
  /** As the provider signs its own. */
  sign(claims: JWTPayload, expiresIn?: string): Promise<string>
  close(): Promise<void>
}

export async function startProvider(): Promise<TestProvider> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  const key: JWK = { ...(await exportJWK(privateKey)), kid: 'first', alg: 'RS256', use: 'sig' }
  const client = { clientId: 'holdfast', clientSecret: 'secret-of-the-client' }
  const made: TestProvider = {
    ...{ issuer, ...client },
    person: { sub: 'ann', email: 'ann@example.com', email_verified: true, groups: ['oncall'] },
    serve: (redirectUri, afterSignOut) => {
      const provider = providerOf(made, key, { redirectUri, afterSignOut })
      const answer = provider.callback()
      server.removeAllListeners('request')
      server.on('request', (request, response) => {
        if (!request.url?.startsWith('/meet/')) return void answer(request, response)
        const login = { login: { accountId: made.person.sub } }
        void provider.interactionFinished(request, response, login)
      })
    },
    sign: (claims, expiresIn = '5m') =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'RS256', kid: 'first' })
        .setIssuer(issuer)
        .setIssuedAt()
        .setExpirationTime(expiresIn)
        .sign(privateKey),
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return made
}

function providerOf(
  made: TestProvider,
  key: JWK,
  places: { readonly redirectUri: string; readonly afterSignOut: string },
): Provider {
  const { issuer, clientId, clientSecret } = made
  return new Provider(issuer, {
    clients: [
      {
        ...{ client_id: clientId, client_secret: clientSecret },
        redirect_uris: [places.redirectUri],
        post_logout_redirect_uris: [places.afterSignOut],
        ...{ response_types: ['code'], grant_types: ['authorization_code'] },
      },
    ],
    jwks: { keys: [key as never] },
    cookies: { keys: ['a-key-of-this-test'] },
    pkce: { required: () => true },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['groups'] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, { uid }) => `/meet/${uid}` },
    ttl: { Session: 60, Grant: 60, Interaction: 60, AccessToken: 60, IdToken: 60 },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: async () => ({ ...made.person, sub: id }),
    }),
    loadExistingGrant: async ({ oidc }) => {
      const accountId = oidc.session?.accountId ?? ''
      const grant = new oidc.provider.Grant({ clientId, accountId })
      grant.addOIDCScope('openid email profile')
      await grant.save()
      return grant
    },
  })
}
