import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectAccessible, expectToFitAPhone } from './accessibility.ts'
import { chromium, launchBrowser, noChromium } from './browser.ts'
import { beginStory, type Story } from './story.ts'

if (chromium === undefined) console.error(noChromium)

const steps = `
runbooks:
  switchover:
    - { before: quiesce-source, id: desk, wait: Confirm with the fraud desk, expires: 15m }
    - { before: quiesce-source, id: notice, command: ["false"], timeout: 10s }
    - { before: quiesce-source, id: go, wait: Is the team ready, expires: 15m }
`

/** A run that waits for people, fails and is given up; each is done on the page and read from the API. */
describe.skipIf(chromium === undefined)('what people do to an operation in the console', () => {
  let story: Story
  let browser: Browser
  let page: Page
  let id: string

  beforeAll(async () => {
    story = await beginStory('fraud', steps)
    browser = await launchBrowser()
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
    await page.goto(await story.consoleLink())
    await page.getByTestId('protection').getByText('protected').waitFor({ timeout: 60_000 })
  }, 180_000)

  afterAll(async () => {
    await browser?.close()
    await story?.end()
  })

  const waitsAt = (step: string) =>
    page.locator(`[data-testid="waiting"][data-step="${step}"]`).waitFor({ timeout: 60_000 })
  const isAt = (status: string) =>
    page.locator(`[data-testid="operation"][data-status="${status}"]`).waitFor({ timeout: 90_000 })
  const looksRight = async () => {
    await expectAccessible(page)
    await expectToFitAPhone(page)
  }

  it('asks its question, and notes who confirmed it and what was seen', async () => {
    await page.goto(`${new URL(page.url()).origin}/groups/fraud/start/switchover`)
    await page.getByLabel(/to confirm/).fill('switch over to west')
    await page.getByRole('button', { name: 'Switch over', exact: true }).click()
    await page.waitForURL(/operations\/switchover-/)
    id = decodeURIComponent(new URL(page.url()).pathname.split('/').at(-1) ?? '')
    await waitsAt('desk')
    await page.getByText('Confirm with the fraud desk').first().waitFor()
    await page
      .getByTestId('estimate')
      .getByText(/cannot be estimated/)
      .waitFor()
    expect(await page.getByRole('button', { name: 'Reject' }).isDisabled()).toBe(true)
    await page.getByLabel('What you saw, for the journal').fill('seen with the desk')
    await looksRight()
    await page.getByRole('button', { name: 'Confirm' }).click()
    await isAt('failed')
    expect((await story.api.operation(id)).steps.find((step) => step.id === 'desk')?.status).toBe(
      'done',
    )
  }, 180_000)

  it('leaves out the step that failed only for a reason and a typed phrase, and goes on', async () => {
    await page.getByRole('button', { name: 'Skip notice…' }).click()
    const skip = page.getByRole('button', { name: 'Skip notice', exact: true })
    await page.getByLabel(/to confirm/).fill('skip notice')
    expect(await skip.isDisabled()).toBe(true)
    await page.getByLabel(/Why, for the journal/).fill('the desk knows already')
    await looksRight()
    await skip.click()
    await page.getByRole('button', { name: 'Retry…' }).click()
    await page.getByRole('button', { name: 'Retry', exact: true }).click()
    await waitsAt('go')
    const notice = (await story.api.operation(id)).steps.find((step) => step.id === 'notice')
    expect(notice?.status).toBe('skipped')
  }, 180_000)

  it('aborts before the point of no return, and the group stays where it is', async () => {
    await page.getByRole('button', { name: 'Abort and undo…' }).click()
    await page.getByLabel(/Why, for the journal/).fill('the team is not ready')
    const abort = page.getByRole('button', { name: 'Abort and undo', exact: true })
    expect(await abort.isDisabled()).toBe(true)
    await page.getByLabel(/to confirm/).fill('abort switchover')
    await looksRight()
    await abort.click()
    await expect
      .poll(async () => (await story.api.operation(id)).outcome, { timeout: 90_000 })
      .toBe('aborted')
    await page.getByText('aborted', { exact: true }).first().waitFor({ timeout: 30_000 })
    const [group] = (await story.api.status()).groups
    expect([group?.epoch, group?.effectivePrimary]).toEqual([1, 'east'])
  }, 180_000)
})
