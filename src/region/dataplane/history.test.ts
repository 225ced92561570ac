import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestWorkspace, type TestWorkspace } from './testing/test-workspace.ts'

let w: TestWorkspace
beforeAll(async () => {
  w = await startTestWorkspace()
})
afterAll(async () => {
  await w.test.stop()
})
type Runs = { value: Array<{ runId: string }>; continuationToken: string | null }

describe('run history', () => {
  it('creates runs with ids of the caller and answers what it stored', async () => {
    const made = await w.history('PATCH', '/experiments/first/runs/run-1', { status: 'Running' })
    expect(made).toMatchObject({ status: 200, body: { runId: 'run-1', status: 'Running' } })
    const upper = w.id.replace('fraud', 'FRAUD').replace('resourceGroups', 'resourcegroups')
    const read = await w.test.call('GET', `/history/v1.0${upper}/runs/run-1`)
    expect(read.body).toEqual(made.body)
    expect((await w.history('GET', '/experiments/first/runs/run-1')).body).toEqual(made.body)
    expect((await w.history('GET', '/runs/run-1/details')).body).toMatchObject({
      status: 'Running',
    })
  })

  it('writes a batch run by run and says which failed', async () => {
    await w.history('PATCH', '/experiments/batch/runs/fixed', { properties: { a: '1' } })
    const runs = [
      { runId: 'b1', status: 'Completed' },
      { runId: 'not valid' },
      { runId: 'fixed', properties: { a: '2' } },
    ]
    const { status, body } = await w.history('PATCH', '/experiments/batch/batch/runs', { runs })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      runs: { b1: { runId: 'b1', status: 'Completed' } },
      errors: {
        'not valid': { error: { code: 'ValidationError' } },
        fixed: { error: { code: 'UserError' } },
      },
    })
  })

  it('pages a query over the whole workspace', async () => {
    const runs = Array.from({ length: 25 }, (_, i) => ({ runId: `q${i}`, parentRunId: 'q-parent' }))
    await w.history('PATCH', '/experiments/paged/batch/runs', { runs })
    const seen: string[] = []
    let continuationToken: string | null = null
    do {
      const filter = "parentRunId eq 'q-parent'"
      const question = { filter, orderBy: 'lastModifiedUtc asc', top: 10, continuationToken }
      const { body } = await w.history('POST', '/runs:query', question)
      seen.push(...(body as Runs).value.map((run) => run.runId))
      continuationToken = (body as Runs).continuationToken
    } while (continuationToken !== null)
    expect(seen).toEqual(runs.map((run) => run.runId))
    await w.history('POST', '/runs/q-parent', {})
    const children = (await w.history('GET', '/runs/q-parent/children?$top=3')).body as Runs
    expect(children.value).toHaveLength(3)
    const inOther = await w.history('POST', '/experiments/batch/runs:query', {
      filter: "parentRunId eq 'q-parent'",
    })
    expect((inOther.body as Runs).value).toEqual([])
  })

  it('changes and deletes tags', async () => {
    await w.history('PATCH', '/experiments/first/runs/tagged', { tags: { a: '1', b: '2' } })
    const change = { tagsToModify: { b: '3', c: '4' }, tagsToDelete: ['a'] }
    const { body } = await w.history('PATCH', '/experiments/first/runs/tagged/tags', change)
    expect(body).toMatchObject({ tags: { b: '3', c: '4' }, revision: 2 })
    expect((await w.history('GET', '/runs/tagged/tags')).body).toEqual({ b: '3', c: '4' })
  })

  it('answers run data by id, one and many', async () => {
    const one = { runId: 'run-1', selectRunMetadata: true }
    expect((await w.history('POST', '/rundata', one)).body).toMatchObject({
      runMetadata: { runId: 'run-1' },
    })
    const requests = { x: one, y: { runId: 'absent' } }
    expect((await w.history('POST', '/batchrundata', { requests })).body).toMatchObject({
      successfulResults: { x: { runMetadata: { runId: 'run-1' } } },
      failedResults: { y: { error: { code: 'UserError' } } },
    })
  })

  it('keeps experiments, archives them and lists by view', async () => {
    const { body } = await w.history('POST', '/experiments/old one', { tags: { team: 'fraud' } })
    const { experimentId } = body as { experimentId: string }
    const archived = await w.history('PATCH', `/experimentids/${experimentId}`, { archive: true })
    expect(archived.body).toMatchObject({ name: 'old one', tags: { team: 'fraud' } })
    const names = async (viewType: string) => {
      const answer = await w.history('POST', '/experiments:query', { viewType, top: 2 })
      return (answer.body as { value: Array<{ name: string }> }).value.map(({ name }) => name)
    }
    expect(await names('ArchivedOnly')).toEqual(['old one'])
    expect(await names('ActiveOnly')).not.toContain('old one')
    expect(await names('All')).toHaveLength(2)
  })

  it('says what is missing and what it cannot do', async () => {
    expect(await w.history('GET', '/runs/absent')).toMatchObject({
      status: 404,
      body: { error: { code: 'UserError' } },
    })
    expect(await w.history('POST', '/runs/run-1/teleport', {})).toMatchObject({
      status: 501,
      body: { error: { code: 'NotImplemented' } },
    })
    const elsewhere = w.id.replace('fraud', 'nowhere')
    expect(await w.test.call('GET', `/history/v1.0${elsewhere}/runs/run-1`)).toMatchObject({
      status: 404,
      body: { error: { code: 'ResourceNotFound' } },
    })
    const noToken = await w.test.call('GET', `/history/v1.0${w.id}/runs/run-1`, { token: null })
    expect(noToken.status).toBe(401)
  })
})
