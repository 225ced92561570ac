import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createClient } from '../../src/api/client.ts'
import { idleLimitMs, sessionLimitMs } from '../../src/controller/access/console-sessions.ts'
import { pendingLimitMs } from '../../src/controller/access/pending-sign-ins.ts'
import { Browser } from './browser.ts'
import { type AccessScene, documentOf, setAccessScene } from './scene.ts'

/** With a real identity provider (oidc-provider) and the real stores. */
describe('sign-in with OpenID Connect', () => {
  let scene: AccessScene

  beforeAll(async () => {
    scene = await setAccessScene()
  }, 60_000)
  afterAll(() => scene?.end())
  beforeEach(() => {
    const person = { sub: 'ann', email: 'ann@example.com', email_verified: true }
    scene.provider.person = { ...person, groups: ['oncall'] }
  })

  const api = (path: string) => `${scene.url}/api/v1/${path}`
  const isCallback = (place: string) => place.includes('/sign-in/callback')
  const signIn = async (browser: Browser, to = '/') =>
    browser.follow(`${scene.url}/sign-in?to=${encodeURIComponent(to)}`)
  const sessionOf = async (browser: Browser) => {
    const answer = await browser.get(api('session'))
    return answer.status === 200 ? answer.json() : answer.status
  }
  const problemAt = (places: readonly string[]) =>
    new URL(places.at(-1) ?? '').searchParams.get('signInProblem')

  it('brings a person back to the page, with the roles that the rules give', async () => {
    const browser = new Browser()
    const places = await signIn(browser, '/groups/fraud/objects?kind=model')
    const asked = new URL(places.find((place) => place.startsWith(scene.provider.issuer)) ?? '')
    expect(Object.fromEntries(asked.searchParams)).toMatchObject({
      ...{ response_type: 'code', code_challenge_method: 'S256' },
      ...{ state: expect.stringMatching(/.{40}/), nonce: expect.stringMatching(/.{40}/) },
    })
    expect(places.at(-1)).toBe(`${scene.url}/groups/fraud/objects?kind=model`)
    expect(await sessionOf(browser)).toEqual({
      ...{ name: 'ann@example.com', via: 'sign-in', roles: { fraud: 'operator' } },
    })
    expect((await browser.get(api('status'))).status).toBe(200)
    expect((await browser.post(api('groups/fraud/sync'))).status).toBe(202)
    expect((await browser.post(api('groups/fraud/tokens'))).status).toBe(403)
    expect(scene.controller.evidence.entries).toContainEqual(
      expect.objectContaining({ actor: 'ann@example.com', action: 'session.signed-in' }),
    )
  })

  it('knows somebody without a role, and lets him do nothing', async () => {
    scene.provider.person.groups = ['elsewhere']
    const browser = new Browser()
    await signIn(browser)
    expect(await sessionOf(browser)).toMatchObject({ name: 'ann@example.com', roles: {} })
    expect((await browser.get(api('status'))).status).toBe(403)
  })

  it('believes an address only when the provider has verified it', async () => {
    Object.assign(scene.provider.person, { sub: 'eve', email: 'boss@example.com' })
    scene.provider.person.email_verified = false
    const eve = new Browser()
    await signIn(eve)
    expect(await sessionOf(eve)).toMatchObject({ roles: { fraud: 'operator' } })
    Object.assign(scene.provider.person, { sub: 'boss', email_verified: true })
    const boss = new Browser()
    await signIn(boss)
    expect(await sessionOf(boss)).toMatchObject({ roles: { fraud: 'admin' } })
  })

  it('gives a session that was not there before, and ends the one that was (fixation)', async () => {
    const browser = new Browser()
    browser.cookies.set(`${scene.url} holdfast-session`, 'chosen-by-somebody-else')
    await signIn(browser)
    const first = browser.cookie('holdfast-session') ?? ''
    expect(first).not.toBe('chosen-by-somebody-else')
    await signIn(browser)
    expect(browser.cookie('holdfast-session')).not.toBe(first)
    for (const old of [first, 'chosen-by-somebody-else']) {
      const other = new Browser()
      other.cookies.set(`${scene.url} holdfast-session`, old)
      expect(await sessionOf(other)).toBe(401)
    }
  })

  it('sets cookies that scripts and other sites do not get', async () => {
    const browser = new Browser()
    const places = await browser.follow(`${scene.url}/sign-in`, isCallback)
    const answer = await browser.get(places.at(-1) ?? '')
    const [cleared, session] = answer.headers.getSetCookie()
    expect(cleared).toMatch(/^holdfast-sign-in=; .*HttpOnly; SameSite=Lax; Max-Age=0$/)
    expect(session).toMatch(/^holdfast-session=.{43}; Path=\/; HttpOnly; SameSite=Strict; /)
    const { rows } = await scene.database.pool.query('select * from console_session')
    expect(JSON.stringify(rows)).not.toContain(browser.cookie('holdfast-session'))
  })

  it('takes an answer of the provider once, from the browser that asked', async () => {
    const browser = new Browser()
    const places = await browser.follow(`${scene.url}/sign-in`, isCallback)
    const callback = places.at(-1) ?? ''
    const pending = browser.cookie('holdfast-sign-in') ?? ''
    expect(problemAt(await new Browser().follow(callback))).toBe('sign-in.over')

    const other = new Browser()
    await other.follow(`${scene.url}/sign-in`, isCallback)
    expect(problemAt(await other.follow(callback))).toBe('sign-in.refused')
    expect(await sessionOf(other)).toBe(401)

    await browser.follow(callback)
    expect(await sessionOf(browser)).toMatchObject({ name: 'ann@example.com' })
    const replay = new Browser()
    replay.cookies.set(`${scene.url} holdfast-sign-in`, pending)
    expect(problemAt(await replay.follow(callback))).toBe('sign-in.over')
    expect(await sessionOf(replay)).toBe(401)
  })

  it('refuses a code that is not ours, an error of the provider, and an answer that is late', async () => {
    const bad = [
      (url: URL) => url.searchParams.set('code', 'made-up'),
      (url: URL) => url.searchParams.set('state', 'made-up'),
      (url: URL) => url.searchParams.delete('state'),
      (url: URL) => url.searchParams.set('iss', 'https://elsewhere.example'),
      (url: URL) => {
        url.searchParams.delete('code')
        url.searchParams.set('error', 'access_denied')
      },
    ]
    for (const spoil of bad) {
      const browser = new Browser()
      const places = await browser.follow(`${scene.url}/sign-in`, isCallback)
      const callback = new URL(places.at(-1) ?? '')
      spoil(callback)
      expect(problemAt(await browser.follow(callback.href))).toBe('sign-in.refused')
      expect(await sessionOf(browser)).toBe(401)
    }
    const late = new Browser()
    const places = await late.follow(`${scene.url}/sign-in`, isCallback)
    scene.pass(pendingLimitMs + 1)
    expect(problemAt(await late.follow(places.at(-1) ?? ''))).toBe('sign-in.over')
  })

  it('leads nowhere but to its own pages afterwards', async () => {
    const tried = [
      ...['https://evil.example/', '//evil.example', '/\\evil.example', '\\\\evil.example'],
      ...['/.//evil.example', '/%2e//evil.example', '/\t/evil.example', 'javascript:alert(1)'],
      ...['/..//evil.example', 'http:evil.example', ' //evil.example', '/@evil.example'],
    ]
    for (const to of tried) {
      const places = await signIn(new Browser(), to)
      expect(new URL(places.at(-1) ?? '').origin, to).toBe(scene.url)
    }
  })

  it('ends a session that is idle, or old, or signed out', async () => {
    const idle = new Browser()
    await signIn(idle)
    scene.pass(idleLimitMs + 1000)
    expect(await sessionOf(idle)).toBe(401)

    const busy = new Browser()
    await signIn(busy)
    for (let ms = 0; ms + idleLimitMs / 2 < sessionLimitMs; ms += idleLimitMs / 2) {
      expect(await sessionOf(busy)).toMatchObject({ name: 'ann@example.com' })
      scene.pass(idleLimitMs / 2)
    }
    scene.pass(idleLimitMs / 2)
    expect(await sessionOf(busy)).toBe(401)

    const leaving = new Browser()
    await signIn(leaving)
    const cookie = leaving.cookie('holdfast-session') ?? ''
    const answer = await leaving.post(api('session/end'))
    expect((await documentOf(answer)).url).toMatch(`${scene.provider.issuer}/session/end`)
    expect(leaving.cookie('holdfast-session')).toBeUndefined()
    leaving.cookies.set(`${scene.url} holdfast-session`, cookie)
    expect(await sessionOf(leaving)).toBe(401)
  })

  it('changes nothing for a page of somebody else (CSRF)', async () => {
    const browser = new Browser()
    await signIn(browser)
    const foreign: Record<string, string>[] = [
      {},
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: scene.url.replace(/\d+$/, '1') },
    ]
    for (const headers of foreign) {
      const answer = await browser.post(api('groups/fraud/failover'), headers)
      expect([answer.status, (await documentOf(answer)).code]).toEqual([
        403,
        'request.wrong-origin',
      ])
    }
    expect(scene.controller.started.map(({ type }) => type)).not.toContain('failover')
    expect((await browser.post(api('session/end'), {})).status).toBe(403)
    expect(await sessionOf(browser)).toMatchObject({ name: 'ann@example.com' })
  })

  it('opens a one-time link once, and not for long', async () => {
    const link = await createClient(scene).consoleLink()
    const browser = new Browser()
    await browser.follow(link)
    expect(await sessionOf(browser)).toMatchObject({ name: 'local', via: 'link' })
    const second = new Browser()
    expect((await second.get(link)).status).toBe(401)
    expect(await sessionOf(second)).toBe(401)
    const asPage = await second.get(link, { accept: 'text/html' })
    expect([asPage.status, asPage.headers.get('location'), asPage.headers.getSetCookie()]).toEqual([
      303,
      '/?signInProblem=sign-in.link-over',
      [],
    ])
    const old = await createClient(scene).consoleLink()
    scene.pass(10 * 60_000 + 1)
    expect((await second.get(old)).status).toBe(401)
  })
})

describe('while the identity provider is away', () => {
  it('says so, and the keys of the state directory still work', async () => {
    const scene = await setAccessScene()
    await scene.provider.close()
    const answer = await fetch(`${scene.url}/sign-in`, { redirect: 'manual' })
    expect([answer.status, (await documentOf(answer)).code]).toEqual([
      503,
      'sign-in.provider-unreachable',
    ])
    expect(await createClient(scene).session()).toMatchObject({ name: 'local' })
    await scene.end()
  }, 60_000)
})
