import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../model/json.ts'
import { interceptWorkspace } from '../workspace/decorators/intercept.ts'
import type { Workspace, WorkspaceObject } from '../workspace/workspace.ts'
import { findDrift } from './drift.ts'
import { replicate } from './replicate.ts'
import { type Content, fill, scene } from './testing/worlds.ts'

const uri = 'azureml://datastores/workspaceblobstore/paths/m/'
const model = (name: string, tag: string): Content => ({
  is: 'object',
  id: { kind: 'model', path: [name, '1'] },
  body: { properties: { modelUri: uri, tags: { tag } } },
})
const blob = (text: string): Content => ({
  is: 'blob',
  ...{ store: 'workspaceblobstore', name: 'a', text, metadata: {} },
})
const cluster = (name: string, vmSize: string, maxNodeCount: number): Content => ({
  is: 'object',
  id: { kind: 'compute', path: [name] },
  body: {
    location: 'east',
    properties: {
      computeType: 'AmlCompute',
      properties: { vmSize, scaleSettings: { maxNodeCount } },
    },
  },
})

async function proven() {
  const made = scene()
  await fill(made.east, [model('m', '1'), model('n', '1'), blob('1')])
  await replicate(made.context)
  return made
}

function withSettings(workspace: Workspace, properties: JsonObject): Workspace {
  return interceptWorkspace(workspace, async ({ operation, args }, next) => {
    const answer = await next()
    const id = args[0] as WorkspaceObject['id'] | undefined
    if (operation !== 'getObject' || id?.kind !== 'workspace') return answer
    const found = answer as WorkspaceObject
    return { ...found, body: { ...found.body, properties } }
  })
}

const shown = (report: Awaited<ReturnType<typeof findDrift>>) =>
  report.findings.map(({ severity, code, object, fix }) => [severity, code, object, fix])

describe('drift', () => {
  it('is none where both sides are equal, nor where the secondary is only behind', async () => {
    const { east, context } = await proven()
    expect((await findDrift(context)).findings).toEqual([])
    await fill(east, [model('m', '2'), model('new', '1'), blob('2')])
    expect((await findDrift(context)).findings).toEqual([])
  })

  it('is what was deleted or edited by hand, the same list every time, with no effect', async () => {
    const { west, context } = await proven()
    await west.deleteObject({ kind: 'model', path: ['m', '1'] }, { epoch: 1 })
    await fill(west, [model('n', 'by hand'), blob('x')])
    const writes = west.writes.length
    const report = await findDrift(context)
    expect(shown(report)).toEqual([
      ['high', 'drift.missing', 'model/m/1', 'sync'],
      ['medium', 'drift.edited', 'blob/workspaceblobstore/a', 'conflicts'],
      ['medium', 'drift.edited', 'model/n/1', 'conflicts'],
    ])
    expect(report.findings[2]?.changes).toEqual([
      { path: 'properties.tags.tag', from: 'by hand', to: '1' },
    ])
    expect(report.totals).toEqual({ high: 1, medium: 2, low: 0 })
    expect(JSON.stringify(await findDrift(context))).toBe(JSON.stringify(report))
    expect(west.writes).toHaveLength(writes)
  })

  it('is a setting that has a twin, by its weight', async () => {
    const { east, west, context } = await proven()
    const report = await findDrift({
      ...context,
      source: withSettings(east, { publicNetworkAccess: 'Disabled', hbiWorkspace: true }),
      target: withSettings(west, { publicNetworkAccess: 'Enabled' }),
    })
    expect(shown(report)).toEqual([
      ['high', 'drift.setting', 'workspace/west', 'manual'],
      ['medium', 'drift.setting', 'workspace/west', 'manual'],
    ])
  })

  it('is a mapped compute that is missing or smaller', async () => {
    const { east, west, context } = await proven()
    await fill(east, [cluster('gpu', 'NC6', 4), cluster('cpu', 'D2', 2)])
    await fill(west, [cluster('gpu-w', 'nc6', 2)])
    const map = { compute: { gpu: 'gpu-w', cpu: 'cpu-w' } }
    const report = await findDrift({ ...context, plan: { ...context.plan, map } })
    expect(shown(report)).toEqual([
      ['high', 'drift.compute', 'compute/cpu-w', 'manual'],
      ['medium', 'drift.compute', 'compute/gpu-w', 'manual'],
    ])
  })
})
