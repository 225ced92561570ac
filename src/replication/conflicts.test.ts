import { describe, expect, it } from 'vitest'
import { HoldfastError } from '../model/errors.ts'
import type { JsonObject } from '../model/json.ts'
import { parseObjectId } from '../model/object-id.ts'
import { faulty } from '../workspace/decorators/faulty.ts'
import { keptStore } from './conflict-sides.ts'
import { findDrift } from './drift.ts'
import type { Direction } from './ledger.ts'
import { memoryResolutions } from './memory-resolutions.ts'
import type { ReplicationContext } from './pass.ts'
import { planReplication } from './plan-replication.ts'
import { replicate } from './replicate.ts'
import type { Keep } from './resolutions.ts'
import { salvage } from './salvage.ts'
import {
  blobContent as blob,
  type Content,
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

const weights = (of: string): Content => ({
  ...{ is: 'object', id: { kind: 'model', path: ['fixed', '1'] } },
  body: { properties: { modelUri: `azureml://datastores/workspaceblobstore/paths/${of}/` } },
})

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

/** One call of either side fails, or its answer is lost. */
function failingAt({ east, west }: Scene, nth: number, strikes: 'before' | 'after') {
  let calls = 0
  const sides = { source: faulty(east), target: faulty(west) }
  for (const side of Object.values(sides))
    side.break({
      strikes,
      when: () => calls++ === nth,
      error: () => new HoldfastError('workspace.unavailable', 'gone', { kind: 'transient' }),
    })
  return { sides, hits: () => sides.source.hits() + sides.target.hits() }
}

async function decide(
  context: ReplicationContext,
  keep: Keep,
  expected: readonly string[] = objects,
): Promise<void> {
  const rows = await context.ledger.rows(direction, { state: 'conflict', limit: 10 })
  expect(rows.map(({ object }) => object)).toEqual(expected)
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

  it('keep the target: the source takes its content, and what it held can be had back (I3, I5)', async () => {
    const made = await conflicted()
    const { context, west } = made
    await decide(context, 'target')
    expect((await planReplication(context)).totals).toEqual({ update: 4 })
    expect(await held(made, 'east')).toEqual(['2', '2', '2', '2'])
    expect(await replicate(context)).toMatchObject({
      ...{ outcome: 'complete', conflicts: 0, failed: 0, updated: 4 },
    })
    for (const member of ['east', 'west'] as const)
      expect(await held(made, member)).toEqual(['3', '3', '3', '3'])
    const [old] = await kept(context, 'model/m/1')
    expect(old).toMatchObject({ side: 'source', body: { properties: { tags: { tag: '2' } } } })
    const [bytes] = await kept(context, 'blob/workspaceblobstore/a')
    const copy = await west.readBlob(keptStore, String(bytes?.body.name))
    expect(await new Response(copy).text()).toBe('2')
    // Both are equal, proven and ours again: the next change goes its usual way.
    expect((await planReplication({ ...context, full: true })).actions).toEqual([])
    await fill(made.east, all('4'))
    expect(await replicate(context)).toMatchObject({ outcome: 'complete', updated: 4 })
    expect(await held(made, 'west')).toEqual(['4', '4', '4', '4'])
  })

  it('keep the target, but not over what the source got meanwhile (I3)', async () => {
    const made = await conflicted()
    await decide(made.context, 'target')
    await fill(made.east, all('5'))
    expect(await replicate(made.context)).toMatchObject({ outcome: 'partial', conflicts: 4 })
    expect(await held(made, 'east')).toEqual(['5', '5', '5', '5'])
    expect(await kept(made.context, 'model/m/1')).toEqual([])
  })

  it('keep both: they stay apart and are counted so, the point goes on, and so it is the other way', async () => {
    const made = await conflicted()
    const { context, east, west } = made
    await decide(context, 'both')
    expect((await planReplication(context)).totals).toEqual({ skip: 4 })
    for (let pass = 0; pass < 2; pass += 1)
      expect(await replicate({ ...context, full: true })).toMatchObject({ outcome: 'complete' })
    const apart = async (way: Direction) =>
      (await context.ledger.counts(way)).reduce((sum, line) => sum + line.apart, 0)
    expect(await apart(direction)).toBe(4)
    const { findings } = await findDrift(context)
    expect(findings.filter(({ code }) => code === 'drift.apart')).toHaveLength(4)
    const turned = { ...context, source: west, target: east, epoch: 2, full: true }
    expect((await salvage({ ...context, epoch: 2 })).conflicting).toEqual([])
    expect(await replicate(turned)).toMatchObject({ outcome: 'complete', conflicts: 0 })
    expect(await apart({ group: 'g', source: 'west', target: 'east' })).toBe(4)
    expect(await held(made, 'east')).toEqual(['2', '2', '2', '2'])
    expect(await held(made, 'west')).toEqual(['3', '3', '3', '3'])
    expect(await kept(context, 'model/m/1')).toEqual([])
  })

  it('are no conflict any more, and not apart, when the object is gone at the source', async () => {
    const made = await conflicted()
    const { context, east } = made
    await decide(context, 'both')
    await replicate(context)
    await east.deleteObject(parseObjectId('model/m/1'), { epoch: 1 })
    await east.deleteBlob('workspaceblobstore', 'a', { epoch: 1 })
    expect(await replicate({ ...context, full: true })).toMatchObject({ conflicts: 0, apart: 2 })
    const rows = await context.ledger.rows(direction, { state: 'apart', limit: 10 })
    expect(rows.map(({ object }) => object)).toEqual(['experiment/e', 'run/r'])
  })

  it('can be decided anew when they were kept apart', async () => {
    const made = await conflicted()
    const { context } = made
    await decide(context, 'both')
    await replicate(context)
    const rows = await context.ledger.rows(direction, { state: 'apart', limit: 10 })
    for (const { object, sourceDigest, targetDigest } of rows)
      await context.resolutions?.resolve(direction, {
        ...{ object, keep: 'source', sourceDigest, targetDigest, at: '2026-01-02T00:00:00.000Z' },
      })
    expect(await replicate(context)).toMatchObject({ outcome: 'complete', updated: 4, apart: 0 })
    expect(await held(made, 'west')).toEqual(['2', '2', '2', '2'])
  })

  it('cannot be carried out where a field is fixed: they stay in conflict, and nothing is put aside', async () => {
    const made = scene({ resolutions: memoryResolutions() })
    const { context, east, west } = made
    await fill(east, [weights('e')])
    await fill(west, [weights('w')])
    await replicate(context)
    for (const keep of ['source', 'target'] as const) {
      await decide(context, keep, ['model/fixed/1'])
      expect(await replicate(context)).toMatchObject({
        outcome: 'partial',
        conflicts: 1,
        failed: 0,
      })
      const [row] = await context.ledger.rows(direction, { state: 'conflict', limit: 10 })
      expect(row?.error).toMatchObject({ code: 'object.foreign' })
      expect(row?.error?.message).toContain('properties.modelUri')
      expect(await kept(context, 'model/fixed/1')).toEqual([])
    }
  })

  it.each(['source', 'target'] as const)(
    'keep the %s whatever single call fails, and lose nothing (I2, I5)',
    async (keep) => {
      const [winner, loser] = keep === 'source' ? ['2', '3'] : ['3', '2']
      for (const strikes of ['before', 'after'] as const)
        for (let nth = 0; ; nth += 1) {
          const made = await conflicted()
          const { context } = made
          await decide(context, keep)
          const { sides, hits } = failingAt(made, nth, strikes)
          await replicate({ ...context, ...sides })
          for (let pass = 0; pass < 2; pass += 1) await replicate(context)
          expect(await replicate(context), `${strikes} ${nth}`).toMatchObject({
            ...{ outcome: 'complete', conflicts: 0 },
          })
          for (const member of ['east', 'west'] as const)
            expect(await held(made, member), `${strikes} ${nth}`).toEqual(Array(4).fill(winner))
          const [model] = await kept(context, 'model/m/1')
          expect(model?.body).toMatchObject({ properties: { tags: { tag: loser } } })
          expect(await kept(context, 'run/r'), `${strikes} ${nth}`).toHaveLength(1)
          if (hits() === 0) break
        }
    },
    120_000,
  )

  it('name in every pass what a service makes of it that takes it half (I8)', async () => {
    const made = await conflicted()
    const { context, west } = made
    await decide(context, 'source')
    const putObject: typeof west.putObject = (id, { properties }, options) =>
      west.putObject(id, { properties: { ...(properties as JsonObject), stage: 'x' } }, options)
    for (let pass = 0; pass < 3; pass += 1) {
      const target = { ...west, putObject }
      expect(await replicate({ ...context, target })).toMatchObject({ conflicts: 1, failed: 0 })
      const row = (await context.ledger.read(direction, ['model/m/1'])).get('model/m/1')
      expect(row?.error?.message, `pass ${pass}`).toContain('properties.stage')
    }
    const old = await kept(context, 'model/m/1')
    expect(old.at(-1)?.body).toMatchObject({ properties: { tags: { tag: '3' } } })
  })

  it('keep the target, but not over what the source gets in the last moment (I3)', async () => {
    const made = await conflicted()
    const { context, east } = made
    await decide(context, 'target')
    let isLate = true
    const late = async (content: Content) => {
      if (isLate) await fill(east, [content])
      isLate = false
    }
    const getBlob: typeof east.getBlob = async (...args) => {
      await late(blob('9'))
      return east.getBlob(...args)
    }
    const source = { ...east, getBlob }
    expect(await replicate({ ...context, source })).toMatchObject({ outcome: 'partial' })
    expect((await held(made, 'east'))[0]).toBe('9')
  })

  it('name a write that failed, and try it again', async () => {
    const made = await conflicted()
    const { context, east, west } = made
    await decide(context, 'source')
    const refused = new HoldfastError('object.refused', 'no', { kind: 'operator' })
    const closed = { ...west, putObject: () => Promise.reject(refused) }
    const sides = { ...context, source: east, target: closed }
    for (let pass = 0; pass < 2; pass += 1) {
      expect(await replicate(sides)).toMatchObject({ conflicts: 1, failed: 0 })
      const row = (await context.ledger.read(direction, ['model/m/1'])).get('model/m/1')
      expect(row).toMatchObject({ state: 'conflict', error: { code: 'object.changed-there' } })
      expect(row?.error?.message).toContain('object.refused')
      expect(await kept(context, 'model/m/1')).toEqual([])
    }
    expect(await replicate(context)).toMatchObject({ outcome: 'complete' })
    expect((await kept(context, 'model/m/1')).map(({ side }) => side)).toEqual(['target'])
  })

  it.each(['source', 'target', 'both'] as const)(
    'hold for the content they were made for only (keep %s)',
    async (keep) => {
      const made = await conflicted()
      await decide(made.context, keep)
      await fill(made.west, all('4'))
      expect(await replicate(made.context)).toMatchObject({ outcome: 'partial', conflicts: 4 })
      expect(await held(made, 'west')).toEqual(['4', '4', '4', '4'])
    },
  )

  it('never make a target ours that was kept apart: a later change at the source conflicts (I3)', async () => {
    const made = await conflicted()
    await decide(made.context, 'both')
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
