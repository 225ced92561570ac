import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type JobWorkspace, jobWorkspace, ref } from '../testing/job-client.ts'
import { startTestRegion, type TestRegion } from '../testing/test-region.ts'

let region: TestRegion
let jobs: JobWorkspace

/** Components by name: each command with the inputs and outputs it declares. */
const components: Record<string, Record<string, unknown>> = {
  write: {
    command: `echo "${ref('inputs.text')}" > ${ref('outputs.out')}/t.txt`,
    inputs: { text: { type: 'string', default: 'nothing' } },
    outputs: { out: { type: 'uri_folder' } },
  },
  append: {
    command: `cp ${ref('inputs.from')}/t.txt ${ref('outputs.to')}/t.txt; echo "$EXTRA" >> ${ref('outputs.to')}/t.txt`,
    inputs: { from: { type: 'uri_folder' } },
    outputs: { to: { type: 'uri_folder' } },
  },
  show: {
    command: `cat ${ref('inputs.from')}/t.txt`,
    inputs: { from: { type: 'uri_folder' } },
  },
  fail: { command: 'exit 1', outputs: { out: { type: 'uri_folder' } } },
  trial: {
    command: `test ${ref('inputs.x')} -gt 1`,
    inputs: { x: { type: 'integer' }, base: { type: 'string', default: 'b' } },
  },
}
const componentId = (name: string) => `${jobs.workspace}/components/${name}/versions/1`

beforeAll(async () => {
  region = await startTestRegion()
  jobs = await jobWorkspace(region)
  for (const [name, spec] of Object.entries(components))
    await jobs.put(`/components/${name}/versions/1`, {
      componentSpec: { name, version: '1', type: 'command', ...spec },
    })
})
afterAll(() => region.stop())

const literal = (value: string) => ({ job_input_type: 'literal', value })
const node = (component: string, more: Record<string, unknown> = {}) => ({
  type: 'command',
  componentId: componentId(component),
  ...more,
})
const submit = (name: string, nodes: object, more: Record<string, unknown> = {}) =>
  jobs.put(`/jobs/${name}`, { jobType: 'Pipeline', jobs: nodes, ...more })
const run = async (name: string, nodes: object, more: Record<string, unknown> = {}) => {
  await submit(name, nodes, more)
  return jobs.ended(name)
}
const log = (job: string) => jobs.artifact(job, 'user_logs/std_log.txt')

describe('a pipeline', () => {
  it.each(['serverless', '/computes/serverless'])(
    'runs on %s without a compute of that name',
    async (form) => {
      const default_compute = form.startsWith('/') ? `${jobs.workspace}${form}` : form
      const name = `serverless-${form.length}`
      const settings = { default_compute }
      expect(await run(name, { only: node('write') }, { settings })).toBe('Completed')
    },
  )

  it('runs its nodes in the order of their data, and hands it on', async () => {
    const nodes = {
      // Named so that the order of names is not that of the data.
      a_last: node('show', {
        inputs: { from: literal(ref('parent.jobs.b_middle.outputs.to')) },
      }),
      b_middle: node('append', {
        inputs: { from: literal(ref('parent.jobs.c_first.outputs.out')) },
        environment_variables: { EXTRA: 'more' },
      }),
      c_first: node('write', { inputs: { text: literal(`say ${ref('parent.inputs.word')}`) } }),
    }
    const inputs = { word: { jobInputType: 'literal', value: 'hello' } }
    expect(await run('chain', nodes, { inputs })).toBe('Completed')
    expect(await log('chain_a_last')).toBe('say hello\nmore\n')
    expect(await jobs.run('chain_b_middle')).toMatchObject({ parentRunId: 'chain' })
    const told = await jobs.artifact('chain', 'logs/azureml/executionlogs.txt')
    const order = [...told.matchAll(/Started node (\w+)/g)].map(([, name]) => name)
    expect(order).toEqual(['c_first', 'b_middle', 'a_last'])
  })

  it('binds its outputs, and takes the defaults of its components', async () => {
    const uri = `azureml://datastores/${ref('default_datastore')}/paths/${ref('name')}/${ref('output_name')}/`
    const nodes = {
      made: node('write', { outputs: { out: literal(ref('parent.outputs.result')) } }),
    }
    const outputs = { result: { jobOutputType: 'uri_folder', uri } }
    expect(await run('bound', nodes, { outputs })).toBe('Completed')
    const shown = {
      jobType: 'Command',
      command: `cat ${ref('inputs.it')}/t.txt`,
      inputs: {
        it: {
          jobInputType: 'uri_folder',
          uri: 'azureml://datastores/workspaceblobstore/paths/bound/result/',
        },
      },
    }
    await jobs.put('/jobs/shows-bound', shown)
    expect(await jobs.ended('shows-bound')).toBe('Completed')
    expect(await log('shows-bound')).toBe('nothing\n')
  })

  it('stops at a node that fails, and runs nothing that came after it', async () => {
    const nodes = {
      broken: node('fail'),
      after: node('show', { inputs: { from: literal(ref('parent.jobs.broken.outputs.out')) } }),
    }
    expect(await run('stops', nodes)).toBe('Failed')
    expect((await region.call('GET', `${jobs.workspace}/jobs/stops_after`)).status).toBe(404)
    expect((await jobs.run('stops')).error).toMatchObject({
      error: { message: expect.stringContaining('broken, after') },
    })
  })

  it('goes on with the nodes that a failed one does not touch, when it is told to', async () => {
    const nodes = {
      broken: node('fail'),
      after: node('show', { inputs: { from: literal(ref('parent.jobs.broken.outputs.out')) } }),
      other: node('write'),
      onward: node('show', { inputs: { from: literal(ref('parent.jobs.other.outputs.out')) } }),
    }
    const settings = { continue_on_step_failure: true }
    expect(await run('goes-on', nodes, { settings })).toBe('Failed')
    expect(await jobs.statusOf('goes-on_onward')).toBe('Completed')
    expect((await region.call('GET', `${jobs.workspace}/jobs/goes-on_after`)).status).toBe(404)
  })

  it('runs sweeps and pipelines as nodes', async () => {
    await jobs.put('/components/inner/versions/1', {
      componentSpec: { type: 'pipeline', jobs: { only: node('write') } },
    })
    const nodes = {
      search: {
        type: 'sweep',
        trial: { componentId: componentId('trial') },
        search_space: { x: { type: 'choice', values: [1, 2] } },
        sampling_algorithm: 'grid',
        objective: { goal: 'maximize', primary_metric: 'none' },
        limits: { max_total_trials: 2, timeout: 600 },
      },
      inner: { type: 'pipeline', componentId: componentId('inner') },
      ranks: node('write', { distribution: { type: 'pytorch', process_count_per_instance: 2 } }),
    }
    expect(await run('nested', nodes)).toBe('Completed')
    expect(await jobs.statusOf('nested_search_0')).toBe('Failed')
    expect(await jobs.statusOf('nested_search_1')).toBe('Completed')
    expect(await jobs.statusOf('nested_inner_only')).toBe('Completed')
    await jobs.artifact('nested_ranks', 'user_logs/std_log_process_01.txt')
  })

  it.each(['parallel', 'spark', 'automl', 'if_else'])(
    'fails at a %s node, saying why',
    async (type) => {
      expect(await run(`with-${type}`, { odd: { type, _source: 'YAML.JOB' } })).toBe('Failed')
      expect((await jobs.run(`with-${type}_odd`)).error).toMatchObject({
        error: { code: 'NotSupported' },
      })
    },
  )

  it('that runs in a circle fails, and a cancelled one takes its nodes along', async () => {
    const circle = {
      a: node('show', { inputs: { from: literal(ref('parent.jobs.b.outputs.o')) } }),
      b: node('show', { inputs: { from: literal(ref('parent.jobs.a.outputs.o')) } }),
    }
    expect(await run('circle', circle)).toBe('Failed')
    await submit('stopped', { long: { type: 'command', command: 'sleep 600' } })
    await jobs.reaches('stopped_long', 'Running')
    await region.call('POST', `${jobs.workspace}/jobs/stopped/cancel`)
    expect(await jobs.ended('stopped')).toBe('Canceled')
    expect(await jobs.ended('stopped_long')).toBe('Canceled')
  })
})
