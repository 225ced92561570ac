import { join } from 'node:path'
import type { ReplicationContext } from '../src/replication/pass.ts'
import { postgresRecords, recordMigrations } from '../src/runbooks/records.ts'
import { migrate, openDatabase } from '../src/store/database.ts'
import type { Bench, Figure } from './bench.ts'
import { fillInChild, openRegion, planOf } from './bench-region.ts'
import { timedListing } from './mere-listing.ts'
import { changedRuns, changeRuns, type TimedPass, timedPass } from './passes.ts'

/** Of the second pass and of each listing, one after the other; the middle ones count. */
const rounds = 5

/**
 * Passes between two local regions: the first, one with nothing changed beside mere listing, one with
 * a little. HOLDFAST_BENCH_METRICS: metrics of each run (default 10), `--runs`: how many runs.
 */
export const twoRegions: Bench = {
  name: 'two-regions',
  what: 'replication between two local regions: first pass, second pass beside mere listing',
  async run({ full, runs, dir, note }) {
    const metricsPerRun = Number(process.env.HOLDFAST_BENCH_METRICS ?? 10)
    const standard = full ? { runs: 100_000, assets: 10_000 } : { runs: 2000, assets: 400 }
    const size = { ...standard, metricsPerRun, ...(runs === undefined ? {} : { runs }) }
    const east = await openRegion(join(dir, 'east'), 'ws-east', (dataDir, id) => {
      note(`filling with ${size.runs} runs and ${size.assets} assets`)
      return fillInChild(dataDir, id, size)
    })
    const west = await openRegion(join(dir, 'west'), 'ws-west')
    const database = await openDatabase({ stateDir: join(dir, 'state') })
    try {
      await migrate(database, recordMigrations)
      const processorMs = (): ProcessorMs => {
        const { user, system } = process.cpuUsage()
        return {
          replicator: (user + system) / 1000,
          ...{ source: east.cpuMs() ?? 0, target: west.cpuMs() ?? 0 },
        }
      }
      const { ledger, definitions } = postgresRecords(database)
      const context = (): ReplicationContext => ({
        ...{
          group: 'bench',
          plan: planOf(dir, { 'ws-east': east, 'ws-west': west }),
          ledger,
          definitions,
          epoch: 1,
        },
        ...{ source: east.workspace, target: west.workspace, clock: () => new Date() },
      })
      note('first pass')
      const before = processorMs()
      const first = await timedPass(context())
      const spent = difference(processorMs(), before)
      note('second pass, nothing changed, beside mere listing')
      const again = await withStandingPoint(context())
      await timedPass(again)
      // Before the listings, which begin many lists at once, as no pass does.
      const peakMb = process.resourceUsage().maxRSS / 1024
      const seconds: TimedPass[] = []
      const listings = { both: [] as number[], source: [] as number[] }
      for (let round = 0; round < rounds; round += 1) {
        listings.both.push(await timedListing([east.workspace, west.workspace]))
        seconds.push(await timedPass(again))
        listings.source.push(await timedListing([east.workspace]))
      }
      const second = middle(seconds, (pass) => pass.seconds)
      await changeRuns(east.workspace)
      note(`third pass, ${changedRuns} runs changed`)
      const third = await timedPass(context())
      return [
        ...figuresOf(size.runs + size.assets, [first, second, third], peakMb, {
          both: middle(listings.both, (one) => one),
          source: middle(listings.source, (one) => one),
        }),
        ...processorFigures(size.runs + size.assets, spent),
      ]
    } finally {
      await database.close()
      await east.close()
      await west.close()
    }
  },
}

/** Every further pass reads the whole history again, as the second one does and no later one. */
async function withStandingPoint(context: ReplicationContext): Promise<ReplicationContext> {
  const { ledger } = context
  const direction = {
    group: context.group,
    source: context.source.name,
    target: context.target.name,
  }
  const runsSince = (await ledger.readPoint(direction))?.runsSince ?? null
  const readPoint: typeof ledger.readPoint = async (of) => {
    const point = await ledger.readPoint(of)
    return point && { ...point, runsSince }
  }
  return { ...context, ledger: { ...ledger, readPoint } }
}

function middle<T>(values: readonly T[], order: (value: T) => number): T {
  const sorted = [...values].sort((a, b) => order(a) - order(b))
  const found = sorted[Math.floor(sorted.length / 2)]
  if (found === undefined) throw new Error('nothing was measured')
  return found
}

function figuresOf(
  objects: number,
  [first, second, third]: readonly [TimedPass, TimedPass, TimedPass],
  peakMb: number,
  listing: { readonly both: number; readonly source: number },
): Figure[] {
  return [
    { what: 'first pass', value: first.seconds, unit: 's' },
    { what: 'first pass, objects copied and proven', value: objects / first.seconds, unit: '1/s' },
    {
      ...{ what: 'second pass, nothing changed', value: second.seconds, unit: 's' },
      beside: { what: 'mere listing of both sides', value: listing.both },
    },
    {
      ...{ what: 'second pass in times of mere listing', unit: 'x', atMost: 1.2 },
      value: second.seconds / listing.both,
    },
    {
      ...{ what: 'second pass in times of listing the source alone', unit: 'x' },
      value: second.seconds / listing.source,
    },
    { what: `third pass, ${changedRuns} runs changed`, value: third.seconds, unit: 's' },
    ...[first, second, third].map(({ requests }, i) => ({
      ...{
        what: `asked of both regions, ${['first', 'second', 'third'][i]} pass`,
        value: requests,
      },
      unit: 'requests' as const,
    })),
    {
      ...{ what: 'memory of the replicating process, peak', unit: 'MB', atMost: 300 },
      value: peakMb,
    },
  ]
}

/** What other load on the machine does not change. */
interface ProcessorMs {
  readonly replicator: number
  readonly source: number
  readonly target: number
}

const difference = (after: ProcessorMs, before: ProcessorMs): ProcessorMs => ({
  replicator: after.replicator - before.replicator,
  source: after.source - before.source,
  target: after.target - before.target,
})

function processorFigures(objects: number, spent: ProcessorMs): Figure[] {
  return Object.entries(spent).map(([who, ms]) => ({
    what: `first pass, processor time of the ${who} for an object`,
    value: ms / objects,
    unit: 'ms' as const,
  }))
}
