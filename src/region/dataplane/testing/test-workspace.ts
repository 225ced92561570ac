import type { Answer } from '../../testing/test-region.ts'
import { settled, startTestRegion, type TestRegion } from '../../testing/test-region.ts'

/** A region with one workspace, asked with paths that begin after the workspace's own. */
export interface TestWorkspace {
  readonly test: TestRegion
  readonly id: string
  history(method: string, path: string, body?: unknown): Promise<Answer>
  metric(runId: string, verb: string, body: unknown): Promise<Answer>
  mlflow(method: string, path: string, body?: unknown): Promise<Answer>
}

export async function startTestWorkspace(): Promise<TestWorkspace> {
  const test = await startTestRegion()
  const id =
    '/subscriptions/s1/resourceGroups/rg1/providers/Microsoft.MachineLearningServices/workspaces/fraud'
  const workspace = { location: 'eastus', properties: {} }
  await settled(
    test.call,
    await test.call('PUT', `${id}?api-version=2025-12-01`, { body: workspace }),
  )
  const service = (base: string) => (method: string, path: string, body?: unknown) =>
    test.call(method, `${base}${id}${path}`, { ...(body !== undefined && { body }) })
  const metric = service('/metric/v2.0')
  return {
    test,
    id,
    history: service('/history/v1.0'),
    metric: (runId, verb, body) => metric('POST', `/runs/${runId}/${verb}`, body),
    mlflow: (method, path, body) =>
      service('/mlflow/v1.0')(method, `/api/2.0/mlflow/${path}`, body),
  }
}
