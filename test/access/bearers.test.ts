import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Session } from '../../src/api/access-contract.ts'
import { createClient } from '../../src/api/client.ts'
import { type AccessScene, setAccessScene } from './scene.ts'

describe('callers without a browser', () => {
  let scene: AccessScene

  beforeAll(async () => {
    scene = await setAccessScene()
  }, 60_000)
  afterAll(() => scene?.end())

  const client = (token: string) => createClient({ url: scene.url, token })
  /** Who it is, or the code of the refusal. */
  const seenAs = (token: string): Promise<Session | string> =>
    client(token)
      .session()
      .catch((error: { code: string }) => error.code)

  describe('with a service token', () => {
    const dayMs = 86_400_000
    const create = (name: string, role: 'viewer' | 'operator' = 'viewer') =>
      createClient(scene).createToken('fraud', { name, role, expiresInMs: 30 * dayMs })

    it('may do what its role says, in its group', async () => {
      const { token, entry } = await create('dashboard')
      expect(entry).toMatchObject({ name: 'dashboard', role: 'viewer', createdBy: 'local' })
      expect(await seenAs(token)).toEqual({
        ...{ name: 'dashboard', via: 'service-token', roles: { fraud: 'viewer' } },
      })
      await expect(client(token).start('fraud', 'sync')).rejects.toMatchObject({
        code: 'request.forbidden',
      })
      await expect(
        client(token).createToken('fraud', { ...entry, expiresInMs: 1000 }),
      ).rejects.toMatchObject({ code: 'request.forbidden' })
      const ci = await create('ci', 'operator')
      expect((await client(ci.token).start('fraud', 'sync')).type).toBe('sync')
    })

    it('is told once: neither the list nor the table has it', async () => {
      const { token } = await create('told-once')
      const list = JSON.stringify(await createClient(scene).tokens('fraud'))
      const { rows } = await scene.database.pool.query('select * from service_token')
      const audit = JSON.stringify(scene.controller.evidence.entries)
      expect(list).toContain('told-once')
      for (const text of [list, JSON.stringify(rows), audit]) expect(text).not.toContain(token)
    })

    it('is worth nothing once it is revoked, expired, or changed by a letter', async () => {
      const { token } = await create('short')
      expect(await seenAs(`${token.slice(0, -2)}xx`)).toBe('request.unauthorized')
      await createClient(scene).revokeToken('fraud', 'short')
      expect(await seenAs(token)).toBe('request.token-over')
      await expect(create('short')).rejects.toMatchObject({ code: 'token.name-taken' })
      const { token: old } = await create('old')
      scene.pass(30 * dayMs + 1)
      expect(await seenAs(old)).toBe('request.token-over')
      scene.pass(-30 * dayMs - 1)
    })

    it('is not made for a role that machines have not', async () => {
      for (const role of ['approver', 'admin'] as const) {
        const asked = { name: 'too-much', role: role as 'viewer', expiresInMs: dayMs }
        await expect(createClient(scene).createToken('fraud', asked)).rejects.toMatchObject({
          code: 'request.invalid',
        })
      }
    })

    it('ends the stream of events that it opened', async () => {
      const { token } = await create('listener')
      const answer = await fetch(`${scene.url}/api/v1/events`, {
        headers: { authorization: `Bearer ${token}` },
      })
      await createClient(scene).revokeToken('fraud', 'listener')
      // Resolves when the controller ends it, which looks every 15 s.
      expect(await answer.text()).toContain('event: status')
    }, 60_000)
  })

  describe('with a token of the identity provider', () => {
    const good: JWTPayload = { sub: 'robot', aud: 'holdfast-api', groups: ['oncall'] }

    it('has the roles that the rules give', async () => {
      expect(await seenAs(await scene.provider.sign(good))).toEqual({
        ...{ name: 'robot', via: 'bearer', roles: { fraud: 'operator' } },
      })
    })

    it('is refused when anything about it is wrong', async () => {
      const { sign, issuer } = scene.provider
      const { privateKey, publicKey } = await generateKeyPair('RS256')
      const forged = (key: Parameters<SignJWT['sign']>[0], alg: string, kid = 'first') =>
        new SignJWT(good)
          .setProtectedHeader({ alg, kid })
          .setIssuer(issuer)
          .setExpirationTime('5m')
          .sign(key)
      const genuine = await sign(good)
      const [head = '', body = '', mark = ''] = genuine.split('.')
      const edited = Buffer.from(JSON.stringify({ ...good, groups: ['boss'], iss: issuer }))
      const keys = await (await fetch(`${issuer}/jwks`)).text()
      const tried: Record<string, string> = {
        'for another audience': await sign({ ...good, aud: 'somebody-else' }),
        'for the console, not the API': await sign({ ...good, aud: 'holdfast' }),
        'for nobody': await sign({ sub: 'robot', groups: ['oncall'] }),
        expired: await sign(good, '-1m'),
        'of nobody': await sign({ aud: 'holdfast-api', groups: ['oncall'] }),
        'not valid yet': await sign({ ...good, nbf: Math.floor(Date.now() / 1000) + 600 }),
        'of another issuer': await new SignJWT({ ...good, iss: 'https://elsewhere.example' })
          .setProtectedHeader({ alg: 'RS256', kid: 'first' })
          .setExpirationTime('5m')
          .sign(privateKey),
        'alg none': new UnsecuredJWT({ ...good, iss: issuer }).setExpirationTime('5m').encode(),
        'signed by another key': await forged(privateKey, 'RS256'),
        'signed by a key that nobody knows': await forged(privateKey, 'RS256', 'second'),
        'signed with what is public': await forged(Buffer.from(keys), 'HS256'),
        'signed with the public key': await forged(
          Buffer.from(JSON.stringify(await exportJWK(publicKey))),
          'HS256',
        ),
        edited: `${head}.${edited.toString('base64url')}.${mark}`,
        'without its signature': `${head}.${body}.`,
        'no token at all': 'a.b.c',
      }
      const seen: Record<string, unknown> = {}
      for (const [name, token] of Object.entries(tried)) seen[name] = await seenAs(token)
      const refused = Object.keys(tried).map((name) => [name, 'request.unauthorized'])
      expect(seen).toEqual(Object.fromEntries(refused))
      expect(await seenAs(genuine)).toMatchObject({ name: 'robot' })
    })
  })
})

describe('an address that others reach', () => {
  it('has cookies, links and headers for TLS when a proxy speaks it', async () => {
    const scene = await setAccessScene({ publicUrl: 'https://holdfast.example' })
    const link = new URL(await createClient(scene).consoleLink())
    expect(link.origin).toBe('https://holdfast.example')
    const answer = await fetch(`${scene.url}${link.pathname}${link.search}`, { redirect: 'manual' })
    expect(answer.headers.getSetCookie()[0]).toMatch(
      /^__Host-holdfast-session=.{43}; Path=\/; HttpOnly; SameSite=Strict; Secure; Max-Age=43200$/,
    )
    expect(answer.headers.get('strict-transport-security')).toMatch(/max-age=\d+/)
    await scene.end()
  }, 60_000)
})

describe('guessing', () => {
  it('is slowed down, and locks nobody out who has a token', async () => {
    const scene = await setAccessScene({ limits: { refused: 5, signIn: 3, call: 20 } })
    const guess = (path: string, token: string) =>
      fetch(`${scene.url}${path}`, {
        ...{ headers: { authorization: `Bearer ${token}` }, redirect: 'manual' as const },
      })
    const seen: number[] = []
    for (let i = 0; i < 7; i += 1) seen.push((await guess('/api/v1/status', `guess-${i}`)).status)
    expect(seen).toEqual([401, 401, 401, 401, 401, 429, 429])
    expect((await guess('/api/v1/status', 'x')).headers.get('retry-after')).toMatch(/^\d+$/)
    expect(await createClient(scene).session()).toMatchObject({ name: 'local' })
    const links: number[] = []
    for (let i = 0; i < 5; i += 1) links.push((await guess(`/?token=guess-${i}`, '')).status)
    expect(links).toEqual([401, 401, 401, 429, 429])
    expect((await guess('/sign-in', '')).status).toBe(429)
    const { token } = await createClient(scene).createToken('fraud', {
      ...{ name: 'busy', role: 'viewer', expiresInMs: 60_000 },
    })
    const calls: number[] = []
    for (let i = 0; i < 22; i += 1) calls.push((await guess('/api/v1/status', token)).status)
    expect(calls.slice(18)).toEqual([200, 200, 429, 429])
    await scene.end()
  }, 60_000)
})
