import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type JobWorkspace, jobWorkspace } from '../testing/job-client.ts'
import { mlflowModel } from '../testing/mlflow-model.ts'
import { startTestRegion, type TestRegion } from '../testing/test-region.ts'
import { findPython, hasModule } from './python-runtime.ts'

const python = await findPython()
const hasMlflow = python !== undefined && (await hasModule(python, 'mlflow.pyfunc'))
if (python === undefined)
  console.warn('SKIPPED: online deployments, for this machine has no Python 3')

let region: TestRegion
let jobs: JobWorkspace

beforeAll(async () => {
  region = await startTestRegion()
  jobs = await jobWorkspace(region)
})
afterAll(() => region.stop())

const endpoint = (name: string, properties = {}) =>
  jobs.put(`/onlineEndpoints/${name}`, { authMode: 'Key', ...properties })
const deploy = (path: string, properties: Record<string, unknown>) =>
  jobs.put(`/onlineEndpoints/${path.replace('/', '/deployments/')}`, properties)
async function score(name: string, body: unknown, headers = {}) {
  const { scoringUri } = await jobs.properties(`/onlineEndpoints/${name}`)
  const keys = await region.call('POST', `${jobs.workspace}/onlineEndpoints/${name}/listKeys`)
  const { primaryKey } = keys.body as { primaryKey: string }
  return region.call('POST', String(scoringUri), { body, token: primaryKey, headers })
}
/** A scoring script that says its name and counts what it was asked. */
const script = `
import os
count = 0
def init():
    print("ready", flush=True)
def run(raw):
    global count
    count += 1
    print("asked", count, raw, flush=True)
    return {"name": os.environ["WHO"], "count": count}
`

describe.runIf(python)('an online endpoint', () => {
  const scripted = async (path: string, who: string) =>
    deploy(path, {
      codeConfiguration: {
        codeId: await jobs.upload('codes', `code-${who}`, { 'score.py': script }),
        scoringScript: 'score.py',
      },
      environmentVariables: { WHO: who },
    })

  it('registers the data assets that its collector would fill, once', async () => {
    await endpoint('watched')
    const own = `${jobs.workspace}/data/own/versions/3`
    const collections = {
      model_inputs: { dataCollectionMode: 'enabled' },
      model_outputs: { dataCollectionMode: 'enabled', dataId: own },
      request: { dataCollectionMode: 'disabled' },
    }
    const code = await jobs.upload('codes', 'code-watched', { 'score.py': script })
    const properties = {
      codeConfiguration: { codeId: code, scoringScript: 'score.py' },
      environmentVariables: { WHO: 'watched' },
      dataCollector: { collections, rollingRate: 'Hour' },
    }
    for (let i = 0; i < 2; i++) await deploy('watched/blue', properties)
    const { dataCollector } = await jobs.properties('/onlineEndpoints/watched/deployments/blue')
    const dataId = `${jobs.workspace}/data/watched-blue-model_inputs/versions/1`
    expect(dataCollector).toEqual({
      collections: {
        model_inputs: { dataCollectionMode: 'Enabled', dataId },
        model_outputs: { dataCollectionMode: 'Enabled', dataId: own },
        request: { dataCollectionMode: 'Disabled' },
      },
      rollingRate: 'Hour',
    })
    const asset = await jobs.properties('/data/watched-blue-model_inputs/versions/1')
    expect(asset).toMatchObject({
      dataType: 'uri_folder',
      dataUri: expect.stringContaining('/modelDataCollector/watched/blue/model_inputs'),
    })
    const { value } = (await region.call('GET', `${jobs.workspace}/data`)).body as {
      value: { name: string }[]
    }
    expect(value.map(({ name }) => name)).toEqual(['watched-blue-model_inputs'])
  })

  it('splits its traffic, mirrors some of it, and moves it from blue to green', async () => {
    await endpoint('split')
    expect((await scripted('split/blue', 'blue')).status).toBe(200)
    expect((await scripted('split/green', 'green')).status).toBe(200)
    for (const traffic of [{ blue: 60 }, { blue: 50, red: 50 }])
      expect((await endpoint('split', { traffic })).status).toBe(400)
    for (const mirrorTraffic of [{ green: 51 }, { blue: 10 }, { red: 10 }, { green: 10, blue: 10 }])
      expect((await endpoint('split', { traffic: { blue: 100 }, mirrorTraffic })).status).toBe(400)

    await endpoint('split', { traffic: { blue: 100 }, mirrorTraffic: { green: 50 } })
    for (let i = 0; i < 30; i += 1)
      expect((await score('split', { i })).body).toMatchObject({ name: 'blue' })
    const log = async (name: string) => {
      const path = `${jobs.workspace}/onlineEndpoints/split/deployments/${name}/getLogs`
      const { body } = await region.call('POST', path, { body: { tail: 500 } })
      return (body as { content: string }).content
    }
    const asked = (await log('green')).match(/asked/g)?.length ?? 0
    expect(asked).toBeGreaterThan(0)
    expect(asked).toBeLessThan(30)
    // A deployment that is asked for by name is not mirrored.
    const forced = await score('split', {}, { 'azureml-model-deployment': 'green' })
    expect(forced.body).toMatchObject({ name: 'green', count: asked + 1 })

    await endpoint('split', { traffic: { green: 100 } })
    expect((await score('split', {})).body).toMatchObject({ name: 'green' })
    const busy = `${jobs.workspace}/onlineEndpoints/split/deployments/green`
    expect((await region.call('DELETE', busy)).status).toBe(400)
  })

  it('is not deployed when its script fails, and says why', async () => {
    await endpoint('broken')
    const codeId = await jobs.upload('codes', 'broken', {
      'score.py': 'raise RuntimeError("no model")',
    })
    const failed = await deploy('broken/blue', {
      codeConfiguration: { codeId, scoringScript: 'score.py' },
    })
    expect(JSON.stringify(failed.body)).toContain('no model')
    const { provisioningState } = await jobs.properties('/onlineEndpoints/broken/deployments/blue')
    expect(provisioningState).toBe('Failed')
  })

  it('is only stored without a script or an MLflow model, and says so when it is scored', async () => {
    await endpoint('neither')
    const model = await jobs.upload('models', 'plain', { 'weights.bin': '1' })
    expect((await deploy('neither/blue', { model })).status).toBe(200)
    await endpoint('neither', { traffic: { blue: 100 } })
    const answer = await score('neither', {})
    expect(answer.status).toBe(501)
    expect(JSON.stringify(answer.body)).toContain('neither a scoring script')
  })

  it.runIf(!hasMlflow)('says what serves MLflow models when it is missing', async () => {
    await endpoint('missing')
    const model = await jobs.upload('models', 'mlflow-model', { MLmodel: 'flavors: {}' })
    expect((await deploy('missing/blue', { model })).status).toBe(200)
    await endpoint('missing', { traffic: { blue: 100 } })
    const answer = await score('missing', {})
    expect(answer.status).toBe(501)
    expect(JSON.stringify(answer.body)).toContain('package mlflow')
  })

  if (!hasMlflow)
    console.warn(
      'SKIPPED: serving MLflow models, for Python cannot import mlflow (set HOLDFAST_REGION_PYTHON)',
    )
  it.runIf(hasMlflow)(
    'serves MLflow models without a script',
    async () => {
      const model = await jobs.upload('models', 'linear', mlflowModel(python ?? ''))
      await endpoint('mlflow')
      expect(await deploy('mlflow/blue', { model })).toMatchObject({ status: 200 })
      await endpoint('mlflow', { traffic: { blue: 100 } })
      for (const input of [
        {
          input_data: {
            columns: ['a', 'b'],
            index: [0, 1],
            data: [
              [1, 2],
              [3, 4],
            ],
          },
        },
        {
          input_data: [
            [1, 2],
            [3, 4],
          ],
        },
        { input_data: { a: [1, 3], b: [2, 4] } },
        {
          dataframe_records: [
            { a: 1, b: 2 },
            { a: 3, b: 4 },
          ],
        },
      ])
        expect((await score('mlflow', input)).body).toEqual([12, 34])
      expect((await score('mlflow', { nothing: 1 })).status).toBe(424)
    },
    120_000,
  )
})
