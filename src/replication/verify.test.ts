import { describe, expect, it } from 'vitest'
import { interceptWorkspace } from '../workspace/decorators/intercept.ts'
import type { MetricValue, Workspace } from '../workspace/workspace.ts'
import { replicate } from './replicate.ts'
import {
  blobContent as blob,
  experimentContent as experiment,
  fill,
  modelContent as model,
  runContent as run,
  type Scene,
  scene,
} from './testing/worlds.ts'
import { isChosen, verify } from './verify.ts'

const direction = { group: 'g', source: 'east', target: 'west' }
const value: MetricValue = {
  ...{ name: 'loss', schema: 'azureml.v1.scalar', metricId: 'by-hand', step: 9, data: { loss: 1 } },
  createdUtc: '2026-01-01T00:00:00.000Z',
}
const all = (text: string) => [experiment(text), model(text), blob(text), run(text)]
const full = { share: 1, seed: 's' }

async function proven(): Promise<Scene> {
  const made = scene()
  await fill(made.east, all('1'))
  await replicate(made.context)
  return made
}

/** A store whose bytes rotted under their hash and etag. */
function rotten(workspace: Workspace): Workspace {
  return interceptWorkspace(workspace, async ({ operation }, next) => {
    const answer = await next()
    return operation === 'readBlob' ? new Blob(['rotten']).stream() : answer
  })
}

async function failedRows({ context }: Scene): Promise<unknown[]> {
  const rows = await context.ledger.rows(direction, { state: 'failed', limit: 10 })
  return rows.map(({ object, error }) => [object, error?.code])
}

describe('verify', () => {
  it('finds nothing where all is as it was proven, and says how much it read', async () => {
    const { context, west } = await proven()
    const writes = west.writes.length
    expect(await verify(context, full)).toEqual({
      ...{ checked: 5, different: 0, behind: 0, unread: 0, bytesRead: 2 },
    })
    expect(await verify(context, { ...full, kind: 'run' })).toMatchObject({ checked: 1 })
    expect(west.writes).toHaveLength(writes)
  })

  it('fails what was changed at the target, of every nature, and stops the point (I4)', async () => {
    const made = await proven()
    const { context, west } = made
    await fill(west, [experiment('x'), model('x'), blob('x')])
    await west.writeMetrics('r', [value], { epoch: 1 })
    expect(await verify(context, full)).toMatchObject({ checked: 5, different: 4 })
    expect(await failedRows(made)).toEqual([
      ['blob/workspaceblobstore/a', 'verify.not-equal'],
      ['experiment/e', 'verify.not-equal'],
      ['model/m/1', 'verify.not-equal'],
      ['run/r', 'verify.not-equal'],
    ])
    const point = await context.ledger.readPoint(direction)
    // The cheap pass meets the old run again, and overwrites nobody's work (I3).
    expect(await replicate(context)).toMatchObject({ outcome: 'partial', conflicts: 4 })
    expect(await context.ledger.readPoint(direction)).toMatchObject({ at: point?.at })
  })

  it('reads bytes: rot that etag and hash do not show is found, and mended by the next pass', async () => {
    const made = await proven()
    const { context, west } = made
    const found = await verify({ ...context, target: rotten(west) }, full)
    expect(found).toMatchObject({ different: 1 })
    expect(await failedRows(made)).toEqual([['blob/workspaceblobstore/a', 'verify.not-equal']])
    const copies = () => west.writes.filter(({ operation }) => operation === 'copyBlob').length
    const before = copies()
    expect(await replicate(context)).toMatchObject({ outcome: 'complete', updated: 1 })
    expect(copies()).toBe(before + 1)
  })

  it('never copies rotten bytes of the source over good ones', async () => {
    const made = await proven()
    const { context, east, west } = made
    await verify({ ...context, source: rotten(east) }, full)
    const writes = west.writes.length
    for (let pass = 0; pass < 2; pass += 1)
      expect(await replicate(context)).toMatchObject({ outcome: 'partial', failed: 1 })
    expect(await failedRows(made)).toEqual([['blob/workspaceblobstore/a', 'verify.source-damaged']])
    expect(west.writes).toHaveLength(writes)
    await fill(east, [blob('mended')])
    expect(await replicate(context)).toMatchObject({ outcome: 'complete' })
  })

  it('makes again what is missing at the target', async () => {
    const made = await proven()
    await made.west.deleteObject({ kind: 'model', path: ['m', '1'] }, { epoch: 1 })
    expect(await verify(made.context, full)).toMatchObject({ different: 1 })
    expect(await failedRows(made)).toEqual([['model/m/1', 'verify.missing']])
    expect(await replicate(made.context)).toMatchObject({ outcome: 'complete', created: 1 })
  })

  it('calls a change at the source lag, not a difference', async () => {
    const made = await proven()
    await fill(made.east, all('2'))
    expect(await verify(made.context, full)).toMatchObject({ different: 0, behind: 4 })
    expect(await failedRows(made)).toEqual([])
  })

  it('chooses about the share asked for, the same for the same seed', () => {
    const objects = Array.from({ length: 5000 }, (_, i) => `run/${i}`)
    const chosen = objects.filter((object) => isChosen(object, 0.02, 'a'))
    expect(chosen.length).toBeGreaterThan(60)
    expect(chosen.length).toBeLessThan(140)
    expect(objects.filter((object) => isChosen(object, 0.02, 'a'))).toEqual(chosen)
    expect(objects.filter((object) => isChosen(object, 0.02, 'b'))).not.toEqual(chosen)
  })
})
