import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Workspace } from '../../src/workspace/workspace.ts'
import { expectAccessible, expectToFitAPhone } from './accessibility.ts'
import { chromium, launchBrowser, noChromium } from './browser.ts'
import { beginStory, type Story } from './story.ts'

if (chromium === undefined) console.error(noChromium)

const model = { kind: 'model', path: ['fraud-classifier', '1'] } as const
const inConflict = 'model/fraud-classifier/1'

/** What a user settles here is read back from the regions and the API, not from the page alone. */
describe.skipIf(chromium === undefined)(
  'pages of readiness, conflicts, drift, drills and what was done',
  () => {
    let story: Story
    let browser: Browser
    let page: Page
    let origin: string
    let west: Workspace
    const failures: string[] = []

    beforeAll(async () => {
      story = await beginStory()
      west = await story.group.openWest()
      browser = await launchBrowser()
      const context = await browser.newContext({
        viewport: { width: 1280, height: 900 },
        permissions: ['clipboard-read', 'clipboard-write'],
      })
      page = await context.newPage()
      page.on('pageerror', (error) => failures.push(error.message))
      await page.goto(await story.consoleLink())
      origin = new URL(page.url()).origin
      await page.getByTestId('protection').getByText('protected').waitFor({ timeout: 60_000 })
      const { body } = (await west.getObject(model)) ?? {}
      const properties = { ...(body?.properties as object), description: 'edited at west' }
      await west.putObject(model, { ...body, properties }, { epoch: 1 })
    }, 180_000)

    afterAll(async () => {
      await west?.close()
      await browser?.close()
      await story?.end()
    })

    const open = (path: string) => page.goto(`${origin}/groups/fraud${path}`)
    const looksRight = async () => {
      await expectAccessible(page)
      await expectToFitAPhone(page)
    }

    it('leads from the alarm of the first page to the conflict', async () => {
      await page.getByTestId('need-conflict').getByRole('link').click({ timeout: 90_000 })
      await page.waitForURL(/conflicts$/)
      await page.getByTestId(`conflict-${inConflict}`).waitFor({ timeout: 30_000 })
    }, 120_000)

    it('names what stands in the way of a failover, and copies the command that mends it', async () => {
      await page.keyboard.press('g')
      await page.keyboard.press('a')
      await page.waitForURL(/readiness$/)
      await page.getByRole('button', { name: 'Check now' }).click()
      const finding = page.getByTestId('finding-unproven')
      await finding.getByText(/1 in conflict/).waitFor({ timeout: 60_000 })
      await finding.getByRole('button', { name: 'Copy holdfast conflicts' }).click()
      await finding.getByText('Copied').waitFor()
      expect(await page.evaluate('navigator.clipboard.readText()')).toBe('holdfast conflicts')
      await looksRight()
    }, 120_000)

    it('says what differs at the secondary, worst first, and who mends it', async () => {
      await open('/drift')
      const edited = page.getByTestId(`drift-${inConflict}`)
      await edited.locator('[data-path="properties.description"]').waitFor({ timeout: 60_000 })
      await edited.getByText('edited at west').waitFor()
      await looksRight()
      await edited.getByRole('link', { name: /decide whose content stands/ }).click()
      await page.waitForURL(/conflicts$/)
    }, 120_000)

    it('shows both sides of a conflict, and decides only when the side is typed', async () => {
      await open('/conflicts')
      const conflict = page.getByTestId(`conflict-${inConflict}`)
      await conflict.getByText('edited at west').waitFor({ timeout: 30_000 })
      await conflict.getByRole('button', { name: 'Keep what east has' }).click()
      const keep = conflict.getByRole('button', { name: 'Keep it' })
      await conflict.getByLabel(/to confirm/).fill('keep west')
      expect(await keep.isDisabled()).toBe(true)
      await conflict.getByText('after “keep” comes “east”').waitFor()
      await looksRight()
      await conflict.getByLabel(/to confirm/).fill('keep east')
      await keep.click()
      await page.getByTestId('empty').waitFor({ timeout: 60_000 })
      const description = async () => {
        const found = await west.getObject(model)
        return (found?.body.properties as { description?: string } | undefined)?.description
      }
      await expect.poll(description, { timeout: 60_000 }).not.toBe('edited at west')
      expect((await story.api.keptContent('fraud')).items[0]?.object).toBe(inConflict)
    }, 180_000)

    it('has no drill yet, starts one, and shows it in calendar, trend and table', async () => {
      await open('/drills')
      await page.getByTestId('empty').getByText('No drill yet').waitFor()
      await looksRight()
      await page.getByRole('link', { name: 'Start a drill…' }).click()
      await page.getByRole('button', { name: 'Drill', exact: true }).click()
      await page.waitForURL(/operations\/drill-/)
      await page
        .locator('[data-testid="operation"][data-status="done"]')
        .waitFor({ timeout: 180_000 })
      const { items } = await story.api.history('fraud', { type: 'drill' })
      await open('/drills')
      await page.locator(`tr[data-operation="${items[0]?.id}"]`).waitFor()
      const day = items[0]?.startedAt.slice(0, 10)
      await page.locator(`a[data-day="${day}"][data-outcome="${items[0]?.outcome}"]`).waitFor()
      await page.getByRole('img', { name: /RTA of 1 drills/ }).waitFor()
      await looksRight()
    }, 300_000)

    it('tells of operations what was measured, of one kind when asked', async () => {
      await page.keyboard.press('g')
      await page.keyboard.press('h')
      await page.waitForURL(/operations$/)
      const drill = page.locator('tr[data-operation^="drill-"]')
      await drill.getByText('/ 15 min').waitFor()
      const report = await drill.getByRole('link', { name: /Report/ }).getAttribute('href')
      expect((await page.request.get(`${origin}${report}`)).status()).toBe(200)
      await looksRight()
      await open('/operations?type=failover')
      await page.getByTestId('empty').waitFor()
    }, 90_000)

    it('lists who did what, narrows it by a click, and says that the chain is whole', async () => {
      await page.keyboard.press('g')
      await page.keyboard.press('u')
      await page.locator('[data-testid="chain"][data-whole]').waitFor({ timeout: 30_000 })
      const drill = (await story.api.history('fraud', { type: 'drill' })).items[0]?.id ?? ''
      const accepted = page.locator('tr[data-action="operation.accepted"]')
      await accepted.getByRole('link', { name: drill }).waitFor()
      await looksRight()
      await accepted.first().getByRole('link', { name: 'operation.accepted' }).click()
      await page.waitForURL(/action=operation\.accepted/)
      await expect
        .poll(() => page.locator('tr[data-seq]:not([data-action="operation.accepted"])').count())
        .toBe(0)
      await page.getByLabel('Actor').fill('nobody of this name')
      await page.getByTestId('empty').waitFor()
      expect(new URL(page.url()).searchParams.get('actor')).toBe('nobody of this name')
    }, 90_000)

    it('pauses decisions for a reason, shows who did, and goes on', async () => {
      await open('/decisions')
      await page.getByLabel(/Pause decisions/).fill('the network is rebuilt')
      await page.getByRole('button', { name: 'Pause', exact: true }).click()
      await page.getByTestId('paused').getByText('the network is rebuilt').waitFor()
      expect((await story.api.status()).groups[0]?.decision.pausedFor).toBe(
        'the network is rebuilt',
      )
      await page.locator('tr[data-action="pause"]').getByText('the network is rebuilt').waitFor()
      await looksRight()
      await page.getByRole('button', { name: 'Go on deciding' }).click()
      await page.getByLabel(/Pause decisions/).waitFor()
      expect(failures).toEqual([])
    }, 90_000)
  },
)
