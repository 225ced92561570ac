import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HoldfastError } from '../model/errors.ts'
import { faulty } from '../workspace/decorators/faulty.ts'
import { fenced } from '../workspace/decorators/fenced.ts'
import { interceptWorkspace } from '../workspace/decorators/intercept.ts'
import { planReplication } from './plan-replication.ts'
import { replicate } from './replicate.ts'
import { type Content, fill, put, scene } from './testing/worlds.ts'

const direction = { group: 'g', source: 'east', target: 'west' }
const blob = (text: string): Content => ({
  is: 'blob',
  store: 'workspaceblobstore',
  name: 'a',
  text,
  metadata: {},
})
const model = (tag: string): Content => ({
  is: 'object',
  id: { kind: 'model', path: ['m', '1'] },
  body: {
    properties: { modelUri: 'azureml://datastores/workspaceblobstore/paths/m/', tags: { tag } },
  },
})
const run = (id: string, displayName: string, experimentName = 'e'): Content => ({
  is: 'run',
  run: { runId: id, experimentName, status: 'Completed', modifiedAt: '', body: { displayName } },
  values: [],
})
const experiment = (tag: string): Content => ({
  is: 'experiment',
  experiment: { name: 'e', archived: false, tags: { tag } },
})

describe('replicate', () => {
  it('keeps both when both sides changed, in every further pass, too (I3, I5)', async () => {
    const { east, west, context } = scene()
    await fill(east, [experiment('1'), model('1'), blob('1'), run('r', '1')])
    await replicate(context)
    const point = await context.ledger.readPoint(direction)
    await fill(east, [experiment('2'), model('2'), blob('2'), run('r', '2')])
    await fill(west, [experiment('3'), model('3'), blob('3'), run('r', '3')])
    const writes = west.writes.length
    for (let pass = 0; pass < 3; pass += 1) {
      expect((await planReplication(context)).totals).toEqual({ conflict: 4 })
      expect(await replicate(context)).toMatchObject({ outcome: 'partial', conflicts: 4 })
      expect(west.writes).toHaveLength(writes)
      expect(await context.ledger.readPoint(direction)).toEqual(point)
    }
    const rows = await context.ledger.rows(direction, { state: 'conflict', limit: 10 })
    expect(rows.map(({ object, error }) => [object, error?.code])).toEqual([
      ['blob/workspaceblobstore/a', 'object.changed-there'],
      ['experiment/e', 'object.changed-there'],
      ['model/m/1', 'object.changed-there'],
      ['run/r', 'object.changed-there'],
    ])
  })

  it('keeps what somebody writes into a run between the comparison and the write (I3)', async () => {
    for (const before of [[run('r', '1')], []]) {
      const { east, west, context } = scene()
      await fill(east, [experiment('1'), ...before])
      await replicate(context)
      await fill(east, [run('r', '2')])
      let isLate = true
      const target = interceptWorkspace(west, async (call, next) => {
        if (call.operation === 'putRuns' && isLate) {
          isLate = false
          await fill(west, [run('r', 'of somebody')])
        }
        return next()
      })
      const now = { ...context, target }
      expect(await replicate(now)).toMatchObject({ outcome: 'partial', failed: 1 })
      expect(await replicate(now)).toMatchObject({ outcome: 'partial', conflicts: 1 })
      expect((await west.getRun('r'))?.body.displayName).toBe('of somebody')
    }
  })

  it('copies components of components in one pass, whatever order they are listed in', async () => {
    const { east, west, context } = scene()
    const component = (name: string, inner?: string): Content => ({
      is: 'object',
      id: { kind: 'component', path: ['azureml_anonymous', name] },
      body: {
        properties: {
          componentSpec: {
            type: 'pipeline',
            jobs:
              inner === undefined
                ? {}
                : { node: { componentId: `azureml:azureml_anonymous:${inner}` } },
          },
        },
      },
    })
    await fill(east, [component('c'), component('b', 'c'), component('a', 'b')])
    expect(await replicate(context)).toMatchObject({ outcome: 'complete', pending: 0 })
    const rows = await context.ledger.rows(direction, { kind: 'component', limit: 10 })
    expect(rows.map(({ state }) => state)).toEqual(['proven', 'proven', 'proven'])
    expect(west.writes.filter(({ target }) => target.startsWith('component/'))).toHaveLength(3)
  })

  it.each(['before', 'after'] as const)(
    'takes an update up again that failed %s its effect, though the source went on (I2, I3)',
    async (strikes) => {
      const { east, west, context } = scene()
      await fill(east, [experiment('1'), model('1'), blob('1'), run('r', '1')])
      await replicate(context)
      await fill(east, [experiment('2'), model('2'), blob('2'), run('r', '2')])
      const target = faulty(west)
      target.break({
        operations: ['putObject', 'putExperiment', 'putRuns', 'copyBlob'],
        strikes,
        error: () => new HoldfastError('workspace.throttled', 'slow down', { kind: 'transient' }),
      })
      expect(await replicate({ ...context, target })).toMatchObject({
        outcome: 'partial',
        failed: 4,
        conflicts: 0,
      })
      await fill(east, [experiment('3'), model('3'), blob('3'), run('r', '3')])
      expect(await replicate(context)).toMatchObject({ outcome: 'complete', updated: 4 })
      expect((await west.getRun('r'))?.body.displayName).toBe('3')
    },
  )

  it('ends a pass of a stale epoch before any effect (I1)', async () => {
    const { east, west, context } = scene()
    await fill(east, [model('1'), blob('1'), run('r', '1')])
    const target = fenced(west, { currentEpoch: async () => 2 })
    expect(await replicate({ ...context, target })).toMatchObject({
      outcome: 'failed',
      error: { code: 'epoch.stale' },
    })
    expect(west.writes).toEqual([])
    expect(await context.ledger.readPoint(direction)).toBeUndefined()
  })

  it('has nothing under way any more when it ends early', async () => {
    const { east, west, context } = scene()
    for (let i = 0; i < 60; i += 1) await put(east, { ...blob('x'), name: `b${i}` } as Content)
    const target = faulty(west)
    let calls = 0
    target.break({
      when: () => calls++ >= 20,
      error: () => new HoldfastError('workspace.unreachable', 'away', { kind: 'transient' }),
    })
    expect(await replicate({ ...context, target })).toMatchObject({ outcome: 'failed' })
    // What was under way when the first call failed, and no more.
    expect(calls).toBeLessThan(20 + 2 * 16)
    const [then, writes] = [calls, west.writes.length]
    await new Promise((resolve) => setImmediate(resolve))
    expect([calls, west.writes.length]).toEqual([then, writes])
  })

  it('leaves a blob that changes while it is copied to the next pass', async () => {
    const { east, west, context } = scene()
    await put(east, blob('1'))
    const source = interceptWorkspace(east, async (call, next) => {
      const result = await next()
      if (call.operation === 'blobReadUrl') await put(east, blob('2'))
      return result
    })
    expect(await replicate({ ...context, source })).toMatchObject({
      outcome: 'partial',
      pending: 1,
      failed: 0,
    })
    expect(await replicate(context)).toMatchObject({ outcome: 'complete', conflicts: 0 })
    expect(await new Response(await west.readBlob('workspaceblobstore', 'a')).text()).toBe('2')
  })

  it('writes secrets nowhere but into the other vault (I9)', async () => {
    const { east, west, context, actions } = scene()
    const [key, rotated, token] = ['s3cr3t-of-an-account', 's3cr3t-rotated', 's3cr3t-in-a-body']
    const datastore = (secret: string): Content => ({
      is: 'object',
      id: { kind: 'datastore', path: ['ds'] },
      body: {
        properties: {
          datastoreType: 'AzureBlob',
          accountName: 'else',
          credentials: { credentialsType: 'AccountKey', secrets: { key: token } },
        },
      },
      secret,
    })
    const endpoint: Content = {
      is: 'object',
      id: { kind: 'online-endpoint', path: ['score'] },
      body: { location: 'east', properties: { authMode: 'Key', keys: { primaryKey: token } } },
      secret: key,
    }
    await fill(east, [datastore(key), endpoint, blob('x')])
    const target = faulty(west)
    const heal = target.break({
      operations: ['putObject'],
      error: () => new HoldfastError('object.refused', 'no'),
    })
    const cold = { kind: 'online-endpoint', strategy: 'hot-cold' } as const
    const plan = { ...context.plan, strategies: [...context.plan.strategies, cold] }
    const results: unknown[] = [await replicate({ ...context, plan, target })]
    heal()
    results.push(await replicate({ ...context, plan, target }))
    await put(east, datastore(rotated))
    results.push(await planReplication(context), await replicate(context))
    const id = { kind: 'datastore', path: ['ds'] } as const
    expect((await west.readSecrets(id))?.reveal()).toEqual({ key: rotated })
    const said = JSON.stringify([
      results,
      actions,
      [
        ...(await context.ledger.read(
          direction,
          (await context.ledger.rows(direction, { limit: 99 })).map((r) => r.object),
        )),
      ],
      await context.definitions.list(direction, { limit: 99 }),
    ])
    for (const secret of [key, rotated, token]) expect(said).not.toContain(secret)
    expect(said).toContain('online-endpoint/score')
  })

  it('keeps schedules off at the secondary, and how they are to be in the definition', async () => {
    const { east, west, context } = scene()
    const id = { kind: 'schedule', path: ['nightly'] } as const
    await put(east, {
      is: 'object',
      id,
      body: { properties: { isEnabled: true, displayName: 'n' } },
    })
    expect(await replicate(context)).toMatchObject({ outcome: 'complete' })
    expect((await west.getObject(id))?.body.properties).toMatchObject({ isEnabled: false })
    const [definition] = await context.definitions.list(direction, { limit: 9 })
    expect(definition?.body.properties).toMatchObject({ isEnabled: true })
  })

  it('reads few lists before it works on what they show, however many there are', async () => {
    const { east, west, context } = scene()
    for (let i = 0; i < 100; i += 1)
      await put(east, { ...model('1'), id: { kind: 'model', path: [`m${i}`, '1'] } } as Content)
    let asked = 0
    let askedBefore: number | undefined
    const isModel = (kind: unknown) => kind === 'model'
    const source = interceptWorkspace(east, async (call, next) => {
      if (call.operation === 'listObjects' && isModel(call.args[0])) asked += 1
      return next()
    })
    const target = interceptWorkspace(west, async (call, next) => {
      const [id] = call.args as [{ kind: string }]
      if (call.operation === 'putObject' && isModel(id.kind)) askedBefore ??= asked
      return next()
    })
    expect(await replicate({ ...context, source, target })).toMatchObject({ outcome: 'complete' })
    expect(asked).toBe(100)
    expect(askedBefore).toBeLessThan(50)
  })

  it('looks for changed runs beside the objects, and takes them as they are afterwards', async () => {
    const { east, west, context } = scene()
    await fill(east, [experiment('1'), model('1'), run('a', '1'), run('b', '1')])
    const calls: string[] = []
    const source = interceptWorkspace(east, async (call, next) => {
      const isLast = call.operation === 'listObjects' && call.args[0] === 'schedule'
      if (isLast && calls.includes('listRuns')) await put(east, run('a', '3'))
      calls.push(call.operation)
      return next()
    })
    const pass = async (more = {}) => {
      calls.splice(0)
      expect(await replicate({ ...context, source, ...more })).toMatchObject({
        outcome: 'complete',
      })
      return calls.indexOf('listRuns') < calls.indexOf('listObjects')
    }
    // A first pass takes long: what it listed so early would be old.
    expect(await pass()).toBe(false)
    await put(east, run('a', '2'))
    expect(await pass()).toBe(true)
    expect((await west.getRun('a'))?.body.displayName).toBe('3')
    expect(await pass({ full: true })).toBe(false)
  })

  it('loses no run that changes while a pass walks', async () => {
    const change = fc.record({ at: fc.nat({ max: 12 }), id: fc.nat({ max: 8 }), text: fc.uuid() })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(change, { maxLength: 4 }), { minLength: 1, maxLength: 4 }),
        async (passes) => {
          const { east, west, context } = scene()
          const edit = (id: number, text: string) => put(east, run(`r${id}`, text, `e${id % 3}`))
          for (let id = 0; id < 6; id += 1) await edit(id, 'first')
          for (const changes of passes) {
            let page = 0
            const source = interceptWorkspace(east, async (call, next) => {
              if (call.operation === 'listRuns') {
                page += 1
                for (const one of changes) if (one.at === page) await edit(one.id, one.text)
                // Small pages, so that there is something between them.
                const [options] = call.args as [Parameters<typeof east.listRuns>[0]]
                return east.listRuns({ ...options, pageSize: 1 })
              }
              return next()
            })
            expect(await replicate({ ...context, source })).toMatchObject({ outcome: 'complete' })
          }
          expect(await replicate(context)).toMatchObject({ outcome: 'complete' })
          for (const { runId, body } of (await east.listRuns()).items)
            expect((await west.getRun(runId))?.body.displayName).toBe(body.displayName)
        },
      ),
      { numRuns: 200 },
    )
  }, 180_000)
})
