import { describe, expect, it } from 'vitest'
import { HoldfastError } from '../model/errors.ts'
import { interceptWorkspace } from '../workspace/decorators/intercept.ts'
import { memoryWorkspace } from '../workspace/memory/memory-workspace.ts'
import { collect } from '../workspace/pages.ts'
import type { MetricValue, Workspace } from '../workspace/workspace.ts'
import { memoryRunLinks } from './memory-run-links.ts'
import { replicate } from './replicate.ts'
import { type Scene, scene } from './testing/worlds.ts'

const value = (step: number): MetricValue => ({
  name: 'loss',
  schema: 'azureml.v1.scalar',
  metricId: `loss-${step}`,
  createdUtc: '2026-01-01T00:00:00.000Z',
  step,
  data: { loss: step },
})

async function log({ east }: Pick<Scene, 'east'>, name: string, values: number): Promise<void> {
  const run = { runId: name, experimentName: 'e', status: 'Completed', modifiedAt: '', body: {} }
  const [minted] = await east.putRuns('e', [run], { epoch: 1 })
  const runId = minted ?? name
  for (let from = 0; from < values; from += 250) {
    const steps = Array.from({ length: Math.min(250, values - from) }, (_, i) => from + i)
    await east.writeMetrics(runId, steps.map(value), { epoch: 1 })
  }
}

/** Opens once. */
function door() {
  let open: () => void = () => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

const stepsOf = async (workspace: Workspace, runId: string) =>
  (await collect((page) => workspace.readMetrics(runId, page))).map(({ step }) => step)

describe('the series of runs', () => {
  it('are read on while what was read before is written', async () => {
    const world = scene()
    await log(world, 'long', 600)
    const [second, pages] = [door(), { asked: 0 }]
    const source: Workspace = {
      ...world.east,
      async readMetricsOf(runs, options) {
        pages.asked += 1
        if (pages.asked === 2) second.open()
        return world.east.readMetricsOf(runs, { ...options, pageSize: 250 })
      },
    }
    const target = interceptWorkspace(world.west, async (call, next) => {
      // A copy that reads on only after this would stand still for ever.
      if (call.operation === 'writeMetrics') await second.opened
      return next()
    })
    const result = await replicate({ ...world.context, source, target })
    expect(result).toMatchObject({ outcome: 'complete', created: 2 })
    expect(await stepsOf(world.west, 'long')).toEqual(await stepsOf(world.east, 'long'))
    expect(pages.asked).toBe(3)
  })

  it('of some runs are proven while those of others are written', async () => {
    const world = scene()
    for (const runId of ['a', 'b', 'c', 'd']) await log(world, runId, 1)
    const proven = door()
    const target = interceptWorkspace(world.west, async (call, next) => {
      if (call.operation === 'writeMetrics' && call.args[0] === 'd') await proven.opened
      const result = await next()
      if (call.operation === 'readMetricsOf') proven.open()
      return result
    })
    const result = await replicate({ ...world.context, target })
    expect(result).toMatchObject({ outcome: 'complete', created: 5 })
  })

  it('of a run that is refused hold up no other, and are not written twice for it', async () => {
    const world = scene()
    const names = Array.from({ length: 100 }, (_, i) => `run-${i}`)
    for (const name of names) await log(world, name, 1)
    const [written, reads]: [unknown[], unknown[]] = [[], []]
    const target = interceptWorkspace(world.west, async (call, next) => {
      if (call.operation === 'getRuns') reads.push(call.args[0])
      if (call.operation !== 'writeMetrics') return next()
      written.push(call.args[0])
      if (call.args[0] === 'run-50') throw new HoldfastError('request.invalid', 'not this one')
      return next()
    })
    const result = await replicate({ ...world.context, target })
    expect(result).toMatchObject({ outcome: 'partial', failed: 1, created: 100 })
    expect([...written].sort()).toEqual([...names].sort())
    // Documents are read again for many at once.
    expect(reads.length).toBeLessThan(20)
    expect(await replicate(world.context)).toMatchObject({ outcome: 'complete', failed: 0 })
  })

  it('are not begun any more after what ends the pass', async () => {
    const world = scene()
    for (let i = 0; i < 100; i += 1) await log(world, `run-${i}`, 1)
    let writes = 0
    const target = interceptWorkspace(world.west, async (call, next) => {
      if (call.operation !== 'writeMetrics') return next()
      writes += 1
      if (writes === 30) throw new HoldfastError('workspace.unreachable', 'away')
      return next()
    })
    const result = await replicate({ ...world.context, target })
    expect(result).toMatchObject({ outcome: 'failed', error: { code: 'workspace.unreachable' } })
    // Those that were under way then: some groups, of each a few.
    expect(writes).toBeLessThan(30 + 6 * 4)
  })

  it('of many runs read together arrive whole, though one run among them is refused', async () => {
    const { context } = scene()
    const east = memoryWorkspace({ name: 'east', mintsRunIds: true, clock: context.clock })
    const west = memoryWorkspace({ name: 'west', mintsRunIds: true, clock: context.clock })
    const steps = [0, 1, 2]
    const refusedStep = 3
    for (let i = 0; i < 40; i += 1)
      await log({ east }, '', i === 17 ? refusedStep + 1 : steps.length)
    const servers = { ...context, source: east, target: west, runLinks: memoryRunLinks() }
    const target = interceptWorkspace(west, async (call, next) => {
      const values = call.operation === 'writeMetrics' ? (call.args[1] as MetricValue[]) : []
      if (values.some(({ step }) => step === refusedStep))
        throw new HoldfastError('request.invalid', 'not this one')
      return next()
    })
    const result = await replicate({ ...servers, target })
    expect(result).toMatchObject({ outcome: 'partial', failed: 1, created: 40 })
    expect(await seriesOf(west)).toEqual([[], ...Array.from({ length: 39 }, () => steps)])
    expect(await replicate(servers)).toMatchObject({ outcome: 'complete', failed: 0 })
    expect(await seriesOf(west)).toEqual(await seriesOf(east))
  })
})

/** The steps of every run, shortest series first. */
async function seriesOf(workspace: Workspace): Promise<unknown[]> {
  const runs = await collect((page) => workspace.listRuns(page))
  const series = await Promise.all(runs.map(({ runId }) => stepsOf(workspace, runId)))
  return series.sort((a, b) => a.length - b.length)
}
