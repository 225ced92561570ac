import type { Caller } from '../src/region/context.ts'
import { openMetricStore } from '../src/region/dataplane/metric-store.ts'
import { openRunStore } from '../src/region/dataplane/run-store.ts'
import { inTransaction, lockDataDir, openDatabase } from '../src/region/store/database.ts'
import { openResourceStore } from '../src/region/store/resource-store.ts'

export interface FillSize {
  readonly runs: number
  readonly metricsPerRun: number
  readonly assets: number
}

const actor: Caller = { objectId: 'o', displayName: 'bench', tenantId: 't' }
const runsPerExperiment = 50_000
const versionsPerModel = 5
const perTransaction = 2000
const workspaces = 'Microsoft.MachineLearningServices/workspaces'

/**
 * Fills the stores of a region that does not run, through the region's own code: every row is as
 * the API would have made it.
 */
export function fillRegion(
  dataDir: string,
  workspaceId: string,
  size: FillSize,
  note: (line: string) => void,
): void {
  const lock = lockDataDir(dataDir)
  const db = openDatabase(dataDir)
  // Nothing is acknowledged to anybody here; the close below writes it all out.
  db.pragma('synchronous = OFF')
  const clock = () => new Date()
  const runs = openRunStore({ db, clock })
  const metrics = openMetricStore({ db, clock, runs })
  const resources = openResourceStore({ db, clock })
  const ws = runs.clock.numberOf(workspaceId)

  const writeRun = (i: number) => {
    const name = `experiment-${Math.floor(i / runsPerExperiment)}`
    const experiment = runs.experiments.ensure(ws, name)
    const run = runs.write(experiment, `run-${i}`, documentOf(i), actor)
    const scalars = Array.from({ length: size.metricsPerRun }, (_, m) => ({
      ...{ name: `metric-${m}`, value: (i * 31 + m) % 1000, createdMs: 1_760_000_000_000 + i },
      step: 0,
    }))
    metrics.logScalars(run, scalars, actor)
  }
  const writeAsset = (i: number) => {
    const model = `${workspaceId}/models/model-${Math.floor(i / versionsPerModel)}`
    const version = String((i % versionsPerModel) + 1)
    const tags = { team: `team-${i % 20}` }
    if (version === '1')
      resources.put(model, `${workspaces}/models`, { body: { properties: { tags } } }, actor)
    const properties = {
      ...{ modelUri: `azureml://datastores/workspaceblobstore/paths/models/${i}`, tags },
      ...{ isArchived: false, isAnonymous: false, modelType: 'custom_model', properties: {} },
    }
    const id = `${model}/versions/${version}`
    resources.put(id, `${workspaces}/models/versions`, { body: { properties } }, actor)
  }
  const batches = (total: number, what: string, write: (i: number) => void) => {
    for (let from = 0; from < total; from += perTransaction) {
      const to = Math.min(total, from + perTransaction)
      inTransaction(db, () => {
        for (let i = from; i < to; i++) write(i)
      })
      if (to % 100_000 === 0 || to === total) note(`${to} ${what}`)
    }
  }
  batches(size.runs, 'runs', writeRun)
  batches(size.assets, 'assets', writeAsset)
  db.close()
  lock.release()
}

const documentOf = (i: number) => ({
  displayName: `run ${i}`,
  status: i % 50 === 0 ? 'Failed' : 'Completed',
  startTimeUtc: new Date(1_760_000_000_000 + i * 1000).toISOString(),
  endTimeUtc: new Date(1_760_000_060_000 + i * 1000).toISOString(),
  tags: { team: `team-${i % 20}`, 'mlflow.runName': `run ${i}`, 'mlflow.user': `user-${i % 300}` },
  parameters: { learning_rate: String((i % 100) / 1000), depth: String(i % 12), seed: String(i) },
})
