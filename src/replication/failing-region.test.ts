import { describe, expect, it } from 'vitest'
import { HoldfastError } from '../model/errors.ts'
import { breaking } from '../workspace/decorators/breaking.ts'
import { faulty } from '../workspace/decorators/faulty.ts'
import { retrying } from '../workspace/decorators/retrying.ts'
import { collect } from '../workspace/pages.ts'
import { replicate } from './replicate.ts'
import { fill, scene } from './testing/worlds.ts'

const unavailable = () =>
  new HoldfastError('workspace.unavailable', 'west answered 500', { kind: 'transient' })

describe('a pass whose target only fails from some moment on', () => {
  it('ends partial with the reason instead of hammering, and the next one finishes', async () => {
    let now = 0
    const { east, west, context } = scene()
    const region = faulty(west)
    const target = retrying(breaking(region, { failures: 10, openMs: 1000, now: () => now }), {
      sleep: async () => undefined,
    })
    const blobs = Array.from({ length: 50 }, (_, i) => ({
      ...{ is: 'blob' as const, store: 'workspaceblobstore', name: `b${i}` },
      ...{ text: String(i), metadata: {} },
    }))
    await fill(east, blobs)
    let copies = 0
    region.break({
      when: ({ operation }) => {
        if (operation === 'copyBlob') copies += 1
        return copies > 20
      },
      error: unavailable,
    })
    const first = await replicate({ ...context, target })
    expect(first).toMatchObject({
      outcome: 'partial',
      replicationPoint: null,
      error: { code: 'workspace.circuit-open' },
    })
    const there = await collect((page) => west.listBlobs('workspaceblobstore', page))
    expect(there.length).toBeGreaterThan(0)
    expect(region.hits()).toBeLessThan(30)
    region.heal()
    // Still left alone: nothing is asked of it, and nothing was begun.
    expect(await replicate({ ...context, target })).toMatchObject({ outcome: 'failed' })
    now += 1000
    const last = await replicate({ ...context, target })
    expect(last).toMatchObject({ outcome: 'complete', created: 50 - there.length })
  })
})
