import type { Browser, Page } from 'playwright-core'
import { processUse } from '../src/region/testing/process-use.ts'
import { links } from '../web/src/links.ts'
import type { Figure } from './bench.ts'
import { percentile } from './latency.ts'

const list = 'section[aria-label="objects"]'
const group = 'bench'

interface Scrolled {
  readonly frames: number[]
  readonly longTasks: number[]
  /** Of the tab, for one frame: what other load on the machine does not change. */
  readonly cpuMs: number
}

/** So many pixels further with every frame, as a hand on a wheel does; what each frame took is noted. */
const scroll = (frames: number, pxPerFrame: number) => `new Promise((resolve) => {
  const host = document.querySelector('${list}')
  const longTasks = []
  const watch = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longTasks.push(duration)
  })
  watch.observe({ type: 'longtask' })
  const times = []
  let last
  const frame = (now) => {
    if (last !== undefined) times.push(now - last)
    last = now
    host.scrollTop += ${pxPerFrame}
    if (times.length < ${frames}) requestAnimationFrame(frame)
    else {
      watch.disconnect()
      resolve({ frames: times, longTasks })
    }
  }
  requestAnimationFrame(frame)
})`

export async function measureScrolling(page: Page, browser: Browser): Promise<Figure[]> {
  const total = await openList(page)
  const idle = await scrolled(page, browser, 120, 0)
  const steady = await scrolled(page, browser, 600, 120)
  const flung = await scrolled(page, browser, 300, 3000)
  const jumps: number[] = []
  for (const share of [0.5, 0.9, 0.25, 1]) jumps.push(await jumpTo(page, share))
  const last = await page.evaluate(
    `Math.max(...[...document.querySelectorAll('${list} [data-index]')].map((row) => Number(row.dataset.index)))`,
  )
  return [
    { what: 'rows in the ledger', value: total, unit: 'rows' },
    ...framesOf('nothing moves', idle),
    ...framesOf('scrolled by 120 px a frame', steady),
    ...framesOf('flung, 3,000 px a frame', flung),
    {
      what: 'jump to a place far away until its rows are there, worst of 4',
      unit: 'ms',
      value: Math.max(...jumps),
    },
    { what: 'last row reached', value: Number(last) + 1, unit: 'rows', atLeast: total },
    ...(await memoryOf(page, browser)),
  ]
}

async function scrolled(page: Page, browser: Browser, frames: number, px: number) {
  const tab = await processOf(browser)
  const before = processUse(tab)?.cpuMs ?? Number.NaN
  const seen = (await page.evaluate(scroll(frames, px))) as Omit<Scrolled, 'cpuMs'>
  return { ...seen, cpuMs: ((processUse(tab)?.cpuMs ?? Number.NaN) - before) / frames }
}

/** A screen shows 60 frames a second. */
const frameMs = 1000 / 60

function framesOf(how: string, { frames, longTasks, cpuMs }: Scrolled): Figure[] {
  return [
    {
      what: `${how}: processor time of the tab for a frame`,
      ...{ value: cpuMs, unit: 'ms', atMost: frameMs },
    },
    { what: `${how}: frame, p50`, value: percentile(frames, 0.5), unit: 'ms' },
    { what: `${how}: frame, p99`, value: percentile(frames, 0.99), unit: 'ms' },
    { what: `${how}: frame, worst of ${frames.length}`, value: Math.max(...frames), unit: 'ms' },
    { what: `${how}: longest task`, value: Math.max(0, ...longTasks), unit: 'ms' },
  ]
}

/** The tab that uses most: the one under test. */
async function processOf(browser: Browser): Promise<number> {
  const session = await browser.newBrowserCDPSession()
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  await session.detach()
  const tabs = processInfo.filter(({ type }) => type === 'renderer')
  return tabs.sort((a, b) => b.cpuTime - a.cpuTime)[0]?.id ?? 0
}

async function openList(page: Page): Promise<number> {
  await page.goto(`${new URL(page.url()).origin}${links.objects(group)}`)
  const counted = page.getByTestId('row-count').getByText(/in all/)
  await counted.waitFor({ timeout: 60_000 })
  return Number(((await counted.textContent()) ?? '').replace(/\D/g, ''))
}

async function jumpTo(page: Page, share: number): Promise<number> {
  return (await page.evaluate(`new Promise((resolve) => {
    const host = document.querySelector('${list}')
    host.scrollTop = (host.scrollHeight - host.clientHeight) * ${share}
    const begin = performance.now()
    const look = () => {
      const rows = host.querySelectorAll('.row')
      const isRead = rows.length > 0 && host.querySelector('.unread') === null
      // A frame or two pass until the list knows that it was moved.
      if (isRead && performance.now() - begin > 40) resolve(performance.now() - begin)
      else requestAnimationFrame(look)
    }
    requestAnimationFrame(look)
  })`)) as number
}

async function memoryOf(page: Page, browser: Browser): Promise<Figure[]> {
  const session = await page.context().newCDPSession(page)
  await session.send('HeapProfiler.collectGarbage')
  const { usedSize } = await session.send('Runtime.getHeapUsage')
  await session.detach()
  const nowMb = processUse(await processOf(browser))?.nowMb ?? Number.NaN
  return [
    { what: 'script memory of the tab after all that', value: usedSize / 1e6, unit: 'MB' },
    { what: 'process of the tab', value: nowMb, unit: 'MB' },
  ]
}

/** From the last key to the rows, the pause included in which the page waits for another key. */
export async function measureFilters(page: Page): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const [what, name] of [
    ['many rows', 'part-'],
    ['one row', '-77'],
    ['no row', 'nothing of this name'],
  ] as const) {
    await openList(page)
    const field = page.getByLabel('Name holds')
    await field.fill(name)
    const begin = performance.now()
    await page.waitForURL(/name=/)
    await page
      .locator(`${list} [data-row], [data-testid="empty"]`)
      .first()
      .waitFor({ timeout: 120_000 })
    figures.push({
      what: `filter by a name of ${what}: rows`,
      ...{ value: performance.now() - begin, unit: 'ms' },
    })
  }
  await openList(page)
  await page.getByRole('combobox', { name: 'State' }).click()
  const begin = performance.now()
  await page.getByRole('option', { name: 'failed' }).click()
  await page.waitForURL(/state=failed/)
  await page.locator(`${list} [data-row], [data-testid="empty"]`).first().waitFor()
  figures.push({
    what: 'filter by a state: rows',
    ...{ value: performance.now() - begin, unit: 'ms' },
  })
  return figures
}
