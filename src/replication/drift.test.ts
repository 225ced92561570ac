import { describe, expect, it } from 'vitest'
import { HoldfastError } from '../model/errors.ts'
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

function withSettings(
  workspace: Workspace,
  properties: JsonObject,
  identity: JsonObject = {},
): Workspace {
  return interceptWorkspace(workspace, async ({ operation, args }, next) => {
    const answer = await next()
    const id = args[0] as WorkspaceObject['id'] | undefined
    if (operation !== 'getObject' || id?.kind !== 'workspace') return answer
    const found = answer as WorkspaceObject
    return { ...found, body: { ...found.body, properties, identity } }
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

  it('is who may do something at one side only, counterparts and own identities mapped', async () => {
    const { east, west, context } = await proven()
    const role = (roleName: string, principalId: string) => ({
      ...{ role: roleName.toLowerCase(), roleName, principalId, principalType: 'Group' },
      isInherited: true,
    })
    const having = (workspace: Workspace, own: string, ...roles: ReturnType<typeof role>[]) => ({
      ...withSettings(workspace, {}, { principalId: own }),
      readAccess: async () => roles,
    })
    const source = having(
      east,
      'self-east',
      ...[role('Reader', 'ann'), role('Owner', 'ops-east'), role('AcrPull', 'self-east')],
      role('Contributor', 'data-science'),
    )
    const target = having(
      west,
      'self-west',
      ...[role('Reader', 'ANN'), role('Owner', 'ops-west'), role('AcrPull', 'self-west')],
      role('Reader', 'somebody'),
    )
    const map = { identity: { 'ops-east': 'ops-west' } }
    const report = await findDrift({ ...context, source, target, plan: { ...context.plan, map } })
    expect(shown(report)).toEqual([
      ['high', 'drift.role', 'role-assignment/Contributor/data-science', 'manual'],
      ['low', 'drift.role', 'role-assignment/Reader/somebody', 'manual'],
    ])
    expect(report.notCompared).not.toContain('role assignments')
  })

  it('says what it may not read, and does not call it equal (I8)', async () => {
    const { east, context } = await proven()
    const readAccess = async () => {
      throw new HoldfastError('workspace.forbidden', 'no', { kind: 'operator' })
    }
    const report = await findDrift({ ...context, source: { ...east, readAccess } })
    expect(report.notCompared.join()).toMatch(/role assignments \(this identity may not/)
    expect(report.notCompared).toContain('quotas')
  })

  it('is a quota that allows less at the secondary, of a family that the primary uses', async () => {
    const { east, west, context } = await proven()
    await fill(east, [cluster('cpu', 'Standard_D2', 2)])
    const allowing = (workspace: Workspace, limit: number, workspaceLimit?: number) => ({
      ...workspace,
      readCapacity: async () => ({
        families: ['standardDFamily', 'standardNCFamily'].map((name) => ({
          ...{ name, used: 0, limit },
          ...(workspaceLimit === undefined ? {} : { workspaceLimit }),
        })),
        sizes: [{ name: 'standard_d2', family: 'StandardDFamily', cores: 2 }],
      }),
    })
    const look = async (target: Workspace) =>
      (await findDrift({ ...context, source: allowing(east, 100), target })).findings
        .filter(({ code }) => code === 'drift.quota')
        .map(({ object, changes }) => [object, changes[0]?.from, changes[0]?.to])
    expect(await look(allowing(west, 100))).toEqual([])
    expect(await look(allowing(west, 24))).toEqual([['quota/standarddfamily', 24, 100]])
    expect(await look(allowing(west, 100, 8))).toEqual([['quota/standarddfamily', 8, 100]])
  })
})
