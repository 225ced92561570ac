import { setImmediate as nextTick } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HoldfastError } from '../model/errors.ts'
import { faulty } from '../workspace/decorators/faulty.ts'
import { interceptWorkspace } from '../workspace/decorators/intercept.ts'
import { type MemoryWorkspace, memoryWorkspace } from '../workspace/memory/memory-workspace.ts'
import { collect } from '../workspace/pages.ts'
import type { RunLinks } from '../workspace/run-links.ts'
import type { Run, Workspace } from '../workspace/workspace.ts'
import { memoryLedger } from './memory-ledger.ts'
import { memoryRunLinks } from './memory-run-links.ts'
import type { ReplicationContext } from './pass.ts'
import { planReplication } from './plan-replication.ts'
import { replicate } from './replicate.ts'
import { scene } from './testing/worlds.ts'

interface Servers {
  readonly east: MemoryWorkspace
  readonly west: MemoryWorkspace
  readonly links: RunLinks
  readonly context: ReplicationContext
  readonly back: ReplicationContext
}

/** Two members that mint run ids and keep artifacts with their runs, as MLflow servers do. */
function servers(): Servers {
  const { context } = scene()
  const east = memoryWorkspace({ name: 'east', mintsRunIds: true, clock: context.clock })
  const west = memoryWorkspace({ name: 'west', mintsRunIds: true, clock: context.clock })
  const links = memoryRunLinks()
  const forward = { ...context, source: east, target: west, runLinks: links }
  return { east, west, links, context: forward, back: { ...forward, source: west, target: east } }
}

async function log(workspace: Workspace, name: string, parentRunId?: string): Promise<string> {
  const body = { displayName: name, ...(parentRunId === undefined ? {} : { parentRunId }) }
  const run: Run = { runId: '', experimentName: 'e', status: 'Completed', modifiedAt: '', body }
  const [runId = ''] = await workspace.putRuns('e', [run], { epoch: 1 })
  const value = (step: number) => ({
    name: 'loss',
    schema: 'azureml.v1.scalar',
    metricId: `${name}-${step}`,
    createdUtc: '2026-01-01T00:00:00.000Z',
    step,
    data: { loss: step === 1 ? 'NaN' : step },
  })
  await workspace.writeMetrics(runId, [0, 1, 2].map(value), { epoch: 1 })
  await upload(workspace, runId, `content of ${name}`)
  return runId
}

async function upload(
  workspace: Workspace,
  runId: string,
  text: string,
  name = 'a/b',
): Promise<void> {
  const bytes = new TextEncoder().encode(text)
  const blob = { name, sizeBytes: bytes.length, etag: '', modifiedAt: '', metadata: {} }
  await workspace.writeBlob(`run:${runId}`, blob, new Blob([bytes]).stream(), { epoch: 1 })
}

const runsOf = (workspace: Workspace) => collect((page) => workspace.listRuns(page))

/** Everything a person sees, with names in place of ids. */
async function shown(workspace: Workspace): Promise<unknown[]> {
  const runs = await runsOf(workspace)
  const nameOf = (id: unknown) => runs.find(({ runId }) => runId === id)?.body.displayName
  const all = runs.map(async ({ runId, body, status }) => {
    const values = await collect((page) => workspace.readMetrics(runId, page))
    const blobs = await collect((page) => workspace.listBlobs(`run:${runId}`, page))
    const texts = blobs.map(async ({ name }) =>
      new Response(await workspace.readBlob(`run:${runId}`, name)).text(),
    )
    const parent = nameOf(body.parentRunId)
    return { name: body.displayName, status, parent, values, texts: await Promise.all(texts) }
  })
  const list = await Promise.all(all)
  return list.sort((a, b) => (String(a.name) < String(b.name) ? -1 : 1))
}

const complete = { outcome: 'complete', failed: 0, pending: 0, conflicts: 0 } as const

describe('replicating to a member that mints run ids', () => {
  it('copies all that a run holds, parents under their new ids, and then has nothing to do', async () => {
    const { east, west, links, context } = servers()
    const parent = await log(east, 'parent')
    const child = await log(east, 'child', parent)
    // Changed last, so it is listed after its child.
    await east.putRuns('e', [{ ...(await one(east, parent)), status: 'Failed' }], { epoch: 1 })
    expect((await planReplication(context)).totals.create).toBe(3)
    expect(await replicate(context)).toMatchObject({ ...complete, created: 3 })
    expect(await shown(west)).toEqual(await shown(east))
    const there = await links.find('g', 'east', 'west', [parent, child])
    expect((await one(west, there.get(child) ?? '')).body.parentRunId).toBe(there.get(parent))
    const writes = west.writes.length
    expect(await replicate(context)).toMatchObject({ ...complete, created: 0, updated: 0 })
    expect(await replicate({ ...context, full: true })).toMatchObject({ ...complete, updated: 0 })
    expect(west.writes).toHaveLength(writes)
  })

  it('finds its copies by their origin when ledger and links are lost (I10)', async () => {
    const { east, west, context } = servers()
    const parent = await log(east, 'parent')
    await log(east, 'child', parent)
    await replicate(context)
    const writes = west.writes.length
    const runLinks = memoryRunLinks()
    const fresh = { ...context, ledger: memoryLedger(), runLinks }
    expect(await replicate(fresh)).toMatchObject({ ...complete, created: 0, updated: 0 })
    expect(west.writes).toHaveLength(writes)
    expect((await runLinks.resolve('g', parent)).length).toBe(1)
  })

  it('leads a copy back to its original after a failover', async () => {
    const { east, west, links, context, back } = servers()
    const original = await log(east, 'r')
    await replicate(context)
    const copy = (await links.find('g', 'east', 'west', [original])).get(original) ?? ''
    await west.putRuns('e', [{ ...(await one(west, copy)), status: 'Failed' }], { epoch: 1 })
    const fresh = await log(west, 'new')
    expect(await replicate({ ...back, epoch: 2 })).toMatchObject({
      ...complete,
      created: 1,
      updated: 1,
    })
    expect((await one(east, original)).status).toBe('Failed')
    expect(await shown(east)).toEqual(await shown(west))
    expect(await links.find('g', 'west', 'east', [copy, fresh])).toHaveProperty('size', 2)
    const lost = { ...back, epoch: 2, runLinks: memoryRunLinks(), ledger: memoryLedger() }
    expect(await replicate(lost)).toMatchObject({ ...complete, created: 0, updated: 0 })
  })

  it('leaves a copy alone that somebody changed (I3)', async () => {
    const { east, west, links, context } = servers()
    const original = await log(east, 'r')
    await replicate(context)
    const copy = (await links.find('g', 'east', 'west', [original])).get(original) ?? ''
    await west.putRuns('e', [{ ...(await one(west, copy)), status: 'Failed' }], { epoch: 1 })
    await upload(east, original, 'newer')
    await east.putRuns('e', [{ ...(await one(east, original)), status: 'Canceled' }], { epoch: 1 })
    expect(await replicate(context)).toMatchObject({ outcome: 'partial', conflicts: 1 })
    expect((await one(west, copy)).status).toBe('Failed')
  })

  it('sees an artifact that differs, though the run itself is equal (I4)', async () => {
    const { east, west, links, context } = servers()
    const original = await log(east, 'r')
    await replicate(context)
    const copy = (await links.find('g', 'east', 'west', [original])).get(original) ?? ''
    await upload(west, copy, 'by hand')
    await replicate({ ...context, full: true })
    const rows = await context.ledger.rows(
      { group: 'g', source: 'east', target: 'west' },
      { state: 'proven', kind: 'run', limit: 9 },
    )
    expect(rows).toEqual([])
  })

  it('copies artifacts of one run side by side, whichever comes first, and proves them (I4)', async () => {
    const { east, west, context } = servers()
    const run = await log(east, 'r')
    for (let i = 0; i < 30; i += 1) await upload(east, run, `content ${i}`, `files/${i}`)
    let [underWay, most] = [0, 0]
    // The first that is asked for answers last.
    const slow = (workspace: Workspace) => {
      let ticks = 400
      return interceptWorkspace(workspace, async (call, next) => {
        const answer = await next()
        if (!['readBlob', 'writeBlob'].includes(call.operation)) return answer
        underWay += 1
        most = Math.max(most, underWay)
        ticks -= 4
        for (let left = ticks; left > 0; left -= 1) await nextTick()
        underWay -= 1
        return answer
      })
    }
    const far = { ...context, source: slow(east), target: slow(west) }
    expect(await replicate(far)).toMatchObject({ ...complete, created: 2 })
    expect(await shown(west)).toEqual(await shown(east))
    expect(most).toBeGreaterThan(4)
    expect(most).toBeLessThanOrEqual(24)
    // What was proven in another order is the same.
    expect(await replicate({ ...context, full: true })).toMatchObject({ ...complete, updated: 0 })
  })

  it('begins no further artifact of a run after one was refused', async () => {
    const { east, west, context } = servers()
    const run = await log(east, 'r')
    for (let i = 0; i < 100; i += 1) await upload(east, run, `content ${i}`, `files/${i}`)
    let asked = 0
    const target = interceptWorkspace(west, async ({ operation }, next) => {
      if (operation !== 'writeBlob') return next()
      asked += 1
      if (asked === 1) throw new HoldfastError('workspace.refused', 'no')
      return next()
    })
    expect(await replicate({ ...context, target })).toMatchObject({ outcome: 'partial', failed: 1 })
    expect(asked).toBeLessThanOrEqual(24)
    expect(await replicate(context)).toMatchObject({ ...complete })
    expect(await shown(west)).toEqual(await shown(east))
  })

  it('makes no run twice, whichever call fails or loses its answer (I2)', async () => {
    const operations = ['putRuns', 'writeMetrics', 'getRuns', 'readMetricsOf', 'writeBlob'] as const
    const fault = fc.record({
      operation: fc.constantFrom(...operations),
      skip: fc.nat({ max: 6 }),
      strikes: fc.constantFrom('before' as const, 'after' as const),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(fault, { minLength: 1, maxLength: 4 }), async (faults) => {
        const { east, west, context } = servers()
        const parent = await log(east, 'a')
        for (const name of ['b', 'c', 'd']) await log(east, name, parent)
        const target = faulty(west)
        for (const { operation, skip, strikes } of faults) {
          let seen = 0
          target.break({
            operations: [operation],
            when: () => seen++ >= skip,
            times: 1,
            strikes,
            error: () => new HoldfastError('workspace.refused', 'no'),
          })
        }
        for (let pass = 0; pass < faults.length; pass += 1) await replicate({ ...context, target })
        expect(await replicate(context)).toMatchObject(complete)
        expect(await shown(west)).toEqual(await shown(east))
      }),
      { numRuns: 60 },
    )
  })
})

async function one(workspace: Workspace, runId: string): Promise<Run> {
  const run = await workspace.getRun(runId)
  if (run === undefined) throw new Error(`no run ${runId}`)
  return run
}
