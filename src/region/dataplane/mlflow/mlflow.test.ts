import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestWorkspace, type TestWorkspace } from '../testing/test-workspace.ts'

let w: TestWorkspace
let experimentId: string
beforeAll(async () => {
  w = await startTestWorkspace()
  const { body } = await w.mlflow('POST', 'experiments/create', { name: 'fraud' })
  experimentId = (body as { experiment_id: string }).experiment_id
})
afterAll(async () => {
  await w.test.stop()
})

interface Run {
  info: Record<string, unknown> & { run_id: string; artifact_uri: string }
  data: Record<'metrics' | 'params' | 'tags', Array<{ key: string; value: unknown }>>
}
const createRun = async (fields: object = {}): Promise<Run> => {
  const { body } = await w.mlflow('POST', 'runs/create', { experiment_id: experimentId, ...fields })
  return (body as { run: Run }).run
}
const getRun = async (id: string) => {
  const { body } = await w.mlflow('GET', `runs/get?run_id=${id}`)
  return (body as { run: Run }).run
}
const search = async (question: object) => {
  const ask = { experiment_ids: [experimentId], ...question }
  const { body } = await w.mlflow('POST', 'runs/search', ask)
  const { runs, next_page_token } = body as { runs: Run[]; next_page_token?: string }
  return { ids: runs.map((run) => run.info.run_id), token: next_page_token }
}
const codeOf = (answer: { body: unknown }) => (answer.body as { error_code?: string }).error_code

describe('MLflow runs', () => {
  it('are the runs of run history, seen from both sides', async () => {
    const run = await createRun({ run_name: 'one', start_time: 1700000000123, user_id: 'ann' })
    expect(run.info).toMatchObject({
      status: 'RUNNING',
      run_name: 'one',
      start_time: 1700000000123,
      user_id: 'ann',
      lifecycle_stage: 'active',
      artifact_uri: `mlflow-artifacts:/ExperimentRun/dcid.${run.info.run_id}`,
    })
    const id = run.info.run_id
    await w.mlflow('POST', 'runs/log-batch', {
      run_id: id,
      metrics: [
        { key: 'loss', value: 0.5, timestamp: 5, step: 1 },
        { key: 'loss', value: 'NaN', timestamp: 6, step: 2 },
      ],
      params: [{ key: 'lr', value: '0.1' }],
      tags: [{ key: 'team', value: 'risk' }],
    })
    await w.mlflow('POST', 'runs/update', {
      run_id: id,
      status: 'FINISHED',
      end_time: 1700000001000,
    })
    const seen = await w.history('GET', `/runs/${id}`)
    expect(seen.body).toMatchObject({
      status: 'Completed',
      displayName: 'one',
      startTimeUtc: '2023-11-14T22:13:20.123000Z',
      parameters: { lr: '0.1' },
      tags: { team: 'risk' },
    })
    const full = await w.metric(id, 'full', { metricName: 'loss' })
    expect(full.body).toMatchObject({ value: [{ data: { loss: 0.5 } }, { data: { loss: 'NaN' } }] })
    await w.metric(id, 'batch', {
      values: [{ name: 'loss', value: [{ step: 3, data: { loss: 9 } }] }],
    })
    await w.history('PATCH', `/runs/${id}`, { status: 'Canceled', tags: { x: '1' } })
    const again = await getRun(id)
    expect(again.info).toMatchObject({ status: 'KILLED', end_time: 1700000001000 })
    expect(again.data.metrics).toMatchObject([{ key: 'loss', value: 9, step: 3 }])
    expect(again.data.tags).toEqual(
      expect.arrayContaining([
        { key: 'mlflow.runName', value: 'one' },
        { key: 'x', value: '1' },
      ]),
    )
  })

  it('write a batch whole or not at all', async () => {
    const run = await createRun()
    const run_id = run.info.run_id
    const param = (value: string) => ({ params: [{ key: 'p', value }] })
    await w.mlflow('POST', 'runs/log-batch', { run_id, ...param('1') })
    const refused = await w.mlflow('POST', 'runs/log-batch', {
      ...{ run_id, ...param('2') },
      metrics: [{ key: 'm', value: 1, timestamp: 1 }],
      tags: [{ key: 't', value: '1' }],
    })
    expect(refused.status).toBe(400)
    expect(codeOf(refused)).toBe('INVALID_PARAMETER_VALUE')
    const metrics = Array.from({ length: 1001 }, () => ({ key: 'm', value: 1, timestamp: 1 }))
    expect((await w.mlflow('POST', 'runs/log-batch', { run_id, metrics })).status).toBe(400)
    const bad = [
      { key: 'm', value: 1, timestamp: 1 },
      { key: 'm', value: 'much', timestamp: 1 },
    ]
    expect((await w.mlflow('POST', 'runs/log-batch', { run_id, metrics: bad })).status).toBe(400)
    const { data } = await getRun(run_id)
    expect(data.metrics).toEqual([])
    expect(data.params).toEqual([{ key: 'p', value: '1' }])
    expect(data.tags.map(({ key }) => key)).toEqual(['mlflow.runName'])
  })

  it('are found by filter and paged', async () => {
    const made: string[] = []
    for (const value of [3, 1, 2]) {
      const tags = [{ key: 'set', value: 'search' }]
      const { info } = await createRun({ tags, start_time: 1000 + value })
      made.push(info.run_id)
      const { run_id } = info
      await w.mlflow('POST', 'runs/log-metric', {
        run_id,
        key: 'auc',
        value,
        timestamp: 1,
        step: 0,
      })
    }
    const [three, one, two] = made
    const filter = "tags.set = 'search'"
    expect((await search({ filter })).ids).toEqual([three, two, one])
    expect((await search({ filter, order_by: ['metrics.auc ASC'] })).ids).toEqual([one, two, three])
    expect(
      (await search({ filter: `${filter} AND metrics.auc >= 2 AND start_time < 1003` })).ids,
    ).toEqual([two])
    expect((await search({ filter: `${filter} and status = 'FINISHED'` })).ids).toEqual([])
    const first = await search({ filter, max_results: 2 })
    const second = await search({ filter, max_results: 2, page_token: first.token })
    expect([...first.ids, ...second.ids]).toEqual([three, two, one])
    expect(second.token).toBeUndefined()
    await w.mlflow('POST', 'runs/delete', { run_id: one })
    expect((await search({ filter })).ids).toEqual([three, two])
    expect((await search({ filter, run_view_type: 'DELETED_ONLY' })).ids).toEqual([one])
    expect((await w.history('GET', `/runs/${one}`)).body).toMatchObject({ hidden: true })
    const late = { run_id: one, key: 'm', value: 1, timestamp: 1 }
    expect(codeOf(await w.mlflow('POST', 'runs/log-metric', late))).toBe('INVALID_PARAMETER_VALUE')
  })

  it('give a history page by page and whole', async () => {
    const { info } = await createRun()
    const metrics = Array.from({ length: 25 }, (_, step) => ({
      ...{ key: 'm', value: step / 2, timestamp: step, step: step - 5 },
    }))
    await w.mlflow('POST', 'runs/log-batch', { run_id: info.run_id, metrics })
    const read = async (rest: string) => {
      const path = `metrics/get-history?run_id=${info.run_id}&metric_key=m${rest}`
      return (await w.mlflow('GET', path)).body as { metrics: unknown[]; next_page_token?: string }
    }
    expect((await read('')).metrics).toEqual(metrics)
    const first = await read('&max_results=20')
    const second = await read(`&max_results=20&page_token=${first.next_page_token}`)
    expect([...first.metrics, ...second.metrics]).toEqual(metrics)
  })

  it('say what is missing in the words of MLflow', async () => {
    const answer = await w.mlflow('GET', 'runs/get?run_id=absent')
    expect([answer.status, codeOf(answer)]).toEqual([404, 'RESOURCE_DOES_NOT_EXIST'])
    const again = await w.mlflow('POST', 'experiments/create', { name: 'fraud' })
    expect([again.status, codeOf(again)]).toEqual([400, 'RESOURCE_ALREADY_EXISTS'])
    const other = await w.mlflow('POST', 'traces', {})
    expect(other).toMatchObject({ status: 501, body: { error: { code: 'NotImplemented' } } })
    const nowhere = w.id.replace('fraud', 'nowhere')
    const path = `/mlflow/v1.0${nowhere}/api/2.0/mlflow/experiments/search`
    expect(await w.test.call('GET', path)).toMatchObject({
      status: 404,
      body: { error_code: 'RESOURCE_DOES_NOT_EXIST', error: { code: 'ResourceNotFound' } },
    })
    expect((await w.test.call('GET', path, { token: null })).status).toBe(401)
  })
})

describe('MLflow experiments', () => {
  it('are archived, renamed, tagged and searched', async () => {
    const { body } = await w.mlflow('POST', 'experiments/create', { name: 'second' })
    const { experiment_id } = body as { experiment_id: string }
    const tag = { experiment_id, key: 'team', value: 'risk' }
    await w.mlflow('POST', 'experiments/set-experiment-tag', tag)
    await w.mlflow('POST', 'experiments/update', { experiment_id, new_name: 'renamed' })
    const names = async (query: string) => {
      const answer = await w.mlflow('GET', `experiments/search?${query}`)
      return (answer.body as { experiments: Array<{ name: string }> }).experiments.map(
        (e) => e.name,
      )
    }
    expect(await names(`filter=${encodeURIComponent("tags.team = 'risk'")}`)).toEqual(['renamed'])
    await w.mlflow('POST', 'experiments/delete', { experiment_id })
    expect(await names('')).toEqual(['fraud', 'Default'])
    expect(await names('view_type=ALL&order_by=name%20DESC&max_results=1')).toEqual(['renamed'])
    const seen = await w.history('GET', '/experiments/renamed')
    expect((seen.body as { archivedTime: string | null }).archivedTime).not.toBeNull()
  })
})

describe('artifacts', () => {
  const proxy = (method: string, path: string, body?: string) => {
    const url = `/mlflow/v1.0${w.id}/api/2.0/mlflow-artifacts/artifacts${path}`
    const headers = { 'content-type': 'application/json' }
    return w.test.call(method, url, { ...(body !== undefined && { body, headers }) })
  }

  it('pass through the proxy into the container and are listed', async () => {
    const { info } = await createRun()
    const root = info.artifact_uri.replace('mlflow-artifacts:', '')
    expect((await proxy('PUT', `${root}/model/MLmodel`, '{"not": json')).status).toBe(200)
    await proxy('PUT', `${root}/model/data/weights.bin`, 'x'.repeat(5_000_000))
    await proxy('PUT', `${root}/notes.txt`, '[1,2]')
    expect((await proxy('GET', `${root}/notes.txt`)).body).toEqual([1, 2])
    expect(String((await proxy('GET', `${root}/notes.txt`)).headers['content-length'])).toBe('5')
    const listed = await w.mlflow('GET', `artifacts/list?run_id=${info.run_id}&path=model`)
    expect(listed.body).toEqual({
      root_uri: info.artifact_uri,
      files: [
        { path: 'model/MLmodel', is_dir: false, file_size: 12 },
        { path: 'model/data', is_dir: true },
      ],
    })
    const below = await proxy('GET', `?path=${encodeURIComponent(root.slice(1))}`)
    expect(below.body).toEqual({
      files: [
        { path: 'model', is_dir: true },
        { path: 'notes.txt', is_dir: false, file_size: 5 },
      ],
    })
    expect((await proxy('DELETE', `${root}/model`)).status).toBe(200)
    expect((await proxy('GET', `${root}/model/MLmodel`)).status).toBe(404)
    expect((await proxy('GET', '/ExperimentRun/%2e%2e/%2e%2e/x')).status).toBe(400)
  })

  it('are given by run history and the artifact service with addresses that work', async () => {
    await w.history('PATCH', '/experiments/fraud/runs/art', {})
    const post = `/history/v1.0${w.id}/runs/art/artifacts/content?path=logs/a%20b.txt`
    const headers = { 'content-type': 'text/plain' }
    expect(await w.test.call('POST', post, { body: 'log line', headers })).toMatchObject({
      status: 200,
      body: { artifactId: 'ExperimentRun/dcid.art/logs/a b.txt', path: 'logs/a b.txt' },
    })
    const info = await w.history('GET', '/runs/art/artifacts/contentinfo?path=logs/a%20b.txt')
    const { contentUri } = info.body as { contentUri: string }
    expect(await w.test.call('GET', contentUri, { token: null })).toMatchObject({
      status: 200,
      body: 'log line',
    })
    const empty = await w.history('POST', '/experiments/fraud/runs/art/artifacts/batch/metadata', {
      paths: [{ path: 'out/new.txt' }, { path: 'logs/a b.txt' }],
    })
    const made = empty.body as {
      artifactContentInformation: Record<string, { contentUri: string }>
      errors: object
    }
    expect(Object.keys(made.errors)).toEqual(['logs/a b.txt'])
    const upload = made.artifactContentInformation['out/new.txt']?.contentUri ?? ''
    const put = {
      body: 'late',
      // On the condition that it is new, as official clients upload.
      headers: {
        ...{ 'x-ms-blob-type': 'BlockBlob', 'content-type': 'text/plain' },
        'if-none-match': '*',
      },
      token: null,
    }
    expect((await w.test.call('PUT', upload, put)).status).toBe(201)
    const service = `/artifact/v2.0${w.id}/artifacts`
    const paths = async (url: string) => {
      const { body } = await w.test.call('GET', url)
      return (body as { value: Array<{ path: string }> }).value.map(({ path }) => path)
    }
    const all = ['logs/a b.txt', 'out/new.txt']
    expect(await paths(`/history/v1.0${w.id}/runs/art/artifacts`)).toEqual(all)
    expect(await paths(`${service}/ExperimentRun/dcid.art`)).toEqual(all)
    expect(await paths(`${service}/prefix/contentinfo/ExperimentRun/dcid.art?path=out`)).toEqual([
      'out/new.txt',
    ])
    const content = await w.test.call(
      'GET',
      `${service}/content/ExperimentRun/dcid.art/out/new.txt`,
    )
    expect(content.body).toBe('late')
    expect((await w.history('GET', '/runs/art/artifacts/contentinfo?path=none')).status).toBe(404)
  })
})

describe('the model registry', () => {
  const on = async (method: string, path: string, body?: object) =>
    (await w.mlflow(method, path, body)).body as Record<string, never>

  it('shows the same models as Azure Resource Manager', async () => {
    const { info } = await createRun()
    const { run_id } = info
    await on('POST', 'registered-models/create', { name: 'detector' })
    const source = `runs:/${run_id}/model`
    const tags = [{ key: 'k', value: 'v' }]
    const made = await on('POST', 'model-versions/create', {
      name: 'detector',
      source,
      run_id,
      tags,
    })
    expect(made).toMatchObject({
      model_version: {
        ...{ name: 'detector', version: '1', run_id, status: 'READY', current_stage: 'None' },
        source: `mlflow-artifacts:/ExperimentRun/dcid.${run_id}/model`,
      },
    })
    const arm = await w.test.call(
      'GET',
      `${w.id}/models/detector/versions/1?api-version=2025-12-01`,
    )
    expect(arm.body).toMatchObject({
      properties: {
        modelUri: expect.stringMatching(
          new RegExp(
            `^azureml://subscriptions/s1/.*/workspaces/fraud/datastores/workspaceartifactstore/paths/ExperimentRun/dcid.${run_id}/model$`,
          ),
        ),
        ...{ jobName: run_id, tags: { k: 'v' }, flavors: {}, modelType: 'mlflow_model' },
      },
    })
    const modelUri = 'azureml://datastores/workspaceblobstore/paths/m'
    const body = { properties: { modelUri, modelType: 'custom_model' } }
    await w.test.call('PUT', `${w.id}/models/detector/versions/7?api-version=2025-12-01`, { body })
    expect(await on('GET', 'model-versions/get?name=detector&version=7')).toMatchObject({
      model_version: { source: modelUri },
    })
    expect(await on('POST', 'model-versions/create', { name: 'detector', source })).toMatchObject({
      model_version: { version: '8' },
    })
  })

  it('moves stages and aliases and never gives a number twice', async () => {
    const name = 'staged'
    await on('POST', 'registered-models/create', { name })
    for (const source of ['s3://a', 's3://b', 's3://c'])
      await on('POST', 'model-versions/create', { name, source })
    const move = (version: string, archive_existing_versions: boolean) =>
      on('POST', 'model-versions/transition-stage', {
        ...{ name, version, stage: 'production', archive_existing_versions },
      })
    await move('1', false)
    await move('2', true)
    await on('POST', 'registered-models/alias', { name, alias: 'champion', version: '3' })
    const model = await on('GET', `registered-models/get?name=${name}`)
    expect(model).toMatchObject({
      registered_model: {
        aliases: [{ alias: 'champion', version: '3' }],
        latest_versions: expect.arrayContaining([
          expect.objectContaining({ version: '1', current_stage: 'Archived' }),
          expect.objectContaining({ version: '2', current_stage: 'Production' }),
        ]),
      },
    })
    await on('DELETE', 'model-versions/delete', { name, version: '3' })
    const gone = await w.mlflow('GET', `registered-models/alias?name=${name}&alias=champion`)
    expect(codeOf(gone)).toBe('RESOURCE_DOES_NOT_EXIST')
    expect(await on('POST', 'model-versions/create', { name, source: 's3://d' })).toMatchObject({
      model_version: { version: '4' },
    })
    await on('POST', 'registered-models/rename', { name, new_name: 'moved' })
    const filter = encodeURIComponent("name = 'moved'")
    const order = encodeURIComponent('version_number ASC')
    const found = (await on(
      'GET',
      `model-versions/search?filter=${filter}&order_by=${order}`,
    )) as unknown as {
      model_versions: Array<{ version: string }>
    }
    expect(found.model_versions.map(({ version }) => version)).toEqual(['1', '2', '4'])
    await on('DELETE', 'registered-models/delete', { name: 'moved' })
    const models = await on('GET', `registered-models/search?filter=${filter}`)
    expect(models).toEqual({ registered_models: [] })
  })
})

describe('a search over several experiments', () => {
  it.each([
    [['start_time ASC'], false],
    [[], true],
    [['metrics.loss DESC'], true],
  ])('pages through all of them in one order: %j', async (order_by, isNewestFirst) => {
    const experiment_ids: string[] = []
    for (const n of [0, 1, 2]) {
      const name = `several-${n}-${order_by}`
      const { body } = await w.mlflow('POST', 'experiments/create', { name })
      experiment_ids.push((body as { experiment_id: string }).experiment_id)
    }
    const made: string[] = []
    for (let i = 0; i < 9; i++) {
      const experiment_id = experiment_ids[(i * 2) % 3]
      const run = await createRun({ experiment_id, start_time: 1000 + i })
      made.push(run.info.run_id)
      const metric = { run_id: run.info.run_id, key: 'loss', value: i, timestamp: 1 }
      await w.mlflow('POST', 'runs/log-metric', metric)
    }
    const seen: string[] = []
    let page_token: string | undefined
    do {
      // An experiment named twice is searched once.
      const asked = { experiment_ids: [...experiment_ids, experiment_ids[0]], order_by }
      const page = await search({ ...asked, max_results: 2, ...(page_token && { page_token }) })
      seen.push(...page.ids)
      page_token = page.token
    } while (page_token !== undefined)
    expect(seen).toEqual(isNewestFirst ? [...made].reverse() : made)
  })
})
