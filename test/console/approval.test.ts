import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startProvider, type TestProvider } from '../access/provider.ts'
import { expectAccessible, expectToFitAPhone } from './accessibility.ts'
import { chromium, launchBrowser, noChromium } from './browser.ts'
import { beginStory, type Story } from './story.ts'

if (chromium === undefined) console.error(noChromium)

const twoPeople = `
runbooks:
  switchover:
    - { before: quiesce-source, id: go, approval: { people: 2, expires: 30m } }
`
const roles = `
rules:
  - { group: fraud, role: approver, claim: groups, is: leads }
  - { group: fraud, role: viewer, claim: groups, is: staff }
`

/** A real identity provider, four people at four browsers, one move that two of them have to agree to. */
describe.skipIf(chromium === undefined)('a move that several people have to agree to', () => {
  let folder: string
  let provider: TestProvider
  let story: Story
  let browser: Browser
  let origin: string
  let ann: Page
  let id: string

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-approval-'))
    const file = (name: string, text: string) => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    provider = await startProvider()
    story = await beginStory('fraud', twoPeople, [
      ...['--oidc-issuer', provider.issuer, '--oidc-client-id', provider.clientId],
      ...['--oidc-client-secret-file', file('secret', provider.clientSecret)],
      ...['--roles', file('roles.yaml', roles)],
    ])
    origin = story.api.url
    provider.serve(`${origin}/sign-in/callback`, `${origin}/`)
    browser = await launchBrowser()
    ann = await arrives('ann', ['leads'], '/')
    await ann.getByTestId('protection').getByText('protected').waitFor({ timeout: 60_000 })
  }, 180_000)

  afterAll(async () => {
    await browser?.close()
    await story?.end()
    await provider?.close()
    if (folder) rmSync(folder, { recursive: true, force: true })
  })

  /** Whoever it is signs in with the provider and is led to the page that was asked for. */
  async function arrives(name: string, groups: string[], to: string): Promise<Page> {
    const email = `${name}@example.com`
    Object.assign(provider.person, { sub: name, email, groups })
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
    const page = await context.newPage()
    await page.goto(`${origin}/sign-in?to=${encodeURIComponent(to)}`)
    await page.getByTestId('who').getByText(email).waitFor({ timeout: 60_000 })
    return page
  }
  const operation = () => `/operations/${encodeURIComponent(id)}`
  const whyNot = (page: Page, text: RegExp) =>
    page.getByTestId('why-no-answer').getByText(text).waitFor({ timeout: 30_000 })

  it('waits, and does not count the one who asked', async () => {
    await ann.goto(`${origin}/groups/fraud/start/switchover`)
    await ann.getByLabel(/to confirm/).fill('switch over to west')
    await ann.getByRole('button', { name: 'Switch over', exact: true }).click()
    await ann.waitForURL(/operations\/switchover-/)
    id = decodeURIComponent(new URL(ann.url()).pathname.split('/').at(-1) ?? '')
    await ann
      .getByText(/0 of 2 people with the role 'approver' have agreed/)
      .waitFor({ timeout: 60_000 })
    await whyNot(ann, /You asked for it/)
    await expectAccessible(ann)
    await expectToFitAPhone(ann)
  }, 120_000)

  it('takes no answer of a viewer, and says which role it needs', async () => {
    const carl = await arrives('carl', ['staff'], operation())
    await whyNot(carl, /needs the role 'approver'/)
    expect(await carl.getByRole('button', { name: 'Approve' }).count()).toBe(0)
    await carl.context().close()
  }, 90_000)

  it('counts each once, shows everybody who agreed and why, and goes on with the second', async () => {
    const bob = await arrives('bob', ['leads'], operation())
    await bob.getByLabel('What you saw, for the journal').fill('the desk is informed')
    await bob.getByRole('button', { name: 'Approve' }).click()
    await whyNot(bob, /You have agreed/)
    // Without a reload, at the browser of the one who waits.
    await ann.getByText(/1 of 2 people/).waitFor({ timeout: 30_000 })
    await ann.getByText(/bob@example\.com agreed .*: the desk is informed/).waitFor()
    expect((await story.api.operation(id)).status).toBe('waiting')
    const dora = await arrives('dora', ['leads'], operation())
    await dora.getByRole('button', { name: 'Approve' }).click()
    await expect
      .poll(async () => (await story.api.operation(id)).outcome, { timeout: 120_000 })
      .toBe('complete')
    await ann.locator('[data-testid="operation"][data-status="done"]').waitFor({ timeout: 30_000 })
    const [group] = (await story.api.status()).groups
    expect([group?.epoch, group?.effectivePrimary]).toEqual([2, 'west'])
  }, 240_000)
})
