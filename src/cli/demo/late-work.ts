import { trackingAt } from './protect.ts'
import type { DemoRegion } from './regions.ts'

/** What a team did in the last moment before an outage: nothing has copied it yet. */
export interface LateWork {
  readonly run: string
  /** `name/versions/version` of a data asset. */
  readonly data: string
}

const apiVersion = 'api-version=2025-12-01'
const data = 'transactions/versions/2'

export async function makeLateWork(region: DemoRegion): Promise<LateWork> {
  const { client, workspaceId } = region
  const before = await client.json<{ properties: { dataUri: string; dataType: string } }>(
    `${workspaceId}/data/transactions/versions/1?${apiVersion}`,
  )
  const { dataUri, dataType } = before.properties
  const body = {
    properties: { dataUri, dataType, description: 'Registered just before the outage' },
  }
  await client.json(`${workspaceId}/data/${data}?${apiVersion}`, { method: 'PUT', body })
  return { run: await finishedRun(region), data }
}

async function finishedRun(region: DemoRegion): Promise<string> {
  const { uri, client } = trackingAt(region)
  const post = <T>(operation: string, body: object) =>
    client.json<T>(`${uri}/api/2.0/mlflow/${operation}`, { method: 'POST', body })
  const made = await post<{ experiment_id: string }>('experiments/create', { name: 'last-minute' })
  const { run } = await post<{ run: { info: { run_id: string } } }>('runs/create', {
    experiment_id: made.experiment_id,
    start_time: Date.now(),
    tags: [{ key: 'mlflow.runName', value: 'just-before-the-outage' }],
  })
  const { run_id } = run.info
  const metrics = [{ key: 'loss', value: 0.25, timestamp: Date.now(), step: 0 }]
  await post('runs/log-batch', { run_id, metrics })
  await post('runs/update', { run_id, status: 'FINISHED', end_time: Date.now() })
  return run_id
}

/** Which of it the region does not have. */
export async function missingLateWork(region: DemoRegion, late: LateWork): Promise<string[]> {
  const { client, workspaceId } = region
  const { uri } = trackingAt(region)
  const places = {
    [`data ${late.data}`]: `${workspaceId}/data/${late.data}?${apiVersion}`,
    [`run ${late.run}`]: `${uri}/api/2.0/mlflow/metrics/get-history?run_id=${late.run}&metric_key=loss`,
  }
  const missing: string[] = []
  for (const [name, place] of Object.entries(places)) {
    const found = await client.bytes(place).catch(() => Buffer.alloc(0))
    if (!/just before the outage|0\.25/.test(found.toString())) missing.push(name)
  }
  return missing
}
