import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../model/json.ts'
import type { ContinuityPlan } from '../plan/continuity-plan.ts'
import { replicate } from '../replication/replicate.ts'
import { type Content, fill } from '../replication/testing/worlds.ts'
import { passContext } from './protected-group.ts'
import { replicationService } from './replication-service.ts'
import { memoryGroup } from './testing/memory-group.ts'

const model = (tag: string): Content => ({
  is: 'object',
  id: { kind: 'model', path: ['m', '1'] },
  body: {
    properties: { modelUri: 'azureml://datastores/workspaceblobstore/paths/m/', tags: { tag } },
  } satisfies JsonObject,
})
const blob = (text: string): Content => ({
  is: 'blob',
  ...{ store: 'workspaceblobstore', name: 'a/b', text, metadata: { from: text } },
})

async function conflicted() {
  const { east, west, group } = await memoryGroup()
  const pass = () => replicate(passContext(group, 'east', 'west', { epoch: 1 }))
  await fill(east, [model('1'), blob('1')])
  await pass()
  await fill(east, [model('2'), blob('2')])
  await fill(west, [model('3'), blob('3')])
  await pass()
  return { service: replicationService(group), pass, east }
}

const signed = (of: string) => `https://a.blob.core.windows.net/c/p?sv=1&sp=r&sig=secret-${of}`
const data = (of: string): Content => ({
  is: 'object',
  id: { kind: 'data', path: ['d', '1'] },
  body: {
    properties: { dataType: 'uri_file', dataUri: signed('both'), tags: { url: signed(of) } },
  },
})

describe('kept content', () => {
  it('is listed without what is sealed, and opened with it, after a move as well', async () => {
    const { east, west, group } = await memoryGroup()
    await fill(east, [data('east')])
    await fill(west, [data('west')])
    const plan = {
      ...group.plan,
      conflicts: [{ kind: 'data', keep: 'source' }] satisfies ContinuityPlan['conflicts'],
    }
    await replicate(passContext({ ...group, plan }, 'east', 'west', { epoch: 1 }))
    const service = replicationService(group)
    const { items } = await service.kept({ limit: 10 })
    expect(items).toMatchObject([{ object: 'data/d/1', member: 'west', side: 'target', seals: 2 }])
    expect(JSON.stringify(items)).not.toContain('secret-')
    const move = { from: 'east', to: 'west', expected: 1, by: 'r', at: '' }
    await group.records.epochs.begin('g', move)
    expect((await service.kept({ limit: 10 })).items).toEqual(items)
    const asked = { object: 'data/d/1', id: items[0]?.id ?? '' }
    const { body } = await service.openKept(asked)
    expect(body).toMatchObject({ properties: { tags: { url: signed('west') } } })
    await expect(service.openKept({ ...asked, object: 'data/e/1' })).rejects.toMatchObject({
      code: 'kept.not-found',
    })
  })
})

describe('conflicts', () => {
  it('are listed with the fields that differ, seen from the target', async () => {
    const { service } = await conflicted()
    const { items, total, cursor } = await service.conflicts({ limit: 1 })
    expect(total).toBe(2)
    const rest = await service.conflicts({ limit: 1, cursor: cursor ?? '' })
    expect(rest.items.map(({ object }) => object)).toEqual(['model/m/1'])
    expect(items).toMatchObject([
      { object: 'blob/workspaceblobstore/a%2Fb', source: { member: 'east' } },
    ])
    expect(items[0]?.changes).toContainEqual({ path: 'metadata.from', from: '3', to: '2' })
    const all = await service.conflicts({ limit: 10 })
    expect(all.items[1]?.changes).toEqual([{ path: 'properties.tags.tag', from: '3', to: '2' }])
  })

  it('are carried out by the next pass once decided, and not by a dry run', async () => {
    const { service, pass } = await conflicted()
    const request = { object: 'model/m/1', keep: 'source' } as const
    await service.resolveConflict({ ...request, dryRun: true })
    expect(await pass()).toMatchObject({ conflicts: 2 })
    await service.resolveConflict({ ...request, dryRun: false })
    expect(await pass()).toMatchObject({ conflicts: 1, updated: 1 })
    expect((await service.kept({ object: 'model/m/1', limit: 10 })).items).toMatchObject([
      { side: 'target', body: { properties: { tags: { tag: '3' } } } },
    ])
    await expect(service.resolveConflict({ ...request, dryRun: false })).rejects.toMatchObject({
      code: 'conflict.not-found',
    })
  })

  it('are decided by the name of a member as well, and not for one that is none', async () => {
    const { service, pass, east } = await conflicted()
    const request = { object: 'model/m/1', dryRun: false }
    await expect(service.resolveConflict({ ...request, keep: 'north' })).rejects.toMatchObject({
      code: 'conflict.unknown-side',
    })
    expect(await service.resolveConflict({ ...request, keep: 'west' })).toMatchObject({
      keep: 'target',
    })
    const { items } = await service.conflicts({ limit: 10 })
    expect(items[1]).toMatchObject({ decision: { keep: 'target' }, isApart: false })
    expect(await pass()).toMatchObject({ conflicts: 1, updated: 1 })
    const { body } = (await east.getObject({ kind: 'model', path: ['m', '1'] })) ?? {}
    expect(body?.properties).toMatchObject({ tags: { tag: '3' } })
  })

  it('are refused at once where a field is fixed, and stay listed when both are kept (I8)', async () => {
    const { east, west, group } = await memoryGroup()
    const fixed = (of: string): Content => ({
      ...{ is: 'object', id: { kind: 'model', path: ['m', '1'] } },
      body: { properties: { modelUri: `azureml://datastores/workspaceblobstore/paths/${of}/` } },
    })
    await fill(east, [fixed('east')])
    await fill(west, [fixed('west')])
    const pass = () => replicate(passContext(group, 'east', 'west', { epoch: 1 }))
    await pass()
    const service = replicationService(group)
    const request = { object: 'model/m/1', dryRun: false }
    for (const keep of ['source', 'east', 'target'])
      await expect(service.resolveConflict({ ...request, keep })).rejects.toMatchObject({
        ...{ code: 'conflict.fixed-field', kind: 'operator' },
        message: expect.stringContaining('properties.modelUri'),
      })
    const [listed] = (await service.conflicts({ limit: 10 })).items
    expect(listed).toMatchObject({ fixed: ['properties.modelUri'], decision: null })
    await service.resolveConflict({ ...request, keep: 'both' })
    expect(await pass()).toMatchObject({ outcome: 'complete', conflicts: 0 })
    const { items, total, apart } = await service.conflicts({ limit: 10 })
    expect(items).toMatchObject([{ isApart: true, decision: { keep: 'both' } }])
    expect([total, apart]).toEqual([1, 1])
  })
})
