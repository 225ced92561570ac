import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectAccessible, expectToFitAPhone } from './accessibility.ts'
import { chromium, launchBrowser, noChromium } from './browser.ts'
import { beginStory, type Story } from './story.ts'

if (chromium === undefined) console.error(noChromium)

/** What the pages say of a member is compared with what was really written there. */
describe.skipIf(chromium === undefined)('pages that read both regions', () => {
  let story: Story
  let browser: Browser
  let page: Page
  let origin: string

  beforeAll(async () => {
    story = await beginStory()
    browser = await launchBrowser()
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
    await page.goto(await story.consoleLink())
    origin = new URL(page.url()).origin
    await page.getByTestId('protection').getByText('protected').waitFor({ timeout: 60_000 })
  }, 120_000)

  afterAll(async () => {
    await browser?.close()
    await story?.end()
  })

  const open = (path: string) => page.goto(`${origin}/groups/fraud${path}`)
  const verdict = (text: RegExp) =>
    page.getByTestId('verdict-of-sides').getByText(text).waitFor({ timeout: 30_000 })
  const accessible = () => expectAccessible(page)
  const fitsAPhone = () => expectToFitAPhone(page)

  it('marks what is relocated and what is held back, and calls the object equal', async () => {
    await open('/objects?kind=schedule')
    await page.locator('[data-row="schedule/nightly-retrain"]').click()
    await verdict(/equal/)
    await page.locator('[data-mark="held-back"][data-path="properties.isEnabled"]').waitFor()
    await page.locator('[data-mark="relocated"]').first().waitFor()
    expect(await page.locator('[data-mark="different"]').count()).toBe(0)
    await accessible()
    await fitsAPhone()
  }, 90_000)

  it('shows run history as a tree, and the proof that a run is equal', async () => {
    await open('/runs')
    const rows = page.locator('[data-row]')
    await rows.first().waitFor({ timeout: 30_000 })
    // Each experiment is a page of its own; the first row may be there before the second page.
    const names = async () =>
      (await rows.allInnerTexts()).map((text) => text.split('\n')[0]?.trim())
    await expect
      .poll(names, { timeout: 30_000 })
      .toEqual([
        expect.stringMatching(/^train/),
        expect.stringMatching(/^learning rate sweep/),
        expect.stringMatching(/^└ trial 2/),
        expect.stringMatching(/^└ trial 1/),
      ])
    await accessible()
    await page.locator('[data-row="trial-1"]').click()
    await verdict(/equal/)
    await page.locator('[data-testid="metric-loss"][data-equal="true"]').waitFor()
    await page.getByText('east 120 values · west 120 values').first().waitFor()
    await accessible()
    await fitsAPhone()
  }, 90_000)

  it('sees one metric value that only the secondary has', async () => {
    const west = await story.group.openWest()
    const stray = { name: 'loss', schema: 'azureml.v1.scalar', metricId: 'stray', step: 120 }
    const value = { ...stray, createdUtc: '2026-03-02T09:00:00Z', data: { loss: 9 } }
    await west.writeMetrics('trial-2', [value], { epoch: 1 })
    await west.close()
    await open('/run?id=trial-2')
    await verdict(/differ/)
    await page.locator('[data-testid="metric-loss"][data-equal="false"]').waitFor()
    await page.locator('[data-testid="metric-accuracy"][data-equal="true"]').waitFor()
  }, 60_000)

  it('says whom stable endpoints lead to, and what it runs with, without a secret', async () => {
    await open('/endpoints')
    await page.getByTestId('endpoint-gateway scoring').getByText('→ east').waitFor()
    await accessible()
    await fitsAPhone()
    await open('/settings')
    await page.getByRole('cell', { name: 'a person' }).waitFor()
    const answer = await page.request.get(`${origin}/api/v1/groups/fraud/settings`)
    expect(await answer.text()).not.toMatch(/postgres|secret|token|password/i)
    await accessible()
    await fitsAPhone()
  }, 60_000)

  it('draws what each workspace depends on, and says the same in a table', async () => {
    await page.keyboard.press('g')
    await page.keyboard.press('t')
    await page.waitForURL(/topology$/)
    const rows = page.locator('tr[data-dependency]')
    for (const category of ['storage', 'vault', 'compute'])
      await page
        .locator(`tr[data-dependency="${category}"][data-relation="each"]`)
        .first()
        .waitFor({ timeout: 30_000 })
    expect(await rows.count()).toBe((await story.api.topology('fraud')).dependencies.length)
    await page.getByRole('img', { name: /east and west with what they depend on/ }).waitFor()
    await accessible()
    await fitsAPhone()
  }, 60_000)

  it('cuts off a local region and brings it back', async () => {
    await open('/settings')
    await page.getByRole('button', { name: 'Cut off east' }).click()
    await page.locator('[data-testid="outage-east"][data-down="true"]').waitFor()
    await page.goto(origin)
    await page
      .getByTestId('health-east')
      .getByText(/unreachable/)
      .waitFor({ timeout: 30_000 })
    await open('/runs')
    await page.getByTestId('problem').waitFor({ timeout: 30_000 })
    await page.getByRole('button', { name: 'Read them from west' }).click()
    await page.locator('[data-row="trial-1"]').waitFor()
    await open('/topology')
    await page.locator('tr[data-relation="unknown"]').first().waitFor({ timeout: 30_000 })
    await open('/object?id=model%2Ffraud-classifier%2F1')
    await verdict(/Not both/)
    await accessible()
    await open('/settings')
    await page.getByRole('button', { name: 'End the outage of east' }).click()
    await page.goto(origin)
    await page
      .getByTestId('health-east')
      .getByText(/healthy/)
      .waitFor({ timeout: 30_000 })
  }, 120_000)

  it('starts once what is asked for twice with one key', async () => {
    const key = { idempotencyKey: 'a-key-of-this-test' }
    const first = await story.api.start('fraud', 'sync', {}, key)
    expect((await story.api.start('fraud', 'sync', {}, key)).id).toBe(first.id)
    await expect
      .poll(async () => (await story.api.operation(first.id)).outcome, { timeout: 60_000 })
      .not.toBeNull()
    expect((await story.api.start('fraud', 'sync', {}, key)).id).toBe(first.id)
    expect((await story.api.start('fraud', 'sync')).id).not.toBe(first.id)
    const reused = { code: 'request.key-reused' }
    await expect(story.api.start('fraud', 'switchover', {}, key)).rejects.toMatchObject(reused)
    const other = story.api.start('fraud', 'sync', { full: true }, key)
    await expect(other).rejects.toMatchObject(reused)
  }, 90_000)

  it('answers 304 to the same question about the status, until the members were probed again', async () => {
    const ask = async (tag: string) => {
      const url = `${origin}/api/v1/status`
      const answer = await page.request.get(url, { headers: { 'if-none-match': tag } })
      return { status: answer.status(), tag: answer.headers().etag ?? '' }
    }
    // A round of probes, or a pass, may come between the two.
    const twice = async () => (await ask((await ask('')).tag)).status
    await expect.poll(twice, { timeout: 30_000 }).toBe(304)
  }, 60_000)

  it('refuses an id that is none and a member that is no region, as problems', async () => {
    const bad = await page.request.get(`${origin}/api/v1/groups/fraud/objects/nonsense`)
    expect([bad.status(), (await bad.json()).code]).toEqual([400, 'object-id.malformed'])
    await expect(story.api.setOutage('fraud', 'north', true)).rejects.toMatchObject({
      code: 'outage.not-local',
    })
  })
})
