import { describe, expect, it } from 'vitest'
import type { Run } from '../workspace/workspace.ts'
import { memoryLedger } from './memory-ledger.ts'
import { replicate } from './replicate.ts'
import { type Content, fill, scene } from './testing/worlds.ts'

const direction = { group: 'g', source: 'east', target: 'west' }
const place = { store: 'workspaceblobstore', prefix: 'checkpoints/train/' }
const backlog = 2000

const checkpoint = (step: number, text = String(step)): Content => ({
  is: 'blob',
  ...{ store: place.store, name: `${place.prefix}step-${step}`, text, metadata: {} },
})
const rowOf = (step: number) => `blob/${place.store}/checkpoints%2Ftrain%2Fstep-${step}`

async function withBacklog(overrides: Parameters<typeof scene>[0] = {}) {
  const world = scene({ urgent: { places: [place], runIds: ['live'] }, ...overrides })
  const runs = Array.from(
    { length: backlog },
    (_, i): Run => ({
      ...{ runId: `r${i}`, experimentName: 'e', status: 'Completed', modifiedAt: '', body: {} },
    }),
  )
  for (let from = 0; from < backlog; from += 100)
    await world.east.putRuns('e', runs.slice(from, from + 100), { epoch: 1 })
  await world.east.putRuns(
    'e',
    [{ runId: 'live', experimentName: 'e', status: 'Running', modifiedAt: '', body: {} }],
    { epoch: 1 },
  )
  await fill(world.east, [checkpoint(1)])
  return world
}

describe('what open jobs need', () => {
  it('is proven soon after it was written, however long the backlog is', async () => {
    const ledger = memoryLedger()
    const { east, context } = await withBacklog({ ledger })
    let compared = 0
    let writtenAt: number | undefined
    let provenAt: number | undefined
    const result = await replicate({
      ...context,
      ledger: {
        ...ledger,
        write: async (to, entries) => {
          const isProven = entries.some(
            ({ object, state }) => object === rowOf(2) && state === 'proven',
          )
          if (isProven) provenAt ??= compared
          await ledger.write(to, entries)
        },
      },
      onProgress: ({ objectsDone }) => {
        compared = objectsDone
        if (writtenAt !== undefined || compared < 300) return
        writtenAt = compared
        void fill(east, [checkpoint(2)])
      },
    })
    expect(result).toMatchObject({ outcome: 'complete', failed: 0, pending: 0 })
    expect(result.compared).toBe(backlog + 1 + 2 + 1) // runs, the live one, checkpoints, the experiment
    expect((provenAt ?? Number.NaN) - (writtenAt ?? 0)).toBeLessThanOrEqual(800)
  })

  it('goes first: the checkpoint before all blobs, the live run before all runs', async () => {
    const { east, west, context } = await withBacklog()
    await fill(east, [{ ...checkpoint(0), name: 'a-first-by-name' } as Content])
    await replicate(context)
    const order = (operation: string) =>
      west.writes.filter((one) => one.operation === operation).map(({ target }) => target)
    expect(order('copyBlob')[0]).toContain('step-1')
    expect(order('putRuns')[0]).toBe('live')
    expect(await west.getRun('live')).toMatchObject({ status: 'Running' })
  })

  it('is counted once, and nothing of it is copied twice', async () => {
    const { east, context } = await withBacklog()
    const first = await replicate(context)
    expect(first).toMatchObject({ created: backlog + 1 + 1 + 1, compared: backlog + 1 + 1 + 1 })
    await fill(east, [checkpoint(1, 'changed')])
    expect(await replicate(context)).toMatchObject({ created: 0, updated: 1, outcome: 'complete' })
  })
})

describe('a pass that is cancelled', () => {
  it('is followed by one that goes on where it was', async () => {
    const abort = new AbortController()
    const { west, context } = await withBacklog()
    const first = await replicate({
      ...{ ...context, signal: abort.signal },
      onProgress: ({ objectsDone }) => {
        if (objectsDone > backlog / 2) abort.abort()
      },
    })
    expect(first).toMatchObject({ outcome: 'cancelled', replicationPoint: null })
    const proven = await context.ledger.rows(direction, { state: 'proven', limit: 10_000 })
    expect(proven.length).toBeGreaterThan(0)
    const before = west.writes.length
    const second = await replicate(context)
    expect(second.outcome).toBe('complete')
    expect(second.created).toBeLessThanOrEqual(backlog + 3 - proven.length)
    const again = west.writes
      .slice(before)
      .flatMap(({ operation, target }) => (operation === 'putRuns' ? [`run/${target}`] : []))
    const isProven = new Set(proven.map(({ object }) => object))
    expect(again.filter((object) => isProven.has(object))).toEqual([])
  })
})
