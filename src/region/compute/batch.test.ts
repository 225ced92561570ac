import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type JobWorkspace, jobWorkspace, ref } from '../testing/job-client.ts'
import { mlflowModel } from '../testing/mlflow-model.ts'
import { startTestRegion, type TestRegion } from '../testing/test-region.ts'
import { findPython, hasModule } from './python-runtime.ts'

const python = await findPython()
const hasMlflow = python !== undefined && (await hasModule(python, 'mlflow.pyfunc'))
if (!hasMlflow) console.warn('SKIPPED: batch scoring with MLflow models, for Python has no mlflow')
if (python === undefined) console.warn('SKIPPED: batch endpoints, for this machine has no Python 3')

let region: TestRegion
let jobs: JobWorkspace
let data: string

beforeAll(async () => {
  region = await startTestRegion()
  jobs = await jobWorkspace(region)
  const files = Object.fromEntries([1, 2, 3, 4, 5].map((n) => [`f${n}.txt`, String(n)]))
  data = await jobs.upload('data', 'numbers', files)
})
afterAll(() => region.stop())

/** Ten times each file's number; fails at a mini batch that holds a 4. Says how large batches are. */
const script = `
import os, pathlib
def init():
    global factor
    folder = pathlib.Path(os.environ["AZUREML_MODEL_DIR"])
    factor = int(next(folder.glob("*/factor.txt")).read_text())
def run(batch):
    print("batch of", len(batch), flush=True)
    numbers = [int(pathlib.Path(path).read_text()) for path in batch]
    if os.environ.get("REFUSE") and int(os.environ["REFUSE"]) in numbers:
        raise ValueError("refused")
    return [factor * number for number in numbers]
`
const deploy = (path: string, properties: object) =>
  jobs.put(`/batchEndpoints/${path.replace('/', '/deployments/')}`, { ...properties })

async function invoke(endpoint: string, properties: object, deployment?: string) {
  const { scoringUri } = await jobs.properties(`/batchEndpoints/${endpoint}`)
  const headers = deployment === undefined ? {} : { 'azureml-model-deployment': deployment }
  return region.call('POST', String(scoringUri), { body: { properties }, headers })
}
async function jobOf(answer: { status: number; body: unknown }): Promise<string> {
  expect(answer.status).toBe(201)
  const { name } = answer.body as { name: string }
  await jobs.ended(name)
  return name
}
/** A file of a job's output, read as another job would. */
async function output(job: string, name: string, file: string): Promise<string> {
  const uri = `azureml://jobs/${job}/outputs/${name}/paths/${file}`
  const reader = `read-${job}`.slice(0, 60)
  await jobs.put(`/jobs/${reader}`, {
    jobType: 'Command',
    command: `cat ${ref('inputs.it')}`,
    inputs: { it: { jobInputType: 'uri_file', uri } },
  })
  expect(await jobs.ended(reader)).toBe('Completed')
  return jobs.artifact(reader, 'user_logs/std_log.txt')
}

describe.runIf(python)('a batch endpoint', () => {
  const InputData = () => ({ numbers: { JobInputType: 'UriFolder', Uri: data } })

  beforeAll(async () => {
    await jobs.put('/batchEndpoints/times', {})
    const codeId = await jobs.upload('codes', 'times', { 'score.py': script })
    const assetId = await jobs.upload('models', 'times', { 'factor.txt': '10' })
    const scripted = {
      codeConfiguration: { codeId, scoringScript: 'score.py' },
      model: { referenceType: 'Id', assetId },
      miniBatchSize: 2,
      retrySettings: { maxRetries: 1 },
    }
    const refusing = { ...scripted, environmentVariables: { REFUSE: '4' } }
    await deploy('times/ten', scripted)
    await deploy('times/tolerant', refusing)
    await deploy('times/strict', { ...refusing, errorThreshold: 1 })
    await jobs.put('/batchEndpoints/times', { defaults: { deploymentName: 'ten' } })
  })

  it('scores files in mini batches with its default deployment', async () => {
    const job = await jobOf(await invoke('times', { InputData: InputData() }))
    expect(await jobs.statusOf(job)).toBe('Completed')
    expect(await output(job, 'score', 'predictions.csv')).toBe('10\n20\n30\n40\n50\n')
    const log = await jobs.artifact(job, 'user_logs/std_log.txt')
    expect(log.match(/batch of \d/g)).toEqual(['batch of 2', 'batch of 2', 'batch of 1'])
    for (const path of [
      `${jobs.workspace}/batchEndpoints/times/jobs`,
      String((await jobs.properties('/batchEndpoints/times')).scoringUri),
    ]) {
      const { body } = await region.call('GET', path)
      const { value } = body as { value: { name: string; properties: object }[] }
      expect(value.find((one) => one.name === job)).toMatchObject({
        properties: { status: 'Completed' },
      })
    }
  })

  it('tries again, and tolerates or refuses files that fail, as the deployment says', async () => {
    const tolerant = await jobOf(await invoke('times', { inputData: InputData() }, 'tolerant'))
    expect(await jobs.statusOf(tolerant)).toBe('Completed')
    expect(await output(tolerant, 'score', 'predictions.csv')).toBe('10\n20\n50\n')
    const log = await jobs.artifact(tolerant, 'user_logs/std_log.txt')
    expect(log.match(/ValueError: refused/g)).toHaveLength(2)
    const strict = await jobOf(await invoke('times', { inputData: InputData() }, 'strict'))
    expect(await jobs.statusOf(strict)).toBe('Failed')
  })

  it('writes where the caller says', async () => {
    const uri = 'azureml://datastores/workspaceblobstore/paths/elsewhere/'
    const job = await jobOf(
      await invoke('times', {
        inputData: InputData(),
        outputData: { mine: { jobOutputType: 'UriFolder', uri } },
        outputFileName: 'mine.csv',
      }),
    )
    expect(await output(job, 'mine', 'mine.csv')).toBe('10\n20\n30\n40\n50\n')
  })

  it('runs the pipeline component of a deployment', async () => {
    await jobs.put('/components/flow/versions/1', {
      componentSpec: {
        type: 'pipeline',
        inputs: { word: { type: 'string' } },
        jobs: {
          say: {
            type: 'command',
            command: `echo ${ref('inputs.word')}`,
            inputs: { word: { job_input_type: 'literal', value: ref('parent.inputs.word') } },
          },
        },
      },
    })
    const assetId = `${jobs.workspace}/components/flow/versions/1`
    const deploymentConfiguration = {
      deploymentConfigurationType: 'PipelineComponent',
      componentId: { referenceType: 'Id', assetId },
    }
    await deploy('times/flow', { deploymentConfiguration })
    const inputData = { word: { JobInputType: 'Literal', Value: 'hello' } }
    const job = await jobOf(await invoke('times', { InputData: inputData }, 'flow'))
    expect(await jobs.statusOf(job)).toBe('Completed')
    expect(await jobs.artifact(`${job}_say`, 'user_logs/std_log.txt')).toBe('hello\n')
  })

  it.runIf(hasMlflow)(
    'scores tables with an MLflow model, without a script',
    async () => {
      const assetId = await jobs.upload('models', 'linear', mlflowModel(python ?? ''))
      await deploy('times/mlflow', { model: { referenceType: 'Id', assetId } })
      const uri = await jobs.upload('data', 'table', { 'rows.csv': 'a,b\n1,2\n3,4\n' })
      const inputData = { table: { jobInputType: 'UriFolder', uri } }
      const job = await jobOf(await invoke('times', { inputData }, 'mlflow'))
      expect(await jobs.statusOf(job)).toBe('Completed')
      const rows = await output(job, 'score', 'predictions.csv')
      expect(rows).toBe('0,12.0,rows.csv\n1,34.0,rows.csv\n')
    },
    120_000,
  )

  it('refuses what it cannot do', async () => {
    expect((await invoke('times', {})).status).toBe(400)
    expect((await invoke('times', { inputData: InputData() }, 'absent')).status).toBe(404)
    expect((await invoke('times', { inputData: InputData(), outputFileName: '../x' })).status).toBe(
      400,
    )
    const { scoringUri } = await jobs.properties('/batchEndpoints/times')
    expect((await region.call('POST', String(scoringUri), { token: 'none' })).status).toBe(401)
    const inUse = `${jobs.workspace}/batchEndpoints/times/deployments/ten`
    expect((await region.call('DELETE', inUse)).status).toBe(400)
  })
})
