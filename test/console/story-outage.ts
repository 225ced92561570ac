import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import type { Shots } from './shots.ts'
import type { Story } from './story.ts'

/** An outage watched from detection to the report, in the console and in the terminal at once. */
export async function tellOutage(story: Story, page: Page, shots: Shots): Promise<void> {
  const { processes } = story.pair
  const { planFile, stateDir } = story.group
  const begun = Date.now()
  const terminal: string[] = []
  const run = async (...args: string[]) => {
    const at = seconds(begun)
    const { stdout, stderr } = await processes.run([
      ...args,
      '--plan',
      planFile,
      '--state',
      stateDir,
    ])
    const lines = `${stderr}${stdout}`.trimEnd()
    terminal.push(`# ${at} s`, `$ holdfast ${args.join(' ')}`, lines, '')
  }
  const take = async (name: string) => {
    await shots.take(page, `outage-${name}`)
    console.log(`  ${seconds(begun)} s after the beginning`)
  }
  const origin = new URL(page.url()).origin
  const open = (path: string) => page.goto(`${origin}${path}`)

  await open('/')
  await page.getByTestId('lag').waitFor()
  await take('01-protected')
  await run('status')

  await processes.cutPower('east')
  terminal.push(`# ${seconds(begun)} s: the power of east is cut`, '')
  await page
    .getByTestId('health-east')
    .getByText(/unreachable/)
    .waitFor({ timeout: 60_000 })
  await page.getByTestId('verdict').waitFor({ timeout: 60_000 })
  await take('02-detected')
  await run('status')
  await open('/groups/fraud/decisions')
  await page.getByRole('table', { name: 'decisions' }).waitFor({ timeout: 30_000 })
  await take('03-why')
  await open('/groups/fraud/start/failover')
  await page.getByTestId('preview').getByText('Write the report').waitFor({ timeout: 60_000 })
  await take('04-what-it-would-do')

  const inConsole = page
    .locator('[data-testid="operation"][data-type="failover"][data-status="running"]')
    .waitFor({ timeout: 60_000 })
  await open('/')
  const moved = run('failover', '--yes')
  await inConsole
  await take('05-under-way')
  await moved
  await page
    .locator('[data-testid="operation"][data-type="failover"][data-status="done"]')
    .waitFor({ timeout: 90_000 })
  await open('/operations/failover-fraud-e2')
  await page.getByRole('link', { name: 'Report', exact: true }).waitFor()
  await take('06-done')
  await run('status')
  await run('jobs')
  await open('/groups/fraud/endpoints')
  await page.getByText('→ west').first().waitFor()
  await take('07-endpoints-lead-west')
  await open('/groups/fraud/jobs')
  await page.getByTestId('job-train').waitFor()
  await take('08-the-job-goes-on')
  await open('/api/v1/operations/failover-fraud-e2/report.html')
  await take('09-report')
  writeFileSync(join(shots.folder, 'outage-terminal.txt'), tidy(terminal, story))
}

const seconds = (begun: number) => ((Date.now() - begun) / 1000).toFixed(1)

/** Folders of one run of this script say nothing to a reader. */
function tidy(lines: readonly string[], { pair }: Story): string {
  return `${lines.join('\n').replaceAll(pair.folder, '…').trimEnd()}\n`
}
