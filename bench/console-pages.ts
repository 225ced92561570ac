import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import type { ApiClient } from '../src/api/client.ts'
import { links } from '../web/src/links.ts'
import { destinations } from '../web/src/shell/navigation.ts'
import type { Figure } from './bench.ts'
import { percentile } from './latency.ts'

const samples = 7
const group = 'bench'

interface Painted {
  readonly firstPaintMs: number
  readonly largestPaintMs: number
  /** As it came over the wire. */
  readonly scriptBytes: number
  readonly styleBytes: number
}

/** Asked in the page itself; entries of the time before are buffered by the browser. */
const painted = `new Promise((resolve) => {
  let largest = 0
  new PerformanceObserver((list) => {
    for (const { startTime } of list.getEntries()) largest = Math.max(largest, startTime)
  }).observe({ type: 'largest-contentful-paint', buffered: true })
  const bytes = (ending) => performance.getEntriesByType('resource')
    .filter(({ name }) => new URL(name).pathname.endsWith(ending))
    .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)
  setTimeout(() => resolve({
    firstPaintMs: performance.getEntriesByName('first-contentful-paint')[0].startTime,
    largestPaintMs: largest,
    scriptBytes: bytes('.js'),
    styleBytes: bytes('.css'),
  }), 500)
})`

/** Each time a browser that has nothing of it yet, signed in. */
export async function measureFirstPage(
  browser: Browser,
  storageState: NonNullable<BrowserContextOptions['storageState']>,
  url: string,
): Promise<Figure[]> {
  const all: Painted[] = []
  for (let i = 0; i < samples; i += 1) {
    const context = await browser.newContext({
      ...{ storageState, viewport: { width: 1280, height: 900 } },
    })
    const page = await context.newPage()
    await page.goto(url)
    await page.getByTestId('lag').waitFor({ timeout: 60_000 })
    all.push((await page.evaluate(painted)) as Painted)
    await context.close()
  }
  const of = (pick: (one: Painted) => number) => all.map(pick)
  const paints = of((one) => one.firstPaintMs)
  const largest = of((one) => one.largestPaintMs)
  const kilobytes = (pick: (one: Painted) => number) => Math.max(...of(pick)) / 1000
  return [
    {
      what: `first contentful paint, cold cache, median of ${samples}`,
      ...{ value: percentile(paints, 0.5), unit: 'ms', atMost: 1000 },
    },
    { what: 'the same, worst', value: Math.max(...paints), unit: 'ms' },
    {
      what: 'largest contentful paint, median',
      ...{ value: percentile(largest, 0.5), unit: 'ms', atMost: 2500 },
    },
    {
      what: 'script of the first page, as sent',
      ...{ value: kilobytes((one) => one.scriptBytes), unit: 'kB', atMost: 250 },
    },
    {
      what: 'style of the first page, as sent',
      ...{ value: kilobytes((one) => one.styleBytes), unit: 'kB' },
    },
  ]
}

/** Of all that moved although nobody had touched anything, and what it was. */
const shifted = `new Promise((resolve) => {
  let sum = 0
  const what = []
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.hadRecentInput) continue
      sum += entry.value
      for (const { node } of entry.sources)
        what.push((node?.outerHTML ?? String(node?.textContent)).slice(0, 120))
    }
  }).observe({ type: 'layout-shift', buffered: true })
  setTimeout(() => resolve({ sum, what }), 3000)
})`

/** Guides of browsers call 0.1 good; here nothing is to move. */
const good = 0.01

export async function measureShifts(page: Page, api: ApiClient): Promise<Figure[]> {
  const origin = new URL(page.url()).origin
  const figures: Figure[] = []
  for (const [label, path] of await addresses(api)) {
    await page.goto(`${origin}${path}`)
    await page.getByRole('heading', { level: 1 }).waitFor({ timeout: 30_000 })
    const { sum, what } = (await page.evaluate(shifted)) as { sum: number; what: string[] }
    if (sum >= 0.005) process.stderr.write(`${label} moved: ${what.join('\n  ')}\n`)
    figures.push({ what: `layout shift, ${label}`, value: sum, unit: 'shift', atMost: good })
  }
  return figures
}

async function addresses(api: ApiClient): Promise<readonly (readonly [string, string])[]> {
  const [operation] = (await api.operations({ group })).items
  const [run] = (await api.runs(group)).items
  return [
    ...destinations(group).map(({ label, href }) => [label, href] as const),
    ['Start', links.start(group, 'failover')],
    ['One object', links.object(group, 'model/fraud-classifier/1')],
    ...(run === undefined ? [] : ([['One run', links.run(group, run.run)]] as const)),
    ...(operation === undefined
      ? []
      : ([['One operation', links.operation(operation.id)]] as const)),
  ]
}
