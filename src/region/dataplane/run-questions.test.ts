import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestWorkspace, type TestWorkspace } from './testing/test-workspace.ts'

let w: TestWorkspace
beforeAll(async () => {
  w = await startTestWorkspace()
  for (const { runId, ...run } of runs) {
    const made = await w.history('PATCH', `/experiments/asked/runs/${runId}`, run)
    expect(made.status).toBe(200)
  }
})
afterAll(() => w.test.stop())

const runs = [
  { runId: 'a', status: 'Completed', tags: { team: 'fraud', 'odd key': "it's" }, hidden: false },
  { runId: 'b', status: 'Failed', tags: { team: 'fraud' }, properties: { gpu: 'yes' } },
  { runId: 'c', status: 'Running', parentRunId: 'a', parameters: { lr: '0.1' } },
  { runId: 'd', status: 'Completed', parentRunId: 'a', hidden: true, displayName: 'last one' },
]
const ask = async (question: object) => {
  const { status, body } = await w.history('POST', '/experiments/asked/runs:query', question)
  if (status !== 200) return [status, (body as { error: { code: string } }).error.code]
  return (body as { value: Array<{ runId: string }> }).value.map((one) => one.runId)
}

const filters: ReadonlyArray<readonly [filter: string, found: string]> = [
  ['', 'abcd'],
  ["runId eq 'b'", 'b'],
  ["runId ne 'b'", 'acd'],
  ["RunId eq 'b'", 'b'],
  ["runId gt 'b'", 'cd'],
  ["runId ge 'b' and runId le 'c'", 'bc'],
  ["runId lt 'b'", 'a'],
  ["runId in ('a', 'd', 'x')", 'ad'],
  ["status eq 'Completed'", 'ad'],
  ["status eq 'Completed' or status eq 'Failed'", 'abd'],
  ["status eq 'Completed' and not (hidden eq true)", 'a'],
  ["not status eq 'Completed'", 'bc'],
  ['hidden eq true', 'd'],
  ["parentRunId eq 'a'", 'cd'],
  ['parentRunId eq null', 'ab'],
  ['parentRunId ne null', 'cd'],
  ["rootRunId eq 'a'", 'acd'],
  ["tags/team eq 'fraud'", 'ab'],
  ["tags/team ne 'fraud'", 'cd'],
  ['tags/team eq null', 'cd'],
  ["properties/gpu eq 'yes'", 'b'],
  ["parameters/lr eq '0.1'", 'c'],
  ["displayName eq 'last one'", 'd'],
  ["createdUtc ge '2020-01-01T00:00:00Z'", 'abcd'],
  ["createdUtc lt '2020-01-01T00:00:00Z'", ''],
  ["status eq 'Running' or (tags/team eq 'fraud' and runId eq 'a')", 'ac'],
]

describe('a query of runs', () => {
  it.each(filters)('finds by: %s', async (filter, found) => {
    expect(await ask({ filter, orderBy: 'runId' })).toEqual([...found])
  })

  it.each([
    "status = 'Completed'",
    "colour eq 'red'",
    "status eq 'Completed' and",
    "status eq 'open",
    "(status eq 'Completed'",
    'status eq',
    'runId gt null',
    "createdUtc gt 'yesterday'",
    "status eq 'Completed' )",
  ])('refuses: %s', async (filter) => {
    expect(await ask({ filter })).toEqual([400, 'ValidationError'])
  })

  it.each([
    ['runId desc', 'dcba'],
    ['status, runId desc', 'dabc'],
    ['', 'dcba'],
  ])('orders by: %s', async (orderBy, found) => {
    expect(await ask({ orderBy })).toEqual([...found])
  })

  it('refuses an order, a size and a token that are none', async () => {
    expect(await ask({ orderBy: 'runId sideways' })).toEqual([400, 'ValidationError'])
    expect(await ask({ top: -1 })).toEqual([400, 'ValidationError'])
    expect(await ask({ continuationToken: 'nonsense' })).toEqual([400, 'ValidationError'])
  })
})

describe('run data', () => {
  const definition = { script: 'train.py' }
  beforeAll(async () => {
    const run = { runDefinition: definition, jobSpecification: { a: 1 } }
    await w.history('PATCH', '/experiments/asked/runs/defined', run)
  })

  it.each([
    [{ selectRunMetadata: true }, { runDefinition: null, jobSpecification: null }],
    [{ selectRunDefinition: true }, { runDefinition: definition, jobSpecification: null }],
    [{ selectJobSpecification: true }, { runDefinition: null, jobSpecification: { a: 1 } }],
    [{ selectRunMetadata: false }, { runMetadata: null }],
  ])('is what is selected: %j', async (selection, expected) => {
    const { body } = await w.history('POST', '/rundata', { runId: 'defined', ...selection })
    expect(body).toMatchObject(expected)
  })

  it('comes in batches, each request under its own key, refused or not', async () => {
    const requests = {
      one: { runId: 'defined', selectRunDefinition: true },
      two: { runId: 'absent' },
      three: {},
    }
    const { status, body } = await w.history('POST', '/batchrundata', { requests })
    expect(status).toBe(200)
    const { successfulResults, failedResults } = body as Record<string, Record<string, unknown>>
    expect(Object.keys(successfulResults ?? {})).toEqual(['one'])
    expect(successfulResults?.one).toMatchObject({
      runMetadata: { runId: 'defined' },
      runDefinition: definition,
    })
    expect(Object.keys(failedResults ?? {})).toEqual(['two', 'three'])
  })

  it('in batches needs requests', async () => {
    const { status, body } = await w.history('POST', '/batchrundata', {})
    expect([status, body]).toMatchObject([400, { error: { code: 'ValidationError' } }])
  })
})
