import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type JobWorkspace, jobWorkspace, ref } from '../testing/job-client.ts'
import { hours, minutes, steeredClock } from '../testing/steered-clock.ts'
import { startTestRegion, type TestRegion } from '../testing/test-region.ts'

const time = steeredClock()
let region: TestRegion
let jobs: JobWorkspace

beforeAll(async () => {
  region = await startTestRegion({ clock: time.clock })
  jobs = await jobWorkspace(region)
})
afterAll(() => region.stop())

async function pass(milliseconds: number): Promise<void> {
  time.advance(milliseconds)
  region.signInAgain()
  await region.region.look()
}
const submit = (name: string, properties: Record<string, unknown>) =>
  jobs.put(`/jobs/${name}`, { jobType: 'Command', ...properties })
/** A metric logged as a training script would. */
const logMetric = (name: string, value: string) =>
  `${process.execPath} -e 'const u = process.env;
    fetch(u.MLFLOW_TRACKING_URI + "/api/2.0/mlflow/runs/log-metric", { method: "POST",
      headers: { authorization: "Bearer " + u.MLFLOW_TRACKING_TOKEN, "content-type": "application/json" },
      body: JSON.stringify({ run_id: u.MLFLOW_RUN_ID, key: "${name}", value: ${value}, timestamp: 1 }) })
      .then((a) => { if (!a.ok) process.exit(1) })'`
const trusted = () => ({ NODE_EXTRA_CA_CERTS: region.region.caPath })

describe('a command job', () => {
  it('runs, and its log, status and run say how it went', async () => {
    await submit('fine', {
      command: `echo "${ref('inputs.word')}"; echo done > ${ref('outputs.model')}/m.txt`,
      inputs: { word: { jobInputType: 'literal', value: 'hello' } },
      outputs: { model: { jobOutputType: 'uri_folder' } },
    })
    expect(await jobs.ended('fine')).toBe('Completed')
    expect(await jobs.artifact('fine', 'user_logs/std_log.txt')).toBe('hello\n')
    expect(await jobs.run('fine')).toMatchObject({ status: 'Completed', runId: 'fine' })
  })

  it('fails with the exit code of its command', async () => {
    await submit('bad', { command: 'echo oh no >&2; exit 3' })
    expect(await jobs.ended('bad')).toBe('Failed')
    expect((await jobs.run('bad')).error).toMatchObject({
      error: { message: expect.stringContaining('exit code 3') },
    })
    expect(await jobs.artifact('bad', 'user_logs/std_log.txt')).toBe('oh no\n')
  })

  it('ends when its time is over', async () => {
    await submit('slow', { command: 'sleep 600', limits: { timeout: 'PT1H' } })
    await jobs.reaches('slow', 'Running')
    await pass(59 * minutes)
    expect(await jobs.statusOf('slow')).toBe('Running')
    await pass(1 * minutes)
    expect(await jobs.ended('slow')).toBe('Failed')
    expect((await jobs.run('slow')).error).toMatchObject({
      error: { message: expect.stringContaining('limit of 3600 s') },
    })
  })

  it('that is distributed runs as one process for each rank', async () => {
    await submit('ranks', {
      command: 'echo "$RANK of $WORLD_SIZE on $NODE_RANK"',
      distribution: { distributionType: 'PyTorch', processCountPerInstance: 2 },
      resources: { instanceCount: 2 },
    })
    expect(await jobs.ended('ranks')).toBe('Completed')
    const logs = [0, 1, 2, 3].map((rank) =>
      jobs.artifact('ranks', `user_logs/std_log_process_0${rank}.txt`),
    )
    expect(await Promise.all(logs)).toEqual(
      ['0', '1', '2', '3'].map((rank) => `${rank} of 4 on ${Number(rank) >> 1}\n`),
    )
  })

  it('ends all its ranks when one of them fails', async () => {
    await submit('broken-rank', {
      command: 'if [ "$RANK" = 1 ]; then exit 7; fi; sleep 600',
      distribution: { distributionType: 'PyTorch', processCountPerInstance: 3 },
    })
    expect(await jobs.ended('broken-rank')).toBe('Failed')
    expect((await jobs.run('broken-rank')).error).toMatchObject({
      error: { message: expect.stringMatching(/exit code 7; .*std_log_process_01.txt/) },
    })
  })

  it.each(['Spark', 'AutoML', 'Labeling', 'FineTuning'])(
    'of type %s is stored and fails, saying why',
    async (jobType) => {
      const name = `as-${jobType}`
      const stored = await submit(name, { jobType, taskDetails: { kept: [1] }, unknownField: 'ü' })
      expect(stored.status).toBe(201)
      expect(await jobs.ended(name)).toBe('Failed')
      expect(await jobs.properties(`/jobs/${name}`)).toMatchObject({
        jobType,
        taskDetails: { kept: [1] },
        unknownField: 'ü',
      })
      expect((await jobs.run(name)).error).toMatchObject({ error: { code: 'NotSupported' } })
    },
  )
})

describe('a sweep', () => {
  const sweep = (name: string, properties: Record<string, unknown>) =>
    jobs.put(`/jobs/${name}`, {
      jobType: 'Sweep',
      objective: { goal: 'Maximize', primaryMetric: 'score' },
      samplingAlgorithm: { samplingAlgorithmType: 'Grid' },
      searchSpace: { x: ['choice', [[3, 9, 5]]] },
      trial: {
        command: logMetric('score', `${ref('search_space.x')} + ${ref('inputs.base')}`),
        environmentVariables: trusted(),
      },
      inputs: { base: { jobInputType: 'literal', value: '100' } },
      limits: { jobLimitsType: 'Sweep', maxTotalTrials: 3, maxConcurrentTrials: 2 },
      ...properties,
    })

  it('runs a trial for each sample and knows the best', async () => {
    await sweep('grid', {})
    expect(await jobs.ended('grid')).toBe('Completed')
    const { properties } = await jobs.properties('/jobs/grid')
    expect(properties).toMatchObject({ best_child_run_id: 'grid_1', score: '109' })
    expect(await jobs.run('grid')).toMatchObject({
      runType: 'hyperdrive',
      properties: { best_child_run_id: 'grid_1' },
    })
    expect(await jobs.run('grid_1')).toMatchObject({
      parentRunId: 'grid',
      tags: { hyperparameters: '{"x":"9"}' },
    })
  })

  it('minimises when asked to, and is the same again with the same seed', async () => {
    const random = {
      samplingAlgorithm: { samplingAlgorithmType: 'Random', seed: 42 },
      objective: { goal: 'Minimize', primaryMetric: 'score' },
      searchSpace: { x: ['uniform', [0, 1]] },
    }
    await sweep('random-a', random)
    await sweep('random-b', random)
    await Promise.all([jobs.ended('random-a'), jobs.ended('random-b')])
    const found = async (name: string) => {
      const { properties } = await jobs.properties(`/jobs/${name}`)
      const { score, best_child_run_id } = properties as Record<string, string>
      return { score, trial: best_child_run_id?.slice(-1) }
    }
    const a = await found('random-a')
    expect(Number(a.score)).toBeLessThan(101)
    expect(await found('random-b')).toEqual(a)
  })

  it('fails when no trial completes, and says what it cannot sample', async () => {
    await sweep('none', { trial: { command: 'exit 1' } })
    expect(await jobs.ended('none')).toBe('Failed')
    await sweep('bayes', { samplingAlgorithm: { samplingAlgorithmType: 'Bayesian' } })
    expect(await jobs.ended('bayes')).toBe('Failed')
    expect((await jobs.run('bayes')).error).toMatchObject({
      error: { message: expect.stringContaining('Bayesian') },
    })
  })

  it('is cancelled with its trials', async () => {
    await sweep('long', { trial: { command: 'sleep 600' } })
    await jobs.reaches('long_1', 'Running')
    await region.call('POST', `${jobs.workspace}/jobs/long/cancel`)
    expect(await jobs.ended('long')).toBe('Canceled')
    for (const trial of ['long_0', 'long_1']) expect(await jobs.ended(trial)).toBe('Canceled')
    expect((await region.call('GET', `${jobs.workspace}/jobs/long_2`)).status).toBe(404)
  })

  it('ends what runs when its time is over', async () => {
    await sweep('late', {
      trial: { command: 'sleep 600' },
      limits: { maxTotalTrials: 3, maxConcurrentTrials: 1, timeout: 'PT2H' },
    })
    await jobs.reaches('late_0', 'Running')
    await pass(2 * hours)
    expect(await jobs.ended('late')).toBe('Failed')
    expect(await jobs.statusOf('late_0')).toBe('Canceled')
  })

  it('ends hopeless trials early', async () => {
    await sweep('bandit', {
      searchSpace: { x: ['choice', [[1, 90]]] },
      trial: {
        command: `${logMetric('score', ref('search_space.x'))}; if [ ${ref('search_space.x')} = 1 ]; then sleep 600; fi`,
        environmentVariables: trusted(),
      },
      earlyTermination: { policyType: 'Bandit', slackAmount: 5, evaluationInterval: 1 },
    })
    expect(await jobs.ended('bandit_1')).toBe('Completed')
    await expect
      .poll(async () => {
        await region.region.look()
        return jobs.statusOf('bandit_0')
      })
      .toBe('Canceled')
    expect(await jobs.ended('bandit')).toBe('Completed')
  })
})
