import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  errors,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  type JWTPayload,
  jwtVerify,
  SignJWT,
} from 'jose'
import { AzureError, type Caller, type TokenAuthority } from '../context.ts'
import { withoutSlash } from './audiences.ts'

/** The region's directory: one tenant, one application that owns the region, its signing key. */
export interface LocalAuthority extends TokenAuthority {
  readonly clientId: string
  readonly clientSecretFile: string
  readonly jwks: { readonly keys: readonly JWK[] }
  issuer(): string
  checkSecret(clientId: string, secret: string): boolean
  /** An access token for the region's application. */
  issueForClient(audience: string): Promise<{ token: string; expiresInSeconds: number }>
}

interface Identity {
  readonly tenantId: string
  readonly clientId: string
  readonly objectId: string
  readonly keyId: string
  readonly privateKey: JWK
  readonly publicKey: JWK
}

const clientTokenSeconds = 3600

/** Keys are kept in the data directory, so that tokens outlive a restart. */
export async function openAuthority(options: {
  readonly dataDir: string
  /** The region's clock, by which it checks tokens. */
  readonly clock: () => Date
  /** The time, by which sign-in issues them: it is global and outlives a region's troubles. */
  readonly time: () => Date
  readonly origin: () => string
}): Promise<LocalAuthority> {
  const { clock, time, origin } = options
  const dir = join(options.dataDir, 'authority')
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const identity = await readOrCreateIdentity(join(dir, 'identity.json'))
  const clientSecretFile = join(dir, 'client-secret')
  if (!existsSync(clientSecretFile))
    writePrivate(clientSecretFile, randomBytes(32).toString('base64url'))
  const secretHash = hash(readFileSync(clientSecretFile, 'utf8').trim())
  const privateKey = await importJWK(identity.privateKey, 'RS256')
  const publicKey = await importJWK(identity.publicKey, 'RS256')
  const verified = verifiedTokens()
  const issuer = () => `${origin()}/${identity.tenantId}/v2.0`

  const issue = (audience: string, ttlSeconds: number, claims: JWTPayload) => {
    const now = Math.floor(time().getTime() / 1000)
    return new SignJWT({ ...claims, tid: identity.tenantId, ver: '2.0', idtyp: 'app' })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: identity.keyId })
      .setIssuer(issuer())
      .setAudience(audience)
      .setIssuedAt(now)
      .setNotBefore(now - 300)
      .setExpirationTime(now + ttlSeconds)
      .setJti(randomUUID())
      .sign(privateKey)
  }

  return {
    tenantId: identity.tenantId,
    clientId: identity.clientId,
    clientSecretFile,
    jwks: { keys: [{ ...identity.publicKey, kid: identity.keyId, use: 'sig', alg: 'RS256' }] },
    issuer,
    checkSecret: (clientId, secret) =>
      timingSafeEqual(hash(clientId), hash(identity.clientId)) &&
      timingSafeEqual(hash(secret), secretHash),
    async verify(header, audiences, at = clock()) {
      const token = /^Bearer +(\S+)$/i.exec(header ?? '')?.[1]
      if (token === undefined) throw unauthenticated('AuthenticationFailed', challenge)
      const known = verified.get(token, audiences, at)
      if (known !== undefined) return known
      try {
        const { payload } = await jwtVerify(token, publicKey, {
          algorithms: ['RS256'],
          currentDate: at,
          audience: audiences.flatMap((a) => [withoutSlash(a), `${withoutSlash(a)}/`]),
          requiredClaims: ['exp', 'aud', 'oid', 'tid'],
        })
        return verified.keep(token, audiences, payload, callerOf(payload))
      } catch (error) {
        throw refusal(error)
      }
    },
    issueForIdentity: (objectId, audience, ttlSeconds, claims) =>
      issue(audience, ttlSeconds, { ...claims, oid: objectId, sub: objectId, appid: objectId }),
    async issueForClient(audience) {
      const token = await issue(audience, clientTokenSeconds, {
        oid: identity.objectId,
        sub: identity.objectId,
        appid: identity.clientId,
        app_displayname: 'holdfast',
      })
      return { token, expiresInSeconds: clientTokenSeconds }
    },
  }

  function challenge(description: string): Record<string, string> {
    return {
      'www-authenticate': `Bearer authorization_uri="${origin()}/${identity.tenantId}", error="invalid_token", error_description="${description}"`,
    }
  }

  function unauthenticated(
    code: string,
    headers: typeof challenge,
    message = "Authentication failed. The 'Authorization' header is missing or invalid.",
  ): AzureError {
    return new AzureError(401, code, message, undefined, headers(message))
  }

  function refusal(error: unknown): AzureError {
    if (error instanceof errors.JWTExpired)
      return unauthenticated(
        'ExpiredAuthenticationToken',
        challenge,
        'The access token has expired.',
      )
    if (error instanceof errors.JWTClaimValidationFailed && error.claim === 'aud')
      return unauthenticated(
        'InvalidAuthenticationTokenAudience',
        challenge,
        'The access token has been obtained for the wrong audience or resource.',
      )
    if (error instanceof errors.JOSEError)
      return unauthenticated(
        'InvalidAuthenticationToken',
        challenge,
        'The access token is invalid.',
      )
    throw error
  }
}

/** Tokens kept at most; a client uses one for an hour, a job one for its life. */
const mostKept = 1000

/**
 * Who sent a token that was verified before, while it is valid: a client sends the same one with every
 * request, and checking its signature costs more than most answers. Whatever else is verified anew.
 */
function verifiedTokens() {
  const kept = new Map<string, { readonly caller: Caller; from: number; to: number }>()
  const keyOf = (token: string, audiences: readonly string[]) => [token, ...audiences].join(' ')
  return {
    get(token: string, audiences: readonly string[], at: Date): Caller | undefined {
      const one = kept.get(keyOf(token, audiences))
      const seconds = at.getTime() / 1000
      return one && seconds >= one.from && seconds < one.to ? one.caller : undefined
    },
    keep(token: string, audiences: readonly string[], payload: JWTPayload, caller: Caller): Caller {
      if (kept.size >= mostKept) kept.clear()
      const { nbf = 0, exp = 0 } = payload
      kept.set(keyOf(token, audiences), { caller, from: nbf, to: Math.floor(exp) })
      return caller
    },
  }
}

function callerOf(payload: JWTPayload): Caller {
  const objectId = String(payload.oid)
  return {
    objectId,
    displayName: typeof payload.app_displayname === 'string' ? payload.app_displayname : objectId,
    tenantId: String(payload.tid),
  }
}

async function readOrCreateIdentity(path: string): Promise<Identity> {
  if (!existsSync(path)) {
    const pair = await generateKeyPair('RS256', { extractable: true })
    const identity: Identity = {
      tenantId: randomUUID(),
      clientId: randomUUID(),
      objectId: randomUUID(),
      keyId: randomUUID(),
      privateKey: await exportJWK(pair.privateKey),
      publicKey: await exportJWK(pair.publicKey),
    }
    writePrivate(path, JSON.stringify(identity))
  }
  return JSON.parse(readFileSync(path, 'utf8')) as Identity
}

/** Whole or not at all: a half-written key file would lock the owner out. */
export function writePrivate(path: string, text: string): void {
  const draft = `${path}.${randomUUID()}`
  writeFileSync(draft, text, { mode: 0o600, flush: true })
  renameSync(draft, path)
}

const hash = (text: string) => createHash('sha256').update(text).digest()
