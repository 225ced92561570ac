import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ClientSecretCredential } from '@azure/identity'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestRegion, type TestRegion } from '../testing/test-region.ts'

let region: TestRegion
let now = new Date()
const cloud = () =>
  JSON.parse(readFileSync(region.region.cloudFile, 'utf8')) as Record<string, string>

beforeAll(async () => {
  region = await startTestRegion({ clock: () => now })
})
afterAll(() => region.stop())

const ask = (token: string | null) => region.call('GET', '/subscriptions', { token })

describe('bearer tokens', () => {
  it('are needed, and the answer says where to get one', async () => {
    const answer = await ask(null)
    expect(answer).toMatchObject({
      status: 401,
      body: { error: { code: 'AuthenticationFailed', message: expect.any(String) } },
    })
    expect(answer.headers['www-authenticate']).toContain(
      `authorization_uri="${region.region.origin}/${cloud().tenantId}"`,
    )
  })

  it.each([
    'https://management.azure.com',
    'https://management.core.windows.net/',
    'https://ml.azure.com',
  ])('for %s are accepted', async (audience) => {
    expect((await ask(await region.token(audience))).status).toBe(200)
  })

  it('for storage are refused by the resource manager', async () => {
    const answer = await ask(await region.token('https://storage.azure.com'))
    expect(answer).toMatchObject({
      status: 401,
      body: { error: { code: 'InvalidAuthenticationTokenAudience' } },
    })
  })

  it('come from the tenant adfs too, which clients do not check with Microsoft', async () => {
    const { resourceManager = '', clientId = '' } = cloud()
    const secret = readFileSync(join(region.dataDir, 'authority/client-secret'), 'utf8')
    const credential = new ClientSecretCredential('adfs', clientId, secret, {
      authorityHost: resourceManager,
      tlsOptions: { ca: readFileSync(region.region.caPath, 'utf8') },
    })
    const { token } = await credential.getToken('https://management.azure.com/.default')
    expect((await ask(token)).status).toBe(200)
  })

  it('expire', async () => {
    const token = await region.token('https://management.azure.com')
    const start = now
    now = new Date(start.getTime() + 3_590_000)
    expect((await ask(token)).status).toBe(200)
    now = new Date(start.getTime() + 3_610_000)
    const answer = await ask(token)
    now = start
    expect(answer).toMatchObject({
      status: 401,
      body: { error: { code: 'ExpiredAuthenticationToken' } },
    })
  })

  it('that someone else signed, or that are not tokens, are refused', async () => {
    const { privateKey, publicKey } = await generateKeyPair('RS256')
    const claims = { oid: 'me', tid: cloud().tenantId ?? '' }
    const forge = (header: { alg: string; jwk?: object }, key: CryptoKeyLike) =>
      new SignJWT(claims)
        .setProtectedHeader(header)
        .setAudience('https://management.azure.com')
        .setExpirationTime('1h')
        .sign(key)
    const jwk = await exportJWK(publicKey)
    const forged = await forge({ alg: 'RS256', jwk }, privateKey)
    const symmetric = await forge({ alg: 'HS256' }, new TextEncoder().encode('x'.repeat(32)))
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{}').toString('base64url')}.`
    for (const token of [forged, symmetric, none, 'abc'])
      expect(await ask(token)).toMatchObject({
        status: 401,
        body: { error: { code: 'InvalidAuthenticationToken' } },
      })
  })

  it('are given only for the right secret and a known audience', async () => {
    const { tenantId, clientId } = cloud()
    const path = `/${tenantId}/oauth2/v2.0/token`
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const form = (fields: Record<string, string>) =>
      region.call('POST', path, {
        token: null,
        headers,
        body: `${new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId ?? '', ...fields })}`,
      })
    const scope = 'https://management.azure.com/.default'
    expect(await form({ client_secret: 'wrong', scope })).toMatchObject({
      status: 401,
      body: { error: 'invalid_client', error_codes: [7000215] },
    })
    const client_secret = readFileSync(join(region.dataDir, cloud().clientSecretFile ?? ''), 'utf8')
    expect(await form({ client_secret, scope: 'https://evil.example/.default' })).toMatchObject({
      status: 400,
      body: { error: 'invalid_scope' },
    })
  })

  it('are given to the official credential', async () => {
    const { tenantId = '', clientId = '', clientSecretFile = '', authority = '' } = cloud()
    const secret = readFileSync(join(region.dataDir, clientSecretFile), 'utf8')
    const credential = new ClientSecretCredential(tenantId, clientId, secret, {
      authorityHost: authority,
      disableInstanceDiscovery: true,
      tlsOptions: { ca: readFileSync(region.region.caPath, 'utf8') },
    })
    const { token } = await credential.getToken('https://management.azure.com/.default')
    expect((await ask(token)).status).toBe(200)
  })
})

type CryptoKeyLike = Parameters<SignJWT['sign']>[0]
