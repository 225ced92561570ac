import { defaultStrategies } from '../../src/plan/strategy-of.ts'
import { memoryDefinitions } from '../../src/replication/memory-definitions.ts'
import { memoryLedger } from '../../src/replication/memory-ledger.ts'
import { memoryRunLinks } from '../../src/replication/memory-run-links.ts'
import type { ReplicationContext } from '../../src/replication/pass.ts'
import { retrying } from '../../src/workspace/decorators/retrying.ts'
import { openMlflowWorkspace } from '../../src/workspace/mlflow/mlflow-workspace.ts'
import {
  startTestMlflow,
  type TestMlflow,
} from '../../src/workspace/mlflow/testing/mlflow-server.ts'

export interface TwoServers {
  readonly east: TestMlflow
  readonly west: TestMlflow
  /** From east to west, with nothing known yet. */
  readonly context: ReplicationContext
  stop(): Promise<void>
}

/** Two real MLflow servers and what a pass between them needs. */
export async function startTwoServers(python: string): Promise<TwoServers> {
  const [east, west] = await Promise.all([startTestMlflow(python), startTestMlflow(python)])
  const [source, target] = [open('east', east), open('west', west)]
  return {
    ...{ east, west },
    context: {
      group: 'g',
      plan: plan(east.url, west.url),
      ...{ source, target },
      ledger: memoryLedger(),
      definitions: memoryDefinitions(),
      runLinks: memoryRunLinks(),
      epoch: 1,
      clock: () => new Date(),
    },
    stop: async () => {
      await Promise.all([source.close(), target.close()])
      await Promise.all([east.stop(), west.stop()])
    },
  }
}

function open(name: string, { url }: TestMlflow) {
  return retrying(openMlflowWorkspace({ name, url, folder: '/' }))
}

function plan(east: string, west: string): ReplicationContext['plan'] {
  const member = { cloud: 'none', mlflow: {} }
  return {
    apiVersion: 'holdfast/v1',
    group: 'g',
    folder: '/',
    objectives: { rtoMs: 1, rpoMs: 1 },
    members: [
      { ...member, name: 'east', workspace: east, role: 'primary' },
      { ...member, name: 'west', workspace: west, role: 'secondary' },
    ],
    strategies: defaultStrategies,
    conflicts: [],
    deletions: 'archive',
    map: {},
    endpoints: [],
    jobs: { resubmit: 'none' },
    decide: { automatic: false, graceMs: 1, cooldownMs: 1, vantagePoints: [] },
    notify: [],
    drill: { everyMs: 1, jobs: 'none', automatic: false, window: null },
  }
}
