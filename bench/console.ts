import type { Browser } from 'playwright-core'
import { chromium, launchBrowser, noChromium } from '../test/console/browser.ts'
import type { Bench, BenchContext, Figure } from './bench.ts'
import { measureFirstPage, measureShifts } from './console-pages.ts'
import { measureFilters, measureScrolling } from './console-scroll.ts'
import { type ConsoleStage, setConsoleStage } from './console-stage.ts'
import { fillLedger } from './ledger-fill.ts'

/** A real controller with a large ledger, looked at with a real browser. */
export const consolePages: Bench = {
  name: 'console',
  what: 'the console in a headless Chromium: first paint, script, layout shift, a ledger that scrolls',
  async run(context) {
    if (chromium === undefined) throw new Error(noChromium)
    const rows = context.full ? 1_000_000 : 20_000
    const direction = { group: 'bench', source: 'east', target: 'west' }
    context.note(`two regions, and ${rows} rows in the ledger`)
    const stage = await setConsoleStage(context.dir, (stateDir) =>
      fillLedger(stateDir, direction, rows, context.note),
    )
    const browser = await launchBrowser()
    try {
      return await measure(stage, browser, context)
    } finally {
      await browser.close()
      await stage.end()
    }
  },
}

async function measure(
  stage: ConsoleStage,
  browser: Browser,
  { note }: BenchContext,
): Promise<Figure[]> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
  const page = await context.newPage()
  await page.goto(await stage.api.consoleLink())
  await page.getByTestId('lag').waitFor({ timeout: 60_000 })
  note('the first page, from a cold cache')
  const first = await measureFirstPage(browser, await context.storageState(), page.url())
  note('every page: does anything move that was already there')
  const shifts = await measureShifts(page, stage.api)
  note('the list of objects, scrolled')
  const scrolling = await measureScrolling(page, browser)
  note('the list of objects, filtered')
  const filters = await measureFilters(page)
  const memory = stage.controller()
  const uses: Figure[] =
    memory === undefined
      ? []
      : [{ what: 'memory of the controller, peak', value: memory.peakMb, unit: 'MB' }]
  return [...first, ...shifts, ...scrolling, ...filters, ...uses]
}
