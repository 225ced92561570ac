import { join } from 'node:path'
import { defaultStrategies } from '../../src/plan/strategy-of.ts'
import {
  definitionMigrations,
  postgresDefinitions,
} from '../../src/replication/postgres-definitions.ts'
import { ledgerMigrations, postgresLedger } from '../../src/replication/postgres-ledger.ts'
import { postgresRunLinks, runLinkMigrations } from '../../src/replication/postgres-run-links.ts'
import { replicate } from '../../src/replication/replicate.ts'
import { migrate, openDatabase } from '../../src/store/database.ts'
import { limited } from '../../src/workspace/decorators/limited.ts'
import { retrying } from '../../src/workspace/decorators/retrying.ts'
import { openMlflowWorkspace } from '../../src/workspace/mlflow/mlflow-workspace.ts'
import type { BenchServer } from './server.ts'
import type { Work } from './ways.ts'

/** The engine as the controller runs it: ledger and links in PostgreSQL, the same decorators. */
export async function holdfast(
  source: BenchServer,
  target: BenchServer,
  folder: string,
): Promise<Work> {
  const stateDir = join(folder, 'state')
  const database = await openDatabase({ stateDir })
  try {
    await migrate(database, [...ledgerMigrations, ...definitionMigrations, ...runLinkMigrations])
    const open = (name: string, url: string) =>
      retrying(limited(openMlflowWorkspace({ name, url, folder })))
    const east = open('east', source.url)
    const west = open('west', target.url)
    const context = {
      group: 'bench',
      plan: plan(source.url, target.url),
      source: east,
      target: west,
      ledger: postgresLedger(database),
      definitions: postgresDefinitions(database),
      runLinks: postgresRunLinks(database),
      epoch: 1,
      clock: () => new Date(),
    }
    const cpu = process.cpuUsage()
    const started = performance.now()
    const first = await replicate(context)
    const seconds = (performance.now() - started) / 1000
    const used = process.cpuUsage(cpu)
    const requests = source.requests() + target.requests()
    const again = performance.now()
    const second = await replicate(context)
    const secondSeconds = (performance.now() - again) / 1000
    await Promise.all([east.close(), west.close()])
    return {
      seconds,
      diskBytes: 0,
      notes: {
        outcome: first.outcome,
        failed: first.failed,
        error: first.error,
        requests,
        ownCpuSeconds: (used.user + used.system) / 1e6,
        rssMb: Math.round(process.memoryUsage().rss / 2 ** 20),
        secondPass: {
          seconds: secondSeconds,
          outcome: second.outcome,
          created: second.created,
          updated: second.updated,
          requests: source.requests() + target.requests() - requests,
        },
      },
    }
  } finally {
    await database.close()
  }
}

function plan(source: string, target: string) {
  const member = { cloud: 'AzureCloud' }
  return {
    apiVersion: 'holdfast/v1' as const,
    group: 'bench',
    folder: '/',
    objectives: { rtoMs: 1, rpoMs: 1 },
    members: [
      { ...member, name: 'east', workspace: source, role: 'primary' as const },
      { ...member, name: 'west', workspace: target, role: 'secondary' as const },
    ],
    strategies: defaultStrategies,
    conflicts: [],
    deletions: 'archive' as const,
    map: {},
    endpoints: [],
    jobs: { resubmit: 'none' as const },
    decide: { automatic: false, graceMs: 1, vantagePoints: [], cooldownMs: 1 },
    notify: [],
    drill: { everyMs: 1, jobs: 'none' as const, automatic: false, window: null },
  }
}
