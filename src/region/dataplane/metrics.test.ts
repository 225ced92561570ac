import fc from 'fast-check'
import Database from 'libsql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Caller } from '../context.ts'
import { inTransaction } from '../store/database.ts'
import { parseJson } from './json-body.ts'
import { presentValue, type ValueRow } from './metric-rows.ts'
import { openMetricStore } from './metric-store.ts'
import { openRunStore } from './run-store.ts'
import { startTestWorkspace, type TestWorkspace } from './testing/test-workspace.ts'

const actor: Caller = { objectId: 'o', displayName: 'tester', tenantId: 't' }
const number = fc.oneof(
  fc.double().map((value) => value + 0),
  fc.constantFrom('NaN', 'Infinity', '-Infinity'),
)
const onWire = (value: unknown) =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .filter((text) => !text.includes('\u0000') && text !== '__proto__')
const step = fc.oneof(
  fc.integer(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => {
    const rounded = Number(value)
    return Number.isSafeInteger(rounded) ? rounded : String(value)
  }),
)
const createdUtc = fc.oneof(
  fc
    .date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) })
    .map((date) => date.toISOString()),
  fc.constantFrom('2026-01-01T00:00:00.1234567+02:00', '2026-01-01T00:00:00Z'),
)
const scalars = (metric: string) =>
  fc.array(
    fc.record({
      metricId: fc.uuid(),
      createdUtc,
      step,
      data: number.map((value) => ({ [metric]: value })),
    }),
    { maxLength: 40 },
  )
const tables = fc.array(
  fc.record({
    metricId: fc.uuid(),
    createdUtc,
    data: fc.dictionary(name, fc.jsonValue(), { minKeys: 1 }).map(clean),
  }),
  { minLength: 1, maxLength: 10 },
)
function clean(value: Record<string, unknown>): Record<string, unknown> {
  return JSON.parse(JSON.stringify(value)) as Record<string, unknown>
}

function open() {
  const db = new Database(':memory:')
  const clock = () => new Date('2026-03-01T00:00:00Z')
  const runs = openRunStore({ db, clock })
  const metrics = openMetricStore({ db, clock, runs })
  runs.upsert('/w', 'e', 'r', {}, actor)
  const row = () => {
    const found = runs.row(1, 'r')
    if (!found) throw new Error('the run is gone')
    return found
  }
  const readAll = (metric: string, limit: number): ValueRow[] => {
    const found = metrics.find(row().run, metric)
    if (!found) return []
    const values: ValueRow[] = []
    let afterSeq: number | undefined = 0
    while (afterSeq !== undefined) {
      const page = metrics.values(found, { afterSeq, limit })
      values.push(...page.values)
      afterSeq = page.nextSeq
    }
    return values
  }
  return { db, metrics, row, readAll }
}

describe('metrics', () => {
  it('give back every scalar as it was logged, in that order', () => {
    const logged = name.chain((metric) => fc.tuple(fc.constant(metric), scalars(metric)))
    fc.assert(
      fc.property(logged, fc.integer({ min: 1, max: 9 }), ([metric, value], limit) => {
        const { metrics, row, readAll } = open()
        const before = row()
        expect(metrics.post(row(), [{ name: metric, value }], actor)).toEqual([])
        const expected = value.map((one) => ({
          ...one,
          data: { [metric]: onWire(Object.values(one.data)[0]) },
        }))
        expect(readAll(metric, limit).map(presentValue)).toEqual(expected)
        expect(row().modified > before.modified).toBe(value.length > 0)
        // The same values again are the same values.
        const after = row()
        metrics.post(row(), [{ name: metric, value }], actor)
        expect(readAll(metric, limit).map(presentValue)).toEqual(expected)
        expect(row()).toEqual(after)
      }),
      { numRuns: 150 },
    )
  })

  it('give back tables and vectors as they were logged', () => {
    fc.assert(
      fc.property(tables, (value) => {
        const { metrics, row, readAll } = open()
        const properties = { uxMetricType: 'azureml.v1.table' }
        expect(metrics.post(row(), [{ name: 'table', properties, value }], actor)).toEqual([])
        expect(readAll('table', 3).map(presentValue)).toEqual(value)
      }),
      { numRuns: 100 },
    )
  })

  it('leave a value alone whose id they made themselves', () => {
    const { metrics, row, readAll } = open()
    const scalar = { name: 'loss', createdMs: 1, step: 0 }
    metrics.logScalars(
      row(),
      [1, 2].map((value) => ({ ...scalar, value })),
      actor,
    )
    const values = readAll('loss', 10).map(presentValue)
    expect(metrics.post(row(), [{ name: 'loss', value: values }], actor)).toEqual([])
    expect(readAll('loss', 10).map(presentValue)).toEqual(values)
  })

  it('take the latest by step, then time, then value', () => {
    const { metrics, row } = open()
    const points = [
      { step: 5, createdMs: 1, value: 1 },
      { step: 9, createdMs: 1, value: 2 },
      { step: 9, createdMs: 3, value: Number.NaN },
      { step: 9, createdMs: 3, value: 4 },
      { step: -1, createdMs: 9, value: 5 },
    ]
    metrics.logScalars(
      row(),
      points.map((point) => ({ name: 'm', ...point })),
      actor,
    )
    expect(metrics.latest(row().run)[0]?.last).toEqual({ step: 9, createdMs: 3, value: 4 })
  })

  it('go on where they were, beside names that are new', () => {
    const { metrics, row, readAll } = open()
    const at = (step: number, ...names: string[]) =>
      names.map((name) => ({ name, step, createdMs: step, value: step }))
    const batches = [at(1, 'a', 'b'), at(2, 'b', 'c', 'b'), at(3, 'c', 'a'), at(0, 'a')]
    for (const batch of batches) metrics.logScalars(row(), batch, actor)
    const steps = (name: string) => readAll(name, 10).map(({ step }) => step)
    expect(['a', 'b', 'c'].map(steps)).toEqual([
      [1, 3, 0],
      [1, 2, 2],
      [2, 3],
    ])
    const latest = metrics.latest(row().run).map(({ name, last }) => [name, last.value])
    expect(Object.fromEntries(latest)).toEqual({ a: 3, b: 2, c: 3 })
  })

  it('forget what a rollback took away', () => {
    const { db, metrics, row, readAll } = open()
    const log = (name: string, value: number) =>
      metrics.logScalars(row(), [{ name, step: 0, createdMs: 0, value }], actor)
    const undone = () =>
      inTransaction(db, () => {
        log('undone', 1)
        throw new Error('undo')
      })
    expect(undone).toThrow('undo')
    log('other', 2)
    log('undone', 3)
    const values = (name: string) => readAll(name, 10).map(({ value }) => value)
    expect([values('other'), values('undone')]).toEqual([[2], [3]])
  })

  it('samples evenly and keeps the last', () => {
    const { metrics, row } = open()
    const points = Array.from({ length: 1000 }, (_, i) => ({
      ...{ name: 'm', value: i, step: i, createdMs: i },
    }))
    metrics.logScalars(row(), points, actor)
    const metric = metrics.find(row().run, 'm')
    const sample = metric ? metrics.sample(metric, 100) : []
    expect(sample.length).toBeLessThanOrEqual(101)
    expect(sample[0]?.value).toBe(0)
    expect(sample.at(-1)?.value).toBe(999)
  })

  it('reads steps that JSON would round', () => {
    expect(
      parseJson('{"step": 9223372036854775807, "x":"\\"step\\": 9223372036854775807"}'),
    ).toEqual({
      step: '9223372036854775807',
      x: '"step": 9223372036854775807',
    })
  })
})

describe('metrics over HTTP', () => {
  let w: TestWorkspace
  beforeAll(async () => {
    w = await startTestWorkspace()
    await w.history('PATCH', '/experiments/e/runs/r', {})
  })
  afterAll(async () => {
    await w.test.stop()
  })

  it('says of each refused value why, and keeps the others', async () => {
    const good = {
      metricId: 'g',
      createdUtc: '2026-01-01T00:00:00.000Z',
      step: 1,
      data: { acc: 0.5 },
    }
    const values = [
      { name: 'acc', value: [good, { data: { acc: 1 }, step: 1.5 }, { step: 1 }] },
      { name: '', value: [good] },
    ]
    const posted = await w.metric('r', 'batch', { values })
    expect(posted.status).toBe(207)
    expect((posted.body as { errors: unknown[] }).errors).toMatchObject([
      { metric: { name: 'acc' }, errorResponse: { error: { code: 'ValidationError' } } },
      { metric: { name: 'acc' } },
      { metric: { name: '' } },
    ])
    const full = await w.metric('r', 'full', { metricName: 'acc' })
    expect(full.body).toMatchObject({ name: 'acc', value: [good], continuationToken: null })
    const list = await w.metric('r', 'list', {})
    expect(list.body).toMatchObject({
      value: [
        {
          metricKey: { name: 'acc', columnNames: ['acc'] },
          properties: { uxMetricType: 'azureml.v1.scalar' },
          numValuesLogged: 1,
          lastValue: { value: 0.5, step: 1 },
        },
      ],
    })
  })

  it('pages a long series without losing a value', async () => {
    const value = Array.from({ length: 2500 }, (_, step) => ({
      ...{ metricId: `id-${step}`, createdUtc: '2026-01-01T00:00:00.000Z', step },
      data: { loss: step % 7 === 0 ? 'NaN' : step / 3 },
    }))
    expect((await w.metric('r', 'batch', { values: [{ name: 'loss', value }] })).status).toBe(200)
    const read: unknown[] = []
    let continuationToken: string | null = null
    do {
      const answer = await w.metric('r', 'full', { metricName: 'loss', continuationToken })
      const page = answer.body as { value: unknown[]; continuationToken: string | null }
      read.push(...page.value)
      continuationToken = page.continuationToken
    } while (continuationToken !== null)
    expect(read).toEqual(value)
  })

  it('refuses another schema for a metric, and an absent metric or run', async () => {
    const value = [{ data: { a: 'x', b: 'y' } }]
    const properties = { uxMetricType: 'azureml.v1.table' }
    const posted = await w.metric('r', 'batch', { values: [{ name: 'loss', properties, value }] })
    expect(posted.status).toBe(207)
    expect((await w.metric('r', 'full', { metricName: 'none' })).status).toBe(404)
    expect((await w.metric('absent', 'list', {})).status).toBe(404)
    expect((await w.metric('r', 'azuremonitor', {})).status).toBe(501)
  })
})
