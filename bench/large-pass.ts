import { join } from 'node:path'
import type { Ledger, LedgerEntry } from '../src/replication/ledger.ts'
import type { ReplicationContext } from '../src/replication/pass.ts'
import { rowOf } from '../src/replication/run-batch.ts'
import { postgresRecords, recordMigrations } from '../src/runbooks/records.ts'
import { migrate, openDatabase } from '../src/store/database.ts'
import { allPages } from '../src/workspace/pages.ts'
import { runVersion } from '../src/workspace/run-version.ts'
import type { Workspace } from '../src/workspace/workspace.ts'
import type { Bench } from './bench.ts'
import { fillInChild, openRegion, planOf } from './bench-region.ts'
import { timedListing } from './mere-listing.ts'
import { timedPass } from './passes.ts'

/**
 * What a pass costs between two workspaces that hold the same and are proven: both are filled from
 * the same numbers, a first pass compares all assets, and the rows of the runs are written from the
 * source's own list, because copying a million runs takes hours that this bench is not about.
 */
export const largePass: Bench = {
  name: 'large-pass',
  what: 'a pass with nothing to do between workspaces of 1,000,000 runs and 100,000 assets (small: 20,000 and 2,000)',
  async run({ full, runs, dir, note }) {
    const standard = full ? { runs: 1_000_000, assets: 100_000 } : { runs: 20_000, assets: 2000 }
    const size = { ...standard, metricsPerRun: 1, ...(runs === undefined ? {} : { runs }) }
    const filled = (name: string) =>
      openRegion(join(dir, name), name, (dataDir, id) => {
        note(`filling ${name} with ${size.runs} runs and ${size.assets} assets`)
        return fillInChild(dataDir, id, size)
      })
    const [east, west] = [await filled('ws-east'), await filled('ws-west')]
    const database = await openDatabase({ stateDir: join(dir, 'state') })
    try {
      await migrate(database, recordMigrations)
      const { ledger, definitions } = postgresRecords(database)
      const context = (): ReplicationContext => ({
        ...{ group: 'bench', epoch: 1, ledger, definitions, clock: () => new Date() },
        plan: planOf(dir, { 'ws-east': east, 'ws-west': west }),
        ...{ source: east.workspace, target: west.workspace },
      })
      note('noting the runs')
      await noteRuns(ledger, east.workspace)
      note('first pass, which compares the assets')
      const first = await timedPass(context())
      const memoryBefore = process.memoryUsage.rss() / 1e6
      note('a pass with nothing changed')
      const second = await timedPass(context())
      // Before the listing, which begins thousands of lists at once, as no pass does.
      const peak = process.resourceUsage().maxRSS / 1024
      note('mere listing of both sides')
      const listing = await timedListing([east.workspace, west.workspace])
      return [
        { what: 'pass that compares all assets', value: first.seconds, unit: 's' },
        {
          ...{ what: 'pass with nothing changed', value: second.seconds, unit: 's' },
          beside: { what: 'mere listing of both sides', value: listing },
        },
        {
          ...{ what: 'pass with nothing changed in times of mere listing', unit: 'x' },
          ...{ value: second.seconds / listing, atMost: 1.2 },
        },
        { what: 'memory before the pass with nothing changed', value: memoryBefore, unit: 'MB' },
        {
          ...{ what: 'memory of the replicating process, peak', unit: 'MB', atMost: 300 },
          value: peak,
        },
      ]
    } finally {
      await database.close()
      await east.close()
      await west.close()
    }
  },
}

/** As passes that copied them would have left them. */
async function noteRuns(ledger: Ledger, source: Workspace): Promise<void> {
  const direction = { group: 'bench', source: 'ws-east', target: 'ws-west' }
  let rows: LedgerEntry[] = []
  const flush = async () => {
    await ledger.write(direction, rows)
    rows = []
  }
  for await (const run of allPages((page) => source.listRuns(page))) {
    const version = runVersion(run)
    const digest = version.padEnd(64, '0').slice(0, 64)
    rows.push({
      ...{ object: rowOf(run.runId), kind: 'run', state: 'proven', bytes: 0, error: null },
      ...{ sourceDigest: digest, targetDigest: digest },
      ...{ sourceVersion: version, targetVersion: version, epoch: 1, at: run.modifiedAt },
    })
    if (rows.length === 5000) await flush()
  }
  await flush()
}
