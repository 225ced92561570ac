import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestWorkspace, type TestWorkspace } from './testing/test-workspace.ts'

let w: TestWorkspace
beforeAll(async () => {
  w = await startTestWorkspace()
})
afterAll(() => w.test.stop())

const createdUtc = '2026-01-01T00:00:00.000Z'
const run = async (runId: string) => {
  await w.history('PATCH', `/experiments/shapes/runs/${runId}`, {})
  return runId
}
const post = (runId: string, metric: object) => w.metric(runId, 'batch', { values: [metric] })
interface Page {
  value: unknown[]
  continuationToken: string | null
}

/** What a writer posts under one name, and what a reader finds. */
const shapes: ReadonlyArray<{
  shape: string
  schema?: string
  expected: string
  data: ReadonlyArray<Record<string, unknown>>
  last?: unknown
}> = [
  {
    shape: 'numbers that JSON cannot write',
    expected: 'azureml.v1.scalar',
    data: [{ m: 'NaN' }, { m: 'Infinity' }, { m: '-Infinity' }, { m: 0.5 }],
    last: 0.5,
  },
  {
    shape: 'a series that ends with NaN',
    expected: 'azureml.v1.scalar',
    data: [{ m: 1 }, { m: 'NaN' }],
    last: 'NaN',
  },
  {
    shape: 'the largest and the smallest numbers',
    expected: 'azureml.v1.scalar',
    data: [{ m: 1.7976931348623157e308 }, { m: 5e-324 }, { m: -1 }],
    last: -1,
  },
  {
    shape: 'a vector, one value after another',
    schema: 'azureml.v1.vector',
    expected: 'azureml.v1.vector',
    data: [{ m: 1 }, { m: 2 }, { m: 3 }],
    last: 3,
  },
  {
    shape: 'rows of a table',
    schema: 'azureml.v1.table',
    expected: 'azureml.v1.table',
    data: [
      { x: 1, label: 'a' },
      { x: 'NaN', label: 'b' },
    ],
  },
  {
    shape: 'a table that does not say what it is',
    expected: 'azureml.v1.table',
    data: [{ x: [1, 2, 3], y: [4, 5, 6] }],
  },
  {
    shape: 'a confusion matrix',
    schema: 'azureml.v1.confusion_matrix',
    expected: 'azureml.v1.confusion_matrix',
    data: [{ schema_version: '1.0.0', data: { class_labels: ['a'], matrix: [[1]] } }],
  },
]

describe('a metric', () => {
  it.each(shapes)('keeps $shape', async ({ shape, schema, expected, data, last }) => {
    const id = await run(`shape-${shapes.findIndex((one) => one.shape === shape)}`)
    const value = data.map((one, step) => ({ metricId: `id-${step}`, createdUtc, step, data: one }))
    const properties = schema === undefined ? {} : { properties: { uxMetricType: schema } }
    const posted = await post(id, { name: 'm', ...properties, value })
    expect(posted).toMatchObject({ status: 200, body: { errors: [] } })
    const full = await w.metric(id, 'full', { metricName: 'm' })
    expect(full.body).toMatchObject({ name: 'm', value, properties: { uxMetricType: expected } })
    const { value: listed } = (await w.metric(id, 'list', {})).body as Page
    const lastValue = last === undefined ? {} : { lastValue: { value: last, createdUtc } }
    expect(listed).toEqual([
      expect.objectContaining({
        metricKey: {
          namespace: '',
          name: 'm',
          labels: [],
          columnNames: Object.keys(data[0] ?? {}),
        },
        numValuesLogged: data.length,
      }),
    ])
    expect(listed).toMatchObject([lastValue])
  })

  it('of the same name in two namespaces is two', async () => {
    const id = await run('namespaces')
    await post(id, { name: 'm', namespace: 'train', value: [{ data: { m: 1 } }] })
    await post(id, { name: 'm', namespace: 'test', value: [{ data: { m: 2 } }] })
    const read = async (metricNamespace: string) => {
      const { body } = await w.metric(id, 'full', { metricName: 'm', metricNamespace })
      return (body as { value: Array<{ data: unknown }> }).value.map((one) => one.data)
    }
    expect([await read('train'), await read('test')]).toEqual([[{ m: 1 }], [{ m: 2 }]])
    const { value } = (await w.metric(id, 'list', { metricNamespace: 'test' })).body as Page
    expect(value).toHaveLength(1)
    expect((await w.metric(id, 'full', { metricName: 'm' })).status).toBe(404)
  })
})

/** Values that are refused, each for itself. */
const refusedValues: ReadonlyArray<readonly [why: string, value: unknown]> = [
  ['no data', { step: 1 }],
  ['data that is no record', { data: 1 }],
  ['a step that is no integer', { data: { m: 1 }, step: 0.5 }],
  ['a step beyond 64 bits', { data: { m: 1 }, step: '9223372036854775808' }],
  ['an instant that is none', { data: { m: 1 }, createdUtc: 'yesterday' }],
  ['an id that is no text', { data: { m: 1 }, metricId: 7 }],
  ['no record at all', 3],
]

describe('a batch', () => {
  it.each(refusedValues)('answers 207 for a value with %s', async (_why, value) => {
    const id = await run('partly')
    const name = `m-${refusedValues.findIndex((one) => one[1] === value)}`
    const posted = await post(id, {
      name,
      value: [value, { metricId: 'good', data: { [name]: 1 } }],
    })
    expect(posted).toMatchObject({
      status: 207,
      body: {
        errors: [
          {
            metric: { name, value: [value] },
            errorResponse: { error: { code: 'ValidationError' } },
          },
        ],
      },
    })
    const { value: kept } = (await w.metric(id, 'full', { metricName: name })).body as Page
    expect(kept).toMatchObject([{ metricId: 'good' }])
  })
})

const refusedQuestions: ReadonlyArray<
  readonly [what: string, verb: string, body: unknown, number]
> = [
  ['a batch without values', 'batch', {}, 400],
  ['a batch whose values are no list', 'batch', { values: { name: 'm' } }, 400],
  ['values of a metric without name', 'full', {}, 400],
  ['values of an absent metric', 'full', { metricName: 'none' }, 404],
  ['a sample of an absent metric', 'sample', { metricName: 'none' }, 404],
  ['a token of somewhere else', 'full', { metricName: 'm', continuationToken: 'x' }, 400],
  ['a list with a token that is none', 'list', { continuationToken: 'x' }, 400],
  ['a start that is no instant', 'full', { metricName: 'm', startTime: 'soon' }, 400],
  ['an end that is no instant', 'full', { metricName: 'm', endTime: 'later' }, 400],
]

describe('metrics v2.0', () => {
  it.each(refusedQuestions)('refuses %s', async (_what, verb, body, status) => {
    const id = await run('asked')
    await post(id, { name: 'm', value: [{ metricId: 'one', data: { m: 1 } }] })
    const answer = await w.metric(id, verb, body)
    expect(answer).toMatchObject({ status, body: { error: { code: expect.any(String) } } })
  })

  it('lists more metrics than a page holds, each once', async () => {
    const id = await run('many')
    const names = Array.from({ length: 1203 }, (_, i) => `m${i}`)
    const values = names.map((name) => ({ name, value: [{ data: { [name]: 1 } }] }))
    expect((await w.metric(id, 'batch', { values })).status).toBe(200)
    const seen: unknown[] = []
    const sizes: number[] = []
    let continuationToken: string | null = null
    do {
      const page = (await w.metric(id, 'list', { continuationToken })).body as Page
      sizes.push(page.value.length)
      seen.push(...page.value.map((one) => (one as { metricKey: { name: string } }).metricKey.name))
      continuationToken = page.continuationToken
    } while (continuationToken !== null)
    expect(seen).toEqual(names)
    expect(sizes).toEqual([500, 500, 203])
  })

  it('reads between two instants, both included', async () => {
    const id = await run('timed')
    const value = [1, 2, 3, 4].map((day) => ({
      createdUtc: `2026-01-0${day}T00:00:00.000Z`,
      data: { m: day },
    }))
    await post(id, { name: 'm', value })
    const { body } = await w.metric(id, 'full', {
      metricName: 'm',
      startTime: '2026-01-02T00:00:00Z',
      endTime: '2026-01-03T00:00:00Z',
    })
    expect((body as { value: Array<{ data: unknown }> }).value.map((one) => one.data)).toEqual([
      { m: 2 },
      { m: 3 },
    ])
  })
})
