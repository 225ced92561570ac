import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { violations } from './accessibility.ts'
import { chromium, launchBrowser, noChromium } from './browser.ts'
import { beginStory, type Story } from './story.ts'

if (chromium === undefined) console.error(noChromium)

/** A real browser, a real controller, two real regions of which one dies. */
describe.skipIf(chromium === undefined)('the console before, during and after an outage', () => {
  let story: Story
  let browser: Browser
  let page: Page
  const failures: string[] = []
  /** Every script and style the first page needs, as it would come compressed. */
  let origin: string

  beforeAll(async () => {
    story = await beginStory()
    browser = await launchBrowser()
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
    page.on('pageerror', (error) => failures.push(error.message))
    page.on('console', (message) => message.type() === 'error' && failures.push(message.text()))
    await page.goto(await story.consoleLink())
    origin = new URL(page.url()).origin
  }, 120_000)

  afterAll(async () => {
    await browser?.close()
    await story?.end()
  })

  const seen = (testId: string, text: string | RegExp) =>
    page.getByTestId(testId).getByText(text).first().waitFor({ timeout: 60_000 })
  const pageOf = (name: string) =>
    page.getByRole('navigation').getByRole('link', { name, exact: true })
  const accessible = async (scheme: 'light' | 'dark' = 'light') => {
    await page.emulateMedia({ colorScheme: scheme })
    expect(await violations(page)).toEqual([])
  }

  it('signs in by the link, and keeps its code out of the address', () => {
    expect(new URL(page.url()).search).toBe('')
  })

  it('shows both regions, their roles, and what is proven as passes go on', async () => {
    await seen('member-east', 'primary')
    await seen('member-west', 'secondary')
    await seen('health-east', /healthy/)
    await seen('protection', 'protected')
    const model = page.locator('[data-kind="model"] td')
    await expect
      .poll(() => model.allInnerTexts(), { timeout: 60_000 })
      .toEqual(['model', '1', '1', '0', '0', '0', '0 B'])
    await expect.poll(() => page.getByTestId('lag').textContent()).toMatch(/\d/)
    await accessible('dark')
    await accessible('light')
  }, 120_000)

  it('goes from a count to the objects it counts, and keeps the filter in the address', async () => {
    await page.locator('[data-kind="model"] a').first().click()
    await page.waitForURL(/objects\?kind=model$/)
    await page.locator('[data-row="model/fraud-classifier/1"]').waitFor()
    await page.getByLabel('Name holds').fill('FRAUD')
    await page.waitForURL(/name=FRAUD/)
    await page.reload()
    await page.locator('[data-row="model/fraud-classifier/1"]').waitFor()
    expect(await page.locator('[data-row]').count()).toBe(1)
    await accessible('dark')
    await accessible('light')
    await page.getByLabel('Name holds').fill('nothing of this name')
    await page.getByTestId('empty').waitFor()
  }, 60_000)

  it('compares both regions when the plan is opened', async () => {
    await pageOf('Plan').click()
    await page.getByText(/compared 20/).waitFor({ timeout: 60_000 })
    await accessible()
  }, 90_000)

  it('lists the open job that a failover would move', async () => {
    await pageOf('Jobs').click()
    await page.locator('[data-testid="job-train"][data-decision="open"]').waitFor()
    await accessible()
  })

  it('is steered by keyboard alone', async () => {
    await page.keyboard.press('g')
    await page.keyboard.press('o')
    await page.waitForURL(`${origin}/`)
    await page.keyboard.press('Control+k')
    await page.getByPlaceholder(/Go to a page/).fill('Synchronise')
    await page.keyboard.press('Enter')
    await page.waitForURL(/start\/sync$/)
  }, 60_000)

  it('shows the outage, without a reload', async () => {
    await pageOf('Overview').click()
    await page.evaluate(() => Object.assign(globalThis, { notReloaded: true }))
    await story.pair.processes.cutPower('east')
    await seen('health-east', /unreachable/)
    await seen('verdict', /has not answered/)
    await accessible()
  }, 60_000)

  it('says what a failover would do and cost, and starts it only when its consequence is typed', async () => {
    await page.getByRole('link', { name: 'Fail over…' }).first().click()
    await page.getByTestId('preview').getByText('Lead requests to the target').waitFor()
    await page
      .getByTestId('at-stake')
      .getByText(/1 open job, 1 with checkpoints/)
      .waitFor()
    const start = page.getByRole('button', { name: 'Fail over', exact: true })
    expect(await start.isDisabled()).toBe(true)
    await accessible()
    await page.getByLabel(/to confirm/).fill('fail over to east')
    expect(await start.isDisabled()).toBe(true)
    await page.getByLabel(/to confirm/).fill('fail over to west')
    await start.click()
    await page.waitForURL(/operations\/failover-fraud-e2$/)
  }, 60_000)

  it('shows each step as it goes, then the report, the job that runs again and the history', async () => {
    await page.locator('[data-testid="operation"][data-status="done"]').waitFor({ timeout: 90_000 })
    const report = await page.getByRole('link', { name: 'Open the report' }).getAttribute('href')
    expect((await page.request.get(`${origin}${report}`)).status()).toBe(200)
    await accessible()
    await pageOf('Jobs').click()
    await page.locator('[data-testid="job-train"][data-decision="resubmit"]').waitFor()
    await pageOf('Operations').click()
    await page.locator('[data-operation="failover-fraud-e2"]').waitFor()
    await accessible()
    await pageOf('Overview').click()
    await seen('epoch', 'epoch 2')
    await seen('member-west', 'primary')
    await seen('need-reprotect', /leads alone/)
    await accessible('dark')
    expect(await page.evaluate(() => 'notReloaded' in globalThis)).toBe(true)
    expect(failures).toEqual([])
  }, 120_000)
})
