import { parseArgs } from 'node:util'
import type { Page } from 'playwright-core'
import { chromium, launchBrowser, noChromium } from './browser.ts'
import { openShots } from './shots.ts'
import { beginStory, type Story } from './story.ts'
import { tellOutage } from './story-outage.ts'

/**
 * `npm run screenshots [-- --story outage]`: the pictures of the documentation, taken of an outage that
 * really happens.
 */
const { values } = parseArgs({ options: { story: { type: 'string', default: 'pages' } } })
const shots = openShots()
const take = shots.take

if (chromium === undefined) {
  console.error(noChromium)
  process.exit(1)
}
const story = await beginStory()
const browser = await launchBrowser()
try {
  if (values.story === 'outage') await tellOutage(story, await signedIn(story), shots)
  else await tell(story)
} finally {
  await browser.close()
  await story.end()
}

async function signedIn({ consoleLink }: Story): Promise<Page> {
  const desk = await browser.newPage({ viewport: { width: 1280, height: 800 } })
  await desk.goto(await consoleLink())
  await desk.getByTestId('protection').getByText('protected').waitFor({ timeout: 60_000 })
  return desk
}

async function tell(story: Story): Promise<void> {
  const { pair, consoleLink } = story
  const desk = await signedIn(story)
  const origin = new URL(desk.url()).origin
  const open = (path: string, page = desk) => page.goto(`${origin}${path}`)
  await open('/')
  await desk.getByTestId('lag').waitFor()
  await printFigures(desk)
  await take(desk, 'overview')
  await open('/groups/fraud/object?id=schedule%2Fnightly-retrain')
  await desk.getByTestId('fields').waitFor()
  await take(desk, 'object')
  await open('/groups/fraud/run?id=trial-1')
  await desk.getByTestId('metric-loss').waitFor()
  await take(desk, 'run')

  await pair.processes.cutPower('east')
  const bed = await browser.newPage({
    ...{ viewport: { width: 390, height: 844 }, colorScheme: 'dark' },
  })
  await bed.goto(await consoleLink())
  await bed.getByTestId('verdict').waitFor({ timeout: 60_000 })
  await take(bed, 'outage-on-a-phone')
  await open('/groups/fraud/start/failover')
  await desk.getByTestId('preview').getByText('Write the report').waitFor()
  await take(desk, 'before-the-failover')
  await desk.getByLabel(/to confirm/).fill('fail over to west')
  await desk.getByRole('button', { name: 'Fail over', exact: true }).click()
  await desk.getByTestId('step-create-cold').waitFor()
  await take(desk, 'during-the-failover')
  await desk.locator('[data-testid="operation"][data-status="done"]').waitFor({ timeout: 90_000 })
  await take(desk, 'after-the-failover')
  await open('/groups/fraud/endpoints')
  await desk.getByText('→ west').first().waitFor()
  await take(desk, 'endpoints')
}

/** Printed and not asserted: how fast a machine paints is no property of the page alone. */
async function printFigures(page: Page): Promise<void> {
  const figures = await page.evaluate(`new Promise((resolve) => {
    let shift = 0
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) shift += entry.value
    }).observe({ type: 'layout-shift', buffered: true })
    setTimeout(() => {
      const paint = performance.getEntriesByName('first-contentful-paint')[0]
      resolve('first contentful paint ' + Math.round(paint.startTime) + ' ms, layout shift ' + shift.toFixed(3))
    }, 500)
  })`)
  console.log(figures)
}
