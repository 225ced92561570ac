import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AccessScene, setAccessScene } from '../access/scene.ts'
import { chromium, launchBrowser, noChromium } from './browser.ts'

if (chromium === undefined) console.error(noChromium)

/** A real browser reads the API's own pages. */
describe.skipIf(chromium === undefined)('the pages of the API', () => {
  let scene: AccessScene
  let browser: Browser
  let page: Page
  const refused: string[] = []
  const elsewhere: string[] = []

  beforeAll(async () => {
    scene = await setAccessScene()
    browser = await launchBrowser()
    page = await browser.newPage()
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) refused.push(message.text())
    })
    page.on('request', (request) => {
      const url = request.url()
      if (!url.startsWith(scene.url) && !url.startsWith('data:')) elsewhere.push(url)
    })
  }, 90_000)
  afterAll(async () => {
    await browser?.close()
    await scene?.end()
  })

  it('give the description to nobody who is not signed in', async () => {
    const answer = page.waitForResponse(`${scene.url}/docs/json`)
    await page.goto(`${scene.url}/docs`)
    expect((await answer).status()).toBe(401)
    await page.getByText('Failed to load API definition').waitFor({ timeout: 30_000 })
  }, 60_000)

  it('open an operation and try it, with nothing from elsewhere and nothing stopped', async () => {
    const link = await fetch(`${scene.url}/api/v1/console-link`, {
      method: 'POST',
      headers: { authorization: `Bearer ${scene.token}` },
    })
    await page.goto(((await link.json()) as { url: string }).url)
    await page.goto(`${scene.url}/docs`)
    await page.getByRole('heading', { name: /Holdfast/ }).waitFor({ timeout: 30_000 })
    await page.locator('#operations-tag-Status').click()
    const status = page.locator('.opblock', { hasText: 'What is true now' })
    await status.getByRole('button').first().click()
    await status.getByRole('button', { name: 'Try it out' }).click()
    await status.getByRole('button', { name: 'Execute' }).click()
    await status.getByText('"effectivePrimary": "east"').first().waitFor({ timeout: 30_000 })
    expect({ refused, elsewhere }).toEqual({ refused: [], elsewhere: [] })
  }, 90_000)

  it('let nobody begin an operation by a click', async () => {
    await page.locator('#operations-tag-Operations').click()
    const failover = page.locator('.opblock', { hasText: 'Start a failover' })
    await failover.getByRole('button').first().click()
    await failover.getByText('Idempotency-Key', { exact: false }).first().waitFor()
    expect(await failover.getByRole('button', { name: 'Try it out' }).count()).toBe(0)
  }, 60_000)
})
