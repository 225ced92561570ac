import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose'
import * as client from 'openid-client'
import { HoldfastError } from '../../model/errors.ts'

export interface ProviderOptions {
  /** As the provider writes it into its tokens. */
  readonly issuer: string
  readonly clientId: string
  /** Absent: a public client; the code is bound by PKCE alone. */
  readonly clientSecret?: string
  /** Of bearer tokens. */
  readonly audience: string
  readonly scopes: string
}

/** What a browser is sent away with, and has to come back with. */
export interface PendingSignIn {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

/**
 * OpenID Connect. The provider is asked when somebody signs in, not before: a controller starts, and
 * fails over, while it is away. Every method throws `sign-in.provider-unreachable` (transient).
 */
export interface IdentityProvider {
  /** Where to send the browser. */
  begin(redirectUri: string, pending: PendingSignIn): Promise<string>
  /** Claims of the verified ID token and of the provider's user info. Throws `sign-in.refused`. */
  finish(callback: URL, pending: PendingSignIn): Promise<Readonly<Record<string, unknown>>>
  /** Where the provider signs out; null: it offers nothing. */
  signOutUrl(returnTo: string): Promise<string | null>
  /** Of a signed token for our audience. Throws `request.unauthorized`. */
  claimsOf(token: string): Promise<JWTPayload>
}

/** No symmetric algorithm, and never `none`: whoever knows our public settings could sign. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
const moreAlgorithms = ['ES256', 'ES384', 'ES512', 'EdDSA']

export function newPendingSignIn(): PendingSignIn {
  return {
    state: client.randomState(),
    nonce: client.randomNonce(),
    verifier: client.randomPKCECodeVerifier(),
  }
}

export function identityProvider(options: ProviderOptions): IdentityProvider {
  const known = once(() => discover(options))
  const keys = once(async () => {
    const { jwks_uri } = (await known()).serverMetadata()
    if (jwks_uri === undefined) throw new Error('The provider names no keys.')
    return createRemoteJWKSet(new URL(jwks_uri))
  })
  return {
    begin: async (redirectUri, { state, nonce, verifier }) =>
      client.buildAuthorizationUrl(await known(), {
        ...{ redirect_uri: redirectUri, scope: options.scopes, state, nonce },
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      }).href,
    finish: async (callback, { state, nonce, verifier }) => {
      const config = await known()
      try {
        const tokens = await client.authorizationCodeGrant(config, callback, {
          ...{ pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce },
          idTokenExpected: true,
        })
        const claims = tokens.claims()
        if (claims === undefined) throw new Error('no claims')
        if (config.serverMetadata().userinfo_endpoint === undefined) return { ...claims }
        const info = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
        return { ...info, ...claims }
      } catch (cause) {
        throw refusal(cause)
      }
    },
    signOutUrl: async (returnTo) => {
      const config = await known()
      if (config.serverMetadata().end_session_endpoint === undefined) return null
      return client.buildEndSessionUrl(config, { post_logout_redirect_uri: returnTo }).href
    },
    claimsOf: async (token) => {
      const { issuer, audience } = options
      const { payload } = await jwtVerify(token, await keys(), {
        ...{ issuer, audience, requiredClaims: ['exp', 'sub'] },
        algorithms: [...algorithms, ...moreAlgorithms],
      }).catch((cause: unknown) => {
        throw badToken(cause)
      })
      return payload
    },
  }
}

async function discover(options: ProviderOptions): Promise<client.Configuration> {
  const { issuer, clientId, clientSecret } = options
  const url = new URL(issuer)
  try {
    return await client.discovery(url, clientId, {}, authenticationBy(clientSecret), {
      timeout: 10,
      execute: url.protocol === 'http:' ? [client.allowInsecureRequests] : [],
    })
  } catch (cause) {
    throw unreachable(cause)
  }
}

/** By the way that the provider says it knows. */
function authenticationBy(secret: string | undefined): client.ClientAuth {
  if (secret === undefined) return client.None()
  return (server, ...rest) => {
    const post = server.token_endpoint_auth_methods_supported?.includes('client_secret_post')
    const way = post ? client.ClientSecretPost(secret) : client.ClientSecretBasic(secret)
    return way(server, ...rest)
  }
}

/** A failure is not kept: the next one who asks tries again. */
function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined
  return () => {
    result ??= work().catch((error: unknown) => {
      result = undefined
      throw error
    })
    return result
  }
}

/** The provider's texts stay inside; they may hold what somebody put into the address. */
function refusal(cause: unknown): HoldfastError {
  if (isNoAnswer(cause)) return unreachable(cause)
  return new HoldfastError('sign-in.refused', 'The sign-in was not completed.', {
    ...{ kind: 'operator', cause },
    hint: 'Sign in again; the log of the controller has the reason.',
  })
}

function badToken(cause: unknown): HoldfastError {
  const code = cause instanceof errors.JOSEError ? cause.code : 'unknown'
  if (isNoAnswer(cause) || /^ERR_(JOSE_GENERIC|JWKS_TIMEOUT)$/.test(code)) return unreachable(cause)
  return new HoldfastError('request.unauthorized', 'The token is not one that is accepted here.', {
    ...{ kind: 'operator', cause },
    hint: `Ask the identity provider for a new one for this controller (${code}).`,
  })
}

/** As `fetch` reports that nobody answered. */
function isNoAnswer(cause: unknown): boolean {
  return cause instanceof TypeError && cause.message === 'fetch failed'
}

function unreachable(cause: unknown): HoldfastError {
  return new HoldfastError(
    'sign-in.provider-unreachable',
    'The identity provider does not answer as one.',
    {
      ...{ kind: 'transient', cause },
      hint: 'Check --oidc-issuer. Meanwhile `holdfast console` on the controller signs in.',
    },
  )
}
