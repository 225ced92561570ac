import { setTimeout as delay } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import type { Run } from '../src/workspace/workspace.ts'
import { chromium, launchBrowser, noChromium } from '../test/console/browser.ts'
import type { Bench, BenchContext, Figure } from './bench.ts'
import { type ConsoleStage, setConsoleStage } from './console-stage.ts'
import { type EventReader, missed, readEvents } from './event-readers.ts'
import { measureStalled } from './event-stalls.ts'
import { percentile } from './latency.ts'

const streams = 195
const tabs = 5
/** Cut in the middle of each sync, and resumed. */
const cuts = 40

/** Two hundred readers of the event stream while passes run, side by side with passes that nobody watches. */
export const events: Bench = {
  name: 'events',
  what: '200 readers of the event stream while syncs run: lost, delay, cost; readers that stand still',
  async run(context) {
    if (chromium === undefined) throw new Error(noChromium)
    const runs = context.runs ?? (context.full ? 1000 : 300)
    const stage = await setConsoleStage(context.dir)
    const browser = await launchBrowser()
    try {
      const watched = await measureSyncs(stage, browser, runs, context)
      return [...watched, ...(await measureStalled(context))]
    } finally {
      await browser.close()
      await stage.end()
    }
  },
}

interface Round {
  readonly watched: boolean
  readonly seconds: number
  readonly cpuMs: number
  readonly readers: readonly Heard[]
}
type Heard = Pick<EventReader, 'numbers' | 'delaysMs'>

async function measureSyncs(
  stage: ConsoleStage,
  browser: Browser,
  runs: number,
  { full, note }: BenchContext,
): Promise<Figure[]> {
  const rounds: Round[] = []
  // Alone, watched, watched, alone: what grows with the ledger is the same for both.
  const order = [false, true, true, false]
  for (const [index, watched] of (full ? [...order, ...order] : order).entries()) {
    await writeRuns(stage, `round-${index}`, runs)
    const round = watched
      ? await watchedSync(stage, browser)
      : { ...(await timedSync(stage)), watched, readers: [] }
    rounds.push(round)
    note(
      `${watched ? `${streams + tabs} readers` : 'nobody watches'}: ${runs} runs in ${round.seconds.toFixed(1)} s`,
    )
  }
  return figuresOf(rounds, runs, stage)
}

async function writeRuns({ group }: ConsoleStage, experimentName: string, count: number) {
  const east = await group.openEast()
  await east.putExperiment({ name: experimentName, archived: false, tags: {} }, { epoch: 1 })
  for (let from = 0; from < count; from += 100) {
    const batch = Array.from({ length: Math.min(100, count - from) }, (_, i): Run => {
      const modifiedAt = new Date().toISOString()
      const body = {
        displayName: `run ${from + i}`,
        startTimeUtc: modifiedAt,
        endTimeUtc: modifiedAt,
      }
      const runId = `${experimentName}-${from + i}`
      return { runId, experimentName, status: 'Completed', modifiedAt, body }
    })
    await east.putRuns(experimentName, batch, { epoch: 1 })
  }
  await east.close()
}

async function timedSync({ api, controller }: ConsoleStage) {
  const before = controller()?.cpuMs ?? 0
  const begin = performance.now()
  const { id } = await api.start('bench', 'sync')
  for (;;) {
    const { outcome } = await api.operation(id)
    if (outcome === 'complete') break
    if (outcome !== null) throw new Error(`the sync was ${outcome}`)
    await delay(100)
  }
  return { seconds: (performance.now() - begin) / 1000, cpuMs: (controller()?.cpuMs ?? 0) - before }
}

async function watchedSync(stage: ConsoleStage, browser: Browser): Promise<Round> {
  const readers = await Promise.all(Array.from({ length: streams }, () => readEvents(stage.served)))
  const pages = await openTabs(stage, browser)
  const cutting = delay(1000).then(() => Promise.all(readers.slice(0, cuts).map((r) => r.cut())))
  const timed = await timedSync(stage)
  await cutting
  // Another round of probes publishes once more; by then what was under way has come.
  await delay(6000)
  const inTabs = await Promise.all(
    pages.map(async (page) => (await page.evaluate('globalThis.heard')) as Heard),
  )
  for (const reader of readers) reader.close()
  await Promise.all(pages.map((page) => page.context().close()))
  return { ...timed, watched: true, readers: [...readers, ...inTabs] }
}

/** Beside the console's own stream each tab has one that counts. */
async function openTabs({ api }: ConsoleStage, browser: Browser): Promise<readonly Page[]> {
  const pages: Page[] = []
  for (let i = 0; i < tabs; i += 1) {
    const page = await (await browser.newContext()).newPage()
    await page.goto(await api.consoleLink())
    await page.getByTestId('lag').waitFor({ timeout: 60_000 })
    await page.evaluate(`new Promise((resolve) => {
      const heard = globalThis.heard = { numbers: [], delaysMs: [] }
      const source = new EventSource('/api/v1/events')
      let isFirst = true
      const hear = ({ lastEventId, data }) => {
        if (isFirst) { isFirst = false; resolve(); return }
        heard.numbers.push(Number(lastEventId.split('-').at(-1)))
        heard.delaysMs.push(Date.now() - Date.parse(JSON.parse(data).at))
      }
      source.addEventListener('status', hear)
      source.addEventListener('operation', hear)
    })`)
    pages.push(page)
  }
  return pages
}

function figuresOf(rounds: readonly Round[], runs: number, stage: ConsoleStage): Figure[] {
  const watched = rounds.filter((round) => round.watched)
  const alone = rounds.filter((round) => !round.watched)
  const rate = (of: readonly Round[]) =>
    (of.length * runs) / of.reduce((sum, { seconds }) => sum + seconds, 0)
  const cpuMs = (of: readonly Round[]) =>
    of.reduce((sum, round) => sum + round.cpuMs, 0) / (of.length * runs)
  const delays = watched.flatMap(({ readers }) => readers.flatMap(({ delaysMs }) => delaysMs))
  const use = stage.controller()
  return [
    {
      ...{ what: 'runs synced a second, watched by 200', value: rate(watched), unit: '1/s' },
      beside: { what: 'nobody watches', value: rate(alone) },
    },
    {
      ...{ what: 'processor time of the controller for a run', value: cpuMs(watched), unit: 'ms' },
      beside: { what: 'nobody watches', value: cpuMs(alone) },
    },
    { what: 'events published, by sync', value: eventsOf(watched), unit: 'events' },
    { what: 'events received, all readers', value: delays.length, unit: 'events' },
    {
      what: `events that a reader missed, ${cuts * watched.length} cut and resumed among them`,
      ...{ value: lostOf(watched), unit: 'events', atMost: 0 },
    },
    { what: 'from the event to its receipt, p50', value: percentile(delays, 0.5), unit: 'ms' },
    { what: 'from the event to its receipt, p99', value: percentile(delays, 0.99), unit: 'ms' },
    ...(use === undefined
      ? []
      : [{ what: 'memory of the controller, peak', value: use.peakMb, unit: 'MB' } as const]),
  ]
}

const newestOf = ({ readers }: Round) =>
  Math.max(...readers.map(({ numbers }) => numbers.at(-1) ?? 0))

function eventsOf(rounds: readonly Round[]): number {
  const all = rounds.map((round) => {
    const firsts = round.readers.map(({ numbers }) => numbers[0] ?? Number.POSITIVE_INFINITY)
    return newestOf(round) - Math.min(...firsts) + 1
  })
  return all.reduce((sum, n) => sum + n, 0) / all.length
}

const lostOf = (rounds: readonly Round[]) =>
  rounds.reduce(
    (sum, round) =>
      sum + round.readers.reduce((all, reader) => all + missed(reader, newestOf(round)), 0),
    0,
  )
