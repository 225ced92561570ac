import { resolve } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ControllerService } from '../../src/controller/service.ts'
import { type AccessScene, setAccessScene } from '../access/scene.ts'
import { violations } from './accessibility.ts'
import { chromium, launchBrowser, noChromium } from './browser.ts'

if (chromium === undefined) console.error(noChromium)

const consoleDir = resolve(import.meta.dirname, '..', '..', 'dist', 'web')
const at = '2026-01-01T00:00:00.000Z'
/** Whoever names something may name it like this. */
const evil = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`
const side = (member: string) => ({
  ...{ member, state: 'present' as const, error: null, modifiedAt: at },
})
const summary = {
  ...{ run: 'r1', experiment: evil, name: evil, status: 'Completed', parent: null },
  ...{ startedAt: at, modifiedAt: at },
}
const field = { path: `tags.${evil}`, mark: 'different' as const, source: evil, target: evil }
const named: Partial<ControllerService> = {
  objects: async () => ({
    cursor: null,
    items: [
      {
        ...{ object: `model/${encodeURIComponent(evil)}/1`, kind: 'model', state: 'failed' },
        ...{ sourceDigest: null, targetDigest: null, bytes: 1, at },
        error: { code: 'x', message: evil },
      },
    ],
  }),
  object: async (_group, object) => ({
    ...{ object, kind: 'model', strategy: 'hot-warm', row: null, verdict: 'different' },
    ...{ source: side('east'), target: side('west'), fields: [field], readAt: at },
  }),
  runs: async () => ({ member: 'east', items: [summary], cursor: null }),
  compareRun: async (_group, run) => ({
    ...{ run, summary, source: side('east'), target: side('west'), verdict: 'different' },
    ...{ fields: [field], metrics: [], readAt: at },
  }),
}

/** A real browser, a real identity provider, the console as it is built. */
describe.skipIf(chromium === undefined)('the console and who may use it', () => {
  let scene: AccessScene
  let browser: Browser
  let context: BrowserContext
  let page: Page

  beforeAll(async () => {
    scene = await setAccessScene({ consoleDir }, named)
    browser = await launchBrowser()
    context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
    page = await context.newPage()
  }, 90_000)
  afterAll(async () => {
    await browser?.close()
    await scene?.end()
  })

  it('asks a stranger to sign in, and brings the person back to the same page', async () => {
    scene.provider.person.groups = ['staff']
    await page.goto(`${scene.url}/groups/fraud/objects?kind=model`)
    await page.getByTestId('sign-in').waitFor({ timeout: 30_000 })
    expect(await violations(page)).toEqual([])
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.waitForURL(`${scene.url}/groups/fraud/objects?kind=model`, { timeout: 30_000 })
    await page.getByTestId('who').getByText('ann@example.com · viewer').waitFor()
    await page.getByRole('heading', { level: 1 }).waitFor()
    expect(await violations(page)).toEqual([])
  }, 90_000)

  it('shows a viewer what can be done, and why not by them, with the keyboard alone', async () => {
    await page.goto(`${scene.url}/groups/fraud/start/sync`)
    const start = page.getByRole('button', { name: 'Synchronise', exact: true })
    await expect.poll(() => start.getAttribute('aria-disabled'), { timeout: 30_000 }).toBe('true')
    expect(await start.getAttribute('title')).toContain("'operator'")
    expect(await violations(page)).toEqual([])
    await start.focus()
    expect(await page.evaluate('document.activeElement.title')).toContain("'operator'")
    await page.getByRole('tooltip').getByText("'operator'").waitFor()
    await page.keyboard.press('Enter')
    await start.click({ force: true })
    await page.getByTestId('why-not').waitFor()
    expect(scene.controller.started).toEqual([])
  }, 60_000)

  it('runs nothing that stands in a name', async () => {
    const refused: string[] = []
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) refused.push(message.text())
    })
    const pages = ['objects', `object?id=${encodeURIComponent('model/x/1')}`, 'runs', 'run?id=r1']
    for (const path of pages) {
      await page.goto(`${scene.url}/groups/fraud/${path}`)
      await page.getByText('<img src=x').first().waitFor({ timeout: 30_000 })
      expect(await page.title()).not.toBe('owned')
      expect(await page.locator('img').count()).toBe(0)
    }
    // Had markup come through, this would have stopped it; that nothing was stopped says none did.
    expect(refused).toEqual([])
    await page.evaluate(
      `const it = document.createElement('script'); it.text = "document.title='owned'"; document.body.append(it)`,
    )
    expect(await page.title()).not.toBe('owned')
    await expect.poll(() => refused.length).toBeGreaterThan(0)
  }, 90_000)

  it('signs out, and shows nothing any more', async () => {
    await page.goto(scene.url)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL(/session\/end/)
    await page.goto(`${scene.url}/groups/fraud`)
    await page.getByTestId('sign-in').waitFor({ timeout: 30_000 })
  }, 60_000)

  it('tells somebody without a role so', async () => {
    Object.assign(scene.provider.person, { sub: 'bob', email: 'bob@example.com', groups: [] })
    const other = await (await browser.newContext()).newPage()
    await other.goto(`${scene.url}/sign-in`)
    await other.getByTestId('no-role').getByText('bob@example.com').waitFor({ timeout: 30_000 })
  }, 60_000)
})
