import { describe, expect, it } from 'vitest'
import { parseObjectId } from '../model/object-id.ts'
import { memoryResolutions } from './memory-resolutions.ts'
import type { ReplicationContext } from './pass.ts'
import { planReplication } from './plan-replication.ts'
import { replicate } from './replicate.ts'
import type { Side } from './resolutions.ts'
import { keptStore } from './resolve-conflict.ts'
import {
  blobContent as blob,
  experimentContent as experiment,
  fill,
  modelContent as model,
  runContent as run,
  type Scene,
  scene,
} from './testing/worlds.ts'

const direction = { group: 'g', source: 'east', target: 'west' }
const all = (text: string) => [experiment(text), model(text), blob(text), run(text)]
const objects = ['blob/workspaceblobstore/a', 'experiment/e', 'model/m/1', 'run/r']

/** Four objects of four natures, changed on both sides since they were proven. */
async function conflicted(): Promise<Scene> {
  const made = scene({ resolutions: memoryResolutions() })
  await fill(made.east, all('1'))
  await replicate(made.context)
  await fill(made.east, all('2'))
  await fill(made.west, all('3'))
  await replicate(made.context)
  return made
}

async function decide(context: ReplicationContext, keep: Side): Promise<void> {
  const rows = await context.ledger.rows(direction, { state: 'conflict', limit: 10 })
  expect(rows.map(({ object }) => object)).toEqual(objects)
  for (const { object, sourceDigest, targetDigest } of rows)
    await context.resolutions?.resolve(direction, {
      ...{ object, keep, sourceDigest, targetDigest },
      at: '2026-01-01T00:00:00.000Z',
    })
}

/** What the four hold at a side. */
async function held({ east, west }: Scene, side: 'east' | 'west'): Promise<unknown[]> {
  const at = side === 'east' ? east : west
  const read = await at.readBlob('workspaceblobstore', 'a')
  const tags = (await at.getObject(parseObjectId('model/m/1')))?.body.properties
  const experiments = await at.listExperiments()
  return [
    await new Response(read).text(),
    experiments.items[0]?.tags.tag,
    (tags as { tags: { tag: string } }).tags.tag,
    (await at.getRun('r'))?.body.displayName,
  ]
}

const kept = async ({ resolutions }: ReplicationContext, object: string) =>
  (await resolutions?.kept(direction, object)) ?? []

describe('conflicts that were decided', () => {
  it('keep the source: the target is replaced, and what it held can be had back (I3, I5)', async () => {
    const made = await conflicted()
    const { context, west } = made
    await decide(context, 'source')
    expect((await planReplication(context)).totals).toEqual({ update: 3, copy: 1 })
    expect(await kept(context, 'run/r')).toEqual([])
    expect(await replicate(context)).toMatchObject({ outcome: 'complete', conflicts: 0 })
    expect(await held(made, 'west')).toEqual(['2', '2', '2', '2'])
    const [old] = await kept(context, 'model/m/1')
    expect(old).toMatchObject({ side: 'target', body: { properties: { tags: { tag: '3' } } } })
    expect((await kept(context, 'run/r'))[0]?.body).toMatchObject({ displayName: '3' })
    expect((await kept(context, 'experiment/e'))[0]?.body).toMatchObject({ tags: { tag: '3' } })
    const [bytes] = await kept(context, 'blob/workspaceblobstore/a')
    const copy = await west.readBlob(keptStore, String(bytes?.body.name))
    expect(await new Response(copy).text()).toBe('3')
  })

  it('keep the target: it stays, the point goes on, and the source is put aside (I5)', async () => {
    const made = await conflicted()
    const { context, west } = made
    await decide(context, 'target')
    expect((await planReplication(context)).totals).toEqual({ skip: 4 })
    for (let pass = 0; pass < 3; pass += 1) {
      expect(await replicate({ ...context, full: true })).toMatchObject({ outcome: 'complete' })
      expect(await held(made, 'west')).toEqual(['3', '3', '3', '3'])
    }
    expect((await kept(context, 'model/m/1')).map(({ side }) => side)).toEqual(['source'])
    const [bytes] = await kept(context, 'blob/workspaceblobstore/a')
    const copy = await west.readBlob(keptStore, String(bytes?.body.name))
    expect(await new Response(copy).text()).toBe('2')
  })

  it.each(['source', 'target'] as const)(
    'hold for the content they were made for only (keep %s)',
    async (keep) => {
      const made = await conflicted()
      await decide(made.context, keep)
      await fill(made.west, all('4'))
      expect(await replicate(made.context)).toMatchObject({ outcome: 'partial', conflicts: 4 })
      expect(await held(made, 'west')).toEqual(['4', '4', '4', '4'])
    },
  )

  it('never make a target ours that was kept: a later change at the source conflicts (I3)', async () => {
    const made = await conflicted()
    await decide(made.context, 'target')
    await replicate(made.context)
    await fill(made.east, all('5'))
    expect(await replicate(made.context)).toMatchObject({ outcome: 'partial', conflicts: 4 })
    expect(await held(made, 'west')).toEqual(['3', '3', '3', '3'])
  })

  it('follow a rule of the plan for its kind and name', async () => {
    const made = await conflicted()
    const { context } = made
    const conflicts = [
      { kind: 'model', keep: 'source' },
      { kind: 'run', name: 'other-*', keep: 'source' },
    ] as const
    await replicate({ ...context, plan: { ...context.plan, conflicts } })
    expect(await held(made, 'west')).toEqual(['3', '3', '2', '3'])
  })
})
