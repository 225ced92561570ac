import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestWorkspace, type TestWorkspace } from '../testing/test-workspace.ts'

let w: TestWorkspace
let experiment_id: string
beforeAll(async () => {
  w = await startTestWorkspace()
  const made = await w.mlflow('POST', 'experiments/create', { name: 'models' })
  experiment_id = (made.body as { experiment_id: string }).experiment_id
})
afterAll(() => w.test.stop())

interface Model {
  info: { model_id: string; status: string; artifact_uri: string; tags: object[] }
  data: { params: object[]; metrics: object[] }
}
const modelOf = (answer: { body: unknown }) => (answer.body as { model: Model }).model

async function create(fields: object = {}): Promise<Model> {
  const answer = await w.mlflow('POST', 'logged-models', { experiment_id, ...fields })
  expect(answer.status).toBe(200)
  return modelOf(answer)
}
const get = (id: string) => w.mlflow('GET', `logged-models/${id}`)
const found = async (query: object) => {
  const asked = { experiment_ids: [experiment_id], ...query }
  const { body } = await w.mlflow('POST', 'logged-models/search', asked)
  const { models, next_page_token } = body as { models: Model[]; next_page_token?: string }
  return { ids: models.map(({ info }) => info.model_id), token: next_page_token }
}

describe('logged models', () => {
  it('are pending until they are finalized, and take tags and parameters', async () => {
    const { info } = await create({ params: [{ key: 'depth', value: '3' }] })
    expect(info.status).toBe('LOGGED_MODEL_PENDING')
    const path = `logged-models/${info.model_id}`
    await w.mlflow('PATCH', path, { status: 'LOGGED_MODEL_READY' })
    await w.mlflow('PATCH', `${path}/tags`, { tags: [{ key: 'a', value: '1' }] })
    await w.mlflow('POST', `${path}/params`, { params: [{ key: 'trees', value: '9' }] })
    const seen = modelOf(await get(info.model_id))
    expect(seen.info).toMatchObject({
      status: 'LOGGED_MODEL_READY',
      tags: [{ key: 'a', value: '1' }],
    })
    expect(seen.data.params).toEqual([
      { key: 'depth', value: '3' },
      { key: 'trees', value: '9' },
    ])
    await w.mlflow('DELETE', `${path}/tags/a`)
    expect(modelOf(await get(info.model_id)).info.tags).toEqual([])
    expect((await w.mlflow('DELETE', `${path}/tags/a`)).status).toBe(404)
    expect((await w.mlflow('PATCH', path, { status: 'LOGGED_MODEL_FINE' })).status).toBe(400)
  })

  it('keep the latest of each metric that runs log for them', async () => {
    const { info } = await create()
    const { body } = await w.mlflow('POST', 'runs/create', { experiment_id })
    const { run_id } = (body as { run: { info: { run_id: string } } }).run.info
    const log = (value: number, step: number) =>
      w.mlflow('POST', 'runs/log-metric', {
        ...{ run_id, key: 'auc', value, step, timestamp: 5, model_id: info.model_id },
        dataset_name: 'train',
      })
    for (const [value, step] of [
      [0.5, 1],
      [0.9, 3],
      [0.7, 2],
    ] as const)
      expect((await log(value, step)).status).toBe(200)
    const { data } = modelOf(await get(info.model_id))
    expect(data.metrics).toEqual([
      expect.objectContaining({ key: 'auc', value: 0.9, step: 3, run_id, dataset_name: 'train' }),
    ])
    expect((await found({ datasets: [{ dataset_name: 'train' }] })).ids).toEqual([info.model_id])
    expect((await found({ filter: 'metrics.auc > 0.8' })).ids).toEqual([info.model_id])
  })

  it('are searched page by page, newest first, and gone when deleted', async () => {
    const [a, b, c] = [
      await create({ name: 'page-a' }),
      await create({ name: 'page-b' }),
      await create({ name: 'page-c' }),
    ].map(({ info }) => info.model_id)
    const filter = "name LIKE 'page-%'"
    const first = await found({ filter, max_results: 2 })
    expect(first.ids).toEqual([c, b])
    expect((await found({ filter, max_results: 2, page_token: first.token })).ids).toEqual([a])
    const order_by = [{ field_name: 'name', ascending: true }]
    expect((await found({ filter, order_by })).ids).toEqual([a, b, c])
    await w.mlflow('DELETE', `logged-models/${b}`)
    expect((await get(b ?? '')).status).toBe(404)
    expect((await found({ filter })).ids).toEqual([c, a])
  })

  it('become versions of registered models, with their files', async () => {
    const { info } = await create()
    await w.mlflow('POST', 'registered-models/create', { name: 'from-logged' })
    const { body } = await w.mlflow('POST', 'model-versions/create', {
      ...{ name: 'from-logged', source: `models:/${info.model_id}`, model_id: info.model_id },
    })
    expect(body).toMatchObject({
      model_version: { source: `models:/${info.model_id}`, model_id: info.model_id },
    })
    const uri = await w.mlflow('GET', 'model-versions/get-download-uri?name=from-logged&version=1')
    expect(uri.body).toEqual({ artifact_uri: info.artifact_uri })
    expect(modelOf(await get(info.model_id)).info.tags).toEqual([
      { key: 'mlflow.modelVersions', value: '[{"name": "from-logged", "version": 1}]' },
    ])
  })

  it.each([
    '/etc/passwd',
    'file:///etc',
    '../up',
    'mlflow-artifacts:/a/%252e%252e/b',
    's3://b/../c',
  ])('and no version is made of %s', async (source) => {
    await w.mlflow('POST', 'registered-models/create', { name: 'safe' })
    const answer = await w.mlflow('POST', 'model-versions/create', { name: 'safe', source })
    expect(answer).toMatchObject({
      status: 400,
      body: { error_code: 'INVALID_PARAMETER_VALUE' },
    })
  })
})
