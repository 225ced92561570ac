import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../model/json.ts'
import type { CompletedStep } from '../workspace/workspace.ts'
import type { CapturedJob } from './captured-job.ts'
import { continuePipeline } from './continue-pipeline.ts'
import { decide } from './decide.ts'
import { type FinishedStep, finishedSteps } from './finished-step.ts'
import { resumptionOf } from './resumption.ts'

const bind = (what: string) => `$${`{{${what}}}`}`
const reads = (node: string, output = 'out') => ({
  inputs: {
    from: { job_input_type: 'literal', value: bind(`parent.jobs.${node}.outputs.${output}`) },
  },
})
const pipeline = (jobs: JsonObject, more: JsonObject = {}): JsonObject => ({
  properties: { jobType: 'Pipeline', jobs, ...more },
})
const folder = (job: string) => ({
  type: 'uri_folder',
  place: { store: 'workspaceblobstore', prefix: `azureml/${job}/out/` },
})
const step = (node: string): FinishedStep => ({
  node,
  endedAt: '2026-01-01T00:00:00.000Z',
  outputs: { out: folder(`p_${node}`) },
})
const input = (node: string) => ({
  jobInputType: 'uri_folder',
  uri: `azureml://datastores/workspaceblobstore/paths/azureml/p_${node}/out/`,
})

describe('a pipeline that goes on', () => {
  it('hands on what finished steps wrote, and leaves them out', () => {
    const body = pipeline(
      { prepare: {}, train: reads('prepare'), report: reads('train') },
      { inputs: { prepare_out: { jobInputType: 'literal', value: 'mine' } } },
    )
    expect(continuePipeline(body, [step('prepare')])).toEqual({
      progress: { after: 'prepare', isComplete: false },
      body: pipeline(
        {
          train: {
            inputs: {
              from: { job_input_type: 'literal', value: bind('parent.inputs.prepare_out_') },
            },
          },
          report: reads('train'),
        },
        {
          inputs: {
            prepare_out: { jobInputType: 'literal', value: 'mine' },
            prepare_out_: input('prepare'),
          },
        },
      ),
    })
  })

  it('gives two outputs whose names look alike two inputs', () => {
    const body = pipeline({ 'a-b': {}, a_b: {}, x: reads('a-b'), y: reads('a_b') })
    const continued = continuePipeline(body, [step('a-b'), step('a_b')])
    expect((continued.body.properties as JsonObject).inputs).toEqual({
      a_b_out: input('a-b'),
      a_b_out_: input('a_b'),
    })
  })

  it.each<[string, JsonObject, FinishedStep[]]>([
    ['its output is not proven', reads('first'), [{ ...step('first'), outputs: {} }]],
    ['another output is needed', reads('first', 'other'), [step('first')]],
    [
      'it stands within a longer text',
      { command: `cat ${bind('parent.jobs.first.outputs.out')}/x` },
      [step('first')],
    ],
    ['only its end is waited for', { depends_on: bind('parent.jobs.first') }, [step('first')]],
  ])('runs a step again when %s', (_, second, steps) => {
    const body = pipeline({ first: {}, second })
    expect(continuePipeline(body, steps)).toEqual({ progress: null, body })
  })

  it('runs a step again that writes an output of the pipeline, and not those before it', () => {
    const last = { ...reads('first'), outputs: { out: { value: bind('parent.outputs.model') } } }
    const body = pipeline({ first: {}, last, more: {} })
    expect(continuePipeline(body, [step('first'), step('last')])).toMatchObject({
      progress: { after: 'first' },
    })
  })

  it('never needs a step that it leaves out, and leaves out no step that did not finish', () => {
    const nodes = ['a', 'b', 'c', 'd', 'e']
    const graphs = fc.array(
      fc.array(fc.constantFrom('out', 'bad', 'text', 'none'), { minLength: 5, maxLength: 5 }),
      {
        minLength: 5,
        maxLength: 5,
      },
    )
    const use = {
      out: (n: string) => reads(n),
      bad: (n: string) => reads(n, 'log'),
      none: () => ({}),
    }
    const text = (n: string) => ({ command: `x ${bind(`parent.jobs.${n}.outputs.out`)}` })
    fc.assert(
      fc.property(graphs, fc.subarray(nodes), (edges, done) => {
        const graph = Object.fromEntries(
          nodes.map((node, to) => {
            const parts = nodes.slice(0, to).map((from, at) => {
              const how = edges[to]?.[at] ?? 'none'
              return how === 'text' ? text(from) : use[how](from)
            })
            return [node, { parts }]
          }),
        )
        const { body, progress } = continuePipeline(pipeline(graph), done.map(step))
        const finished = progress?.after.split(', ') ?? []
        const { jobs } = body.properties as JsonObject
        expect([...finished, ...Object.keys(jobs as JsonObject)].sort()).toEqual(nodes)
        expect(progress?.isComplete ?? false).toBe(finished.length === nodes.length)
        for (const node of finished) {
          expect(done).toContain(node)
          expect(JSON.stringify(body)).not.toContain(`parent.jobs.${node}.`)
        }
      }),
    )
  })
})

describe('which steps have finished', () => {
  const completed = (
    job: string,
    displayName: string,
    outputs: JsonObject = {},
  ): CompletedStep => ({
    ...{ job, displayName, endedAt: '2026-01-01T00:00:00.000Z', outputs },
  })
  const at = (path: string) => ({
    jobOutputType: 'uri_folder',
    uri: `azureml://datastores/${bind('default_datastore')}/paths/${path}`,
  })

  it('knows them by the name that the service shows, with what they wrote', () => {
    const body = pipeline({ prepare: {}, train: { display_name: 'Train it' } })
    const outputs = {
      out: at(`azureml/${bind('name')}/${bind('output_name')}/`),
      file: { ...at('x.txt'), jobOutputType: 'uri_file' },
      mine: { jobOutputType: 'uri_folder', uri: 'https://elsewhere.example.com/x/' },
    }
    const steps = [completed('c1', 'prepare', outputs), completed('c2', 'Train it')]
    expect(finishedSteps(body, steps)).toEqual([
      { ...step('prepare'), outputs: { out: folder('c1') } },
      { ...step('train'), outputs: {} },
    ])
  })

  it('takes no guess where names fit several', () => {
    const twice = pipeline({ a: { display_name: 'same' }, b: { display_name: 'same' } })
    expect(finishedSteps(twice, [completed('c1', 'same')])).toEqual([])
    const steps = [completed('c1', 'a'), completed('c2', 'a')]
    expect(finishedSteps(pipeline({ a: {} }), steps)).toEqual([])
  })
})

describe('what a job goes on from', () => {
  const job: CapturedJob = {
    ...{ name: 'p', state: 'Running', obstacles: [], checkpoints: null },
    ...{ stateSince: '2026-01-01T00:00:00.000Z', capturedAt: '2026-01-01T00:00:00.000Z' },
    body: pipeline({ first: {}, second: reads('first') }),
    home: pipeline({ first: {}, second: reads('first') }),
    steps: [step('first')],
  }
  const decided = async (point: string | null, proven: string | null, captured = job) => {
    const resumption = await resumptionOf(captured, { point, newest: async () => proven })
    const policy = { resubmit: 'checkpointed', holdMs: 1 } as const
    return decide(captured, policy, resumption, new Date())
  }

  it('goes on after steps that ended before the replication point (I4, I6)', async () => {
    expect(await decided('2026-01-01T00:00:00.000Z', 'x')).toMatchObject({
      decision: 'resubmit',
      reason: 'It goes on after first.',
    })
  })

  it.each([
    ['that ended later', '2025-12-31T23:59:59.999Z', 'x'],
    ['when nothing is proven', null, 'x'],
    ['whose output is not there', '2026-01-02T00:00:00.000Z', null],
  ])('does not count a step %s', async (_, point, proven) => {
    expect(await decided(point, proven)).toMatchObject({ decision: 'manual' })
  })

  it('does not run a pipeline whose every step had completed', async () => {
    const captured = { ...job, steps: [step('first'), step('second')] }
    expect(await decided('2026-01-02T00:00:00.000Z', 'x', captured)).toMatchObject({
      decision: 'finished',
      reason: 'Nothing was left to do after first, second.',
    })
  })

  const sweep = (
    samplingAlgorithm: JsonObject,
    trials: number,
    limits: JsonObject = { maxTotalTrials: 5 },
  ) => ({
    ...job,
    body: { properties: { jobType: 'Sweep', samplingAlgorithm, limits } },
    home: null,
    steps: undefined as never,
    trials: Array.from({ length: trials }, (_, n) => `2026-01-0${n + 1}T00:00:00.000Z`),
  })
  const random = { samplingAlgorithmType: 'Random' }

  it('gives a sweep the trials that its proven ones have left', async () => {
    const proven = { point: '2026-01-03T00:00:00.000Z', newest: async () => null }
    const { body, progress } = await resumptionOf(sweep(random, 4), proven)
    expect(progress).toEqual({ after: '3 of 5 trials', isComplete: false })
    expect(body.properties).toMatchObject({ limits: { maxTotalTrials: 2 } })
    const all = sweep({ samplingAlgorithmType: 'Bayesian' }, 5)
    expect(await decided('2026-02-01T00:00:00.000Z', null, all)).toMatchObject({
      decision: 'finished',
    })
  })

  it.each<[string, JsonObject, JsonObject?]>([
    ['follows a grid', { samplingAlgorithmType: 'Grid' }],
    ['has a seed', { ...random, seed: 7 }],
    ['follows a sequence', { ...random, rule: 'Sobol' }],
    ['has no number of trials', random, {}],
  ])('lets a sweep begin anew that %s', async (_, sampling, limits) => {
    const proven = { point: '2026-02-01T00:00:00.000Z', newest: async () => null }
    const captured = sweep(sampling, 2, limits)
    const begun = { checkpoint: null, body: captured.body, home: null, progress: null }
    expect(await resumptionOf(captured, proven)).toEqual(begun)
  })
})
