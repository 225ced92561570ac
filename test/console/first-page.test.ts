import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient } from '../../src/api/client.ts'
import {
  createProtectedPair,
  type ProtectedPair,
  type RegionPair,
  startRegionPair,
} from '../faults/protected-pair.ts'
import { chromium, launchBrowser, noChromium } from './browser.ts'

if (chromium === undefined) console.error(noChromium)

/** A real browser, a real controller, two real regions of which one dies. */
describe.skipIf(chromium === undefined)('the first page of the console', () => {
  let folder: string
  let pair: RegionPair
  let group: ProtectedPair
  let browser: Browser
  let page: Page
  const failures: string[] = []

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-console-'))
    pair = await startRegionPair(folder)
    group = await createProtectedPair(pair, 'fraud')
    const ready = await pair.processes.start('controller', [
      ...['controller', '--plan', group.planFile, '--state', group.stateDir],
      ...['--listen', '127.0.0.1:0', '--sync-every', '1s', '--probe-every', '300ms'],
      ...['--exit-with-parent', '--json'],
    ])
    browser = await launchBrowser()
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
    page.on('pageerror', (error) => failures.push(error.message))
    page.on('console', (message) => message.type() === 'error' && failures.push(message.text()))
    await page.goto(String(ready.console))
  }, 120_000)

  afterAll(async () => {
    await browser?.close()
    await group?.stopGateway()
    await pair?.processes.stopAll()
    rmSync(folder, { recursive: true, force: true })
  })

  const client = () =>
    createClient(JSON.parse(readFileSync(join(group.stateDir, 'controller.json'), 'utf8')))
  const seen = (testId: string, text: string | RegExp) =>
    page.getByTestId(testId).getByText(text).first().waitFor({ timeout: 60_000 })

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
  }, 120_000)

  it('has no accessibility violation, in light and in dark', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      expect(await violations(page)).toEqual([])
    }
  }, 60_000)

  it('shows the outage, then each step of the failover, without a reload', async () => {
    await page.evaluate(() => Object.assign(globalThis, { notReloaded: true }))
    await pair.processes.cutPower('east')
    await seen('health-east', /unreachable/)
    await seen('verdict', /has not answered/)
    await client().start('fraud', 'failover')
    await page.getByText('Lead requests to the target').first().waitFor({ timeout: 60_000 })
    await seen('epoch', 'epoch 2')
    await seen('member-west', 'primary')
    await seen('protection', 'unprotected')
    expect(await page.evaluate(() => 'notReloaded' in globalThis)).toBe(true)
    expect(await violations(page)).toEqual([])
    expect(failures).toEqual([])
  }, 120_000)
})

async function violations(page: Page): Promise<unknown[]> {
  // Evaluated and not added as a script element, which the page's own policy refuses.
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  await page.evaluate(axe)
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> }
    }
    return (await axe.run()).violations
  })
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}
