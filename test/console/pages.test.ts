import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ScoringTraffic } from '../../src/cli/demo/traffic.ts'
import { scoringPayload } from '../../src/cli/demo/workspace-calls.ts'
import type { Run, Workspace } from '../../src/workspace/workspace.ts'
import { expectAccessible, expectToFitAPhone } from './accessibility.ts'
import { chromium, launchBrowser, noChromium } from './browser.ts'
import { beginStory, type Story } from './story.ts'

if (chromium === undefined) console.error(noChromium)

const model = { kind: 'model', path: ['fraud-classifier', '1'] } as const
const manyRuns = 450

/** Two real regions, whose controller passes once and then only when it is asked. */
describe.skipIf(chromium === undefined)('what is done on the pages of a group', () => {
  let story: Story
  let browser: Browser
  let page: Page
  let origin: string
  let east: Workspace

  beforeAll(async () => {
    story = await beginStory('fraud', '', ['--sync-every', '1h'])
    east = await story.group.openEast()
    browser = await launchBrowser()
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
    await page.goto(await story.consoleLink())
    origin = new URL(page.url()).origin
    await page.getByTestId('protection').getByText('protected').waitFor({ timeout: 60_000 })
  }, 180_000)

  afterAll(async () => {
    await east?.close()
    await browser?.close()
    await story?.end()
  })

  const open = (path: string) => page.goto(`${origin}/groups/fraud${path}`)
  const looksRight = async () => {
    await expectAccessible(page)
    await expectToFitAPhone(page)
  }
  const synced = async () => {
    const { id } = await story.api.start('fraud', 'sync')
    await expect
      .poll(async () => (await story.api.operation(id)).outcome, { timeout: 120_000 })
      .toBe('complete')
  }

  it('offers the procedures of a group, and says of one that is not needed why', async () => {
    await open('')
    const reprotect = page.getByRole('link', { name: 'Re-protect…' })
    await reprotect.hover()
    const reason = page.getByText('east is protected already.')
    await reason.waitFor()
    await page.mouse.move(640, 5)
    await reason.waitFor({ state: 'hidden' })
    await looksRight()
    await page.getByRole('link', { name: 'Switch over…' }).click()
    await page.waitForURL(/start\/switchover$/)
    await page
      .getByTestId('preview')
      .getByText('Lead requests to the target')
      .waitFor({ timeout: 60_000 })
  }, 120_000)

  it('shows what a sync would change, field by field, and leads to it', async () => {
    await open('/plan')
    await page.getByText(/^east → west, compared/).waitFor({ timeout: 60_000 })
    const { body } = (await east.getObject(model)) ?? {}
    const properties = { ...(body?.properties as object), description: 'reviewed in the plan' }
    await east.putObject(model, { ...body, properties }, { epoch: 1 })
    await page.getByRole('button', { name: 'Compare again' }).click()
    const row = page.locator('[data-object="model/fraud-classifier/1"]')
    await row.getByText('update', { exact: true }).waitFor({ timeout: 60_000 })
    await row.getByText('reviewed in the plan').waitFor()
    await page.getByText(/^update \d+/).click()
    await expect.poll(() => page.locator('[data-object]').count()).toBe(1)
    await looksRight()
    await page.getByRole('link', { name: 'Synchronise…' }).click()
    await page.getByRole('button', { name: 'Synchronise', exact: true }).click()
    await page.locator('[data-testid="operation"][data-status="done"]').waitFor({ timeout: 90_000 })
    const west = await story.group.openWest()
    const copy = (await west.getObject(model))?.body.properties as { description?: string }
    await west.close()
    expect(copy.description).toBe('reviewed in the plan')
  }, 240_000)

  it('reaches the last of many objects with a key, and says how many there are', async () => {
    await writeRuns(east)
    await synced()
    await open('/objects?kind=run')
    const count = page.getByTestId('row-count').getByText(/^\d+ in all$/)
    await count.waitFor({ timeout: 60_000 })
    expect(Number.parseInt((await count.textContent()) ?? '', 10)).toBeGreaterThanOrEqual(manyRuns)
    expect(await page.locator('[data-row]').count()).toBeLessThan(150)
    await page.getByRole('region', { name: 'objects' }).focus()
    await page.keyboard.press('End')
    await page.locator(`[data-row="run/z-many-${manyRuns - 1}"]`).waitFor({ timeout: 30_000 })
    await page.keyboard.press('Home')
    await page.locator('[data-index="0"]').waitFor()
    await looksRight()
  }, 240_000)

  it('cuts a region off where the outage is then seen, and brings it back', async () => {
    await page.goto(origin)
    const outage = page.getByRole('group', { name: 'outage' })
    await outage.getByRole('button', { name: 'Cut off west' }).click()
    await page
      .getByTestId('health-west')
      .getByText(/unreachable/)
      .waitFor({ timeout: 60_000 })
    await looksRight()
    await outage.getByRole('button', { name: 'End the outage of west' }).click()
    await page
      .getByTestId('health-west')
      .getByText(/healthy/)
      .waitFor({ timeout: 60_000 })
  }, 180_000)

  it('lets go of its stream while nobody sees the tab, and takes it up again', async () => {
    const tab = await browser.newPage()
    await tab.clock.install()
    const streams: string[] = []
    const isStream = (url: string) => url.endsWith('/events')
    tab.on('request', (request) => isStream(request.url()) && streams.push('opened'))
    tab.on('requestfailed', (request) => isStream(request.url()) && streams.push('closed'))
    await tab.goto(await story.consoleLink())
    await tab.getByTestId('lag').waitFor({ timeout: 30_000 })
    const see = (hidden: boolean) =>
      tab.evaluate(`Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true })
        document.dispatchEvent(new Event('visibilitychange'))`)
    await see(true)
    await tab.clock.runFor(20_000)
    expect(streams).toEqual(['opened'])
    await tab.clock.runFor(20_000)
    await expect.poll(() => streams, { timeout: 20_000 }).toEqual(['opened', 'closed'])
    await see(false)
    await expect.poll(() => streams, { timeout: 20_000 }).toEqual(['opened', 'closed', 'opened'])
    await tab.close()
  }, 120_000)

  it('shows a switch while it happens: whom endpoints lead to, every request, no error', async () => {
    const keys = await east.readSecrets({ kind: 'online-endpoint', path: ['fraud-scoring'] })
    const { items } = await story.api.endpoints('fraud')
    const address = items.find(({ name }) => name === 'gateway scoring')?.address ?? ''
    const traffic = new ScoringTraffic(
      ...([`${new URL(address).origin}/endpoints/fraud-scoring/score`] as const),
      ...([String(keys?.reveal().primaryKey), scoringPayload] as const),
    )
    traffic.start(20)
    try {
      await open('/endpoints')
      const card = page.getByTestId('endpoint-gateway scoring')
      const requests = async () =>
        Number((await card.locator('tr[data-counter] td').nth(1).textContent())?.replace(/\D/g, ''))
      await card.getByText('→ east').waitFor({ timeout: 30_000 })
      await expect.poll(requests, { timeout: 60_000 }).toBeGreaterThan(20)
      await page.evaluate(() => Object.assign(globalThis, { notReloaded: true }))
      const before = await requests()
      await story.api.start('fraud', 'switchover')
      await card.getByText('→ west').waitFor({ timeout: 120_000 })
      await card.locator('tr[data-counter]').getByText(/^west/).waitFor({ timeout: 60_000 })
      expect(await requests()).toBeGreaterThan(before)
      expect(await card.locator('tr[data-counter] td').nth(2).textContent()).toBe('0')
      expect(await page.evaluate(() => 'notReloaded' in globalThis)).toBe(true)
      await looksRight()
    } finally {
      await traffic.stop()
    }
  }, 300_000)
})

async function writeRuns(east: Workspace): Promise<void> {
  const experimentName = 'many'
  await east.putExperiment({ name: experimentName, archived: false, tags: {} }, { epoch: 1 })
  const at = '2026-03-02T09:00:00.000Z'
  const runs = Array.from({ length: manyRuns }, (_, i): Run => {
    const body = { displayName: `one of many ${i}`, startTimeUtc: at, endTimeUtc: at }
    const runId = `z-many-${String(i).padStart(3, '0')}`
    return { runId, experimentName, status: 'Completed', modifiedAt: at, body }
  })
  for (let from = 0; from < manyRuns; from += 100)
    await east.putRuns(experimentName, runs.slice(from, from + 100), { epoch: 1 })
}
