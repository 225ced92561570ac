import { parseArgs } from 'node:util'
import type { Page } from 'playwright-core'
import { chromium, launchBrowser, noChromium } from './browser.ts'
import { openShots } from './shots.ts'
import { beginStory, type Story } from './story.ts'
import { tellOutage } from './story-outage.ts'
import { tellPages } from './story-pages.ts'

/**
 * `npm run screenshots [-- --story outage]`: the pictures of the documentation, taken of an outage that
 * really happens.
 */
const { values } = parseArgs({ options: { story: { type: 'string', default: 'pages' } } })

if (chromium === undefined) {
  console.error(noChromium)
  process.exit(1)
}
const story = await beginStory()
const shots = openShots(story.pair.folder)
const take = shots.take
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
  await desk.getByRole('group', { name: 'outage' }).waitFor()
  await take(desk, 'overview')
  await tellPages(story, desk, take)

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
}
