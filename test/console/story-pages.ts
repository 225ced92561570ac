import { setTimeout as delay } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import type { Shots } from './shots.ts'
import type { Story } from './story.ts'

const model = { kind: 'model', path: ['fraud-classifier', '1'] } as const
const inConflict = 'model/fraud-classifier/1'

/** Every page of a group that is well: its picture, its address, and what has to be there first. */
const pages = [
  ['group', '', '[aria-label="procedures"]'],
  ['readiness', '/readiness', 'text=/● ready|▲ degraded|✖ not ready/'],
  ['topology', '/topology', 'tr[data-dependency]'],
  ['objects', '/objects', '[data-row]'],
  ['object', '/object?id=schedule%2Fnightly-retrain', '[data-testid="fields"]'],
  ['drift', '/drift', 'h1'],
  ['runs', '/runs', '[data-row="trial-1"]'],
  ['run', '/run?id=trial-1', '[data-testid="metric-loss"]'],
  ['plan', '/plan', 'text=/compared/'],
  ['jobs', '/jobs', '[data-testid="job-train"]'],
  ['endpoints', '/endpoints', 'text=→ east'],
  ['operations', '/operations', '[data-operation]'],
  ['drills', '/drills', 'tr[data-operation]'],
  ['audit', '/audit', '[data-testid="chain"]'],
  ['settings', '/settings', '[aria-label="outage"]'],
] as const

export async function tellPages(
  { api, group }: Story,
  page: Page,
  take: Shots['take'],
): Promise<void> {
  const origin = new URL(page.url()).origin
  const open = (path: string) => page.goto(`${origin}/groups/fraud${path}`)
  const drill = await api.start('fraud', 'drill')
  await until(async () => (await api.operation(drill.id)).outcome !== null)
  for (const [name, path, first] of pages) {
    await open(path)
    await page.locator(first).first().waitFor({ timeout: 60_000 })
    // What is still being asked says so; the picture is of the answer.
    await until(async () => (await page.getByText(/^Asking /).count()) === 0)
    await take(page, name)
  }
  const west = await group.openWest()
  const { body } = (await west.getObject(model)) ?? {}
  const properties = { ...(body?.properties as object), description: 'edited at west' }
  await west.putObject(model, { ...body, properties }, { epoch: 1 })
  await west.close()
  await until(async () => (await api.conflicts('fraud')).items.length > 0)
  await open('/conflicts')
  await page.getByTestId(`conflict-${inConflict}`).waitFor({ timeout: 60_000 })
  await page.getByRole('button', { name: 'Keep what east has' }).click()
  await page.getByLabel(/to confirm/).fill('keep west')
  await take(page, 'conflicts')
  await api.resolveConflict('fraud', { object: inConflict, keep: 'source', dryRun: false })
  await until(async () => (await api.conflicts('fraud')).items.length === 0)
}

const patienceMs = 180_000

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + patienceMs
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`it did not come to that: ${isSo}`)
    await delay(300)
  }
}
