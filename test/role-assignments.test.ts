import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PlannedAction } from '../src/api/contract.ts'
import { findDrift } from '../src/replication/drift.ts'
import { memoryDefinitions } from '../src/replication/memory-definitions.ts'
import { memoryLedger } from '../src/replication/memory-ledger.ts'
import { notProtected } from '../src/replication/not-protected.ts'
import type { ReplicationContext } from '../src/replication/pass.ts'
import { replicate } from '../src/replication/replicate.ts'
import { scene } from '../src/replication/testing/worlds.ts'
import { openAzureMlWorkspace } from '../src/workspace/azureml/azureml-workspace.ts'
import { collect } from '../src/workspace/pages.ts'
import type { Workspace } from '../src/workspace/workspace.ts'
import { type Side, startSide } from './corpus/regions.ts'

/** Who may do something at the workspace, between two local regions. */
const version = 'api-version=2022-04-01'
const roles = {
  Reader: 'acdd72a7-3385-48ef-bd42-f606fba81ae7',
  Contributor: 'b24988ac-6180-42a0-ab88-20f7382dd24c',
  AcrPull: '7f951dda-4ed3-4680-a7ca-43fe172d538d',
}
const [ann, team, teamWest, robot] = ['a', 'b', 'c', 'd'].map(
  (digit) => `00000000-0000-4000-8000-00000000000${digit}`,
) as [string, string, string, string]

let folder: string
let east: Side
let west: Side
/** As a controller opens it: knows which of its principals the plan maps. */
let target: Workspace
let ledger = memoryLedger()
const map = { identity: { [team]: teamWest } }

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-roles-'))
  ;[east, west] = await Promise.all([
    startSide('east', 'eastus', folder),
    startSide('west', 'westus', folder),
  ])
  target = await openAzureMlWorkspace({
    ...{ name: 'west', workspaceId: west.workspaceId, folder },
    cloud: west.region.region.cloudFile,
    principalNames: { [teamWest]: team },
  })
}, 60_000)
afterAll(async () => {
  await target?.close()
  await Promise.all([east, west].map((side) => side?.stop()))
  rmSync(folder, { recursive: true, force: true })
})

const groupOf = (side: Side) => side.workspaceId.split('/').slice(0, 5).join('/')
const subscriptionOf = (side: Side) => side.workspaceId.split('/').slice(0, 3).join('/')

interface Given {
  readonly role: string
  readonly to: string
  readonly principalType?: string
  readonly more?: object
}

let count = 0
async function give(side: Side, scope: string, { role, to, principalType = 'User', more }: Given) {
  count += 1
  const name = `00000000-0000-4000-9000-${String(count).padStart(12, '0')}`
  const definition = `${subscriptionOf(side)}/providers/Microsoft.Authorization/roleDefinitions/${role}`
  const path = `${scope}/providers/Microsoft.Authorization/roleAssignments/${name}`
  const properties = { roleDefinitionId: definition, principalId: to, principalType, ...more }
  const answer = await side.region.call('PUT', `${path}?${version}`, { body: { properties } })
  expect(answer.status).toBe(201)
  return path
}

/** What the service itself shows at the workspace: role, principal, the rest. */
async function shownAt(side: Side) {
  const path = `${side.workspaceId}/providers/Microsoft.Authorization/roleAssignments?${version}`
  const { body } = await side.region.call('GET', `${path}&$filter=atScope()`)
  const { value } = body as { value: { name: string; properties: Record<string, string> }[] }
  return value
    .filter(({ properties }) => properties.scope === side.workspaceId)
    .map(({ name, properties }) => ({
      ...{ name, role: properties.roleDefinitionId?.split('/').at(-1) },
      ...{ to: properties.principalId, condition: properties.condition },
    }))
}

async function identityAt(side: Side, path = '') {
  const { body } = await side.region.call(
    'GET',
    `${side.workspaceId}${path}?api-version=2025-12-01`,
  )
  return (body as { identity: { principalId: string } }).identity.principalId
}

const actions: PlannedAction[] = []
function context(overrides: Partial<ReplicationContext> = {}): ReplicationContext {
  actions.length = 0
  const { plan } = scene().context
  return {
    ...{ group: 'g', plan: { ...plan, map }, source: east.workspace, target, ledger },
    ...{ definitions: memoryDefinitions(), epoch: 1, clock: () => new Date() },
    onAction: (action) => actions.push(action),
    ...overrides,
  }
}

const onRoles = () => actions.filter(({ kind }) => kind === 'role-assignment')
const rowOf = async (object: string) =>
  (await ledger.read({ group: 'g', source: 'east', target: 'west' }, [object])).get(object)

describe('roles given at the workspace', () => {
  it('are given at the secondary, to the counterpart of whoever has them, and no others', async () => {
    await give(east, east.workspaceId, { role: roles.Reader, to: ann })
    await give(east, east.workspaceId, {
      role: roles.Contributor,
      to: team,
      principalType: 'Group',
    })
    await give(east, groupOf(east), { role: roles.Contributor, to: ann })
    const condition = `@Resource[Microsoft.Storage/storageAccounts:name] StringEquals 'a'`
    await give(east, east.workspaceId, {
      ...{ role: roles.AcrPull, to: await identityAt(east), principalType: 'ServicePrincipal' },
      more: { condition, conditionVersion: '2.0', description: 'pulls' },
    })
    expect(await replicate(context())).toMatchObject({ outcome: 'complete', failed: 0 })
    expect((await shownAt(west)).map(({ name: _, ...rest }) => rest)).toEqual(
      expect.arrayContaining([
        { role: roles.Reader, to: ann, condition: undefined },
        { role: roles.Contributor, to: teamWest, condition: undefined },
        { role: roles.AcrPull, to: await identityAt(west), condition },
      ]),
    )
    expect(await shownAt(west)).toHaveLength(3)
    expect(onRoles().map(({ object, action }) => [object, action])).toContainEqual([
      'role-assignment/AcrPull/identity.workspace',
      'create',
    ])
  })

  it('are left as they are by a second pass, and by one that has lost its ledger', async () => {
    const before = await shownAt(west)
    expect(await replicate(context({ full: true }))).toMatchObject({ outcome: 'complete' })
    expect(onRoles()).toEqual([])
    ledger = memoryLedger()
    expect(await replicate(context())).toMatchObject({ outcome: 'complete', created: 0 })
    expect(await shownAt(west)).toEqual(before)
  })

  it('are no drift when the secondary has them from a scope around it, and low when it alone has them', async () => {
    await give(west, west.workspaceId, { role: roles.AcrPull, to: robot })
    const { findings } = await findDrift(context())
    expect(findings.filter(({ kind }) => kind === 'role-assignment')).toMatchObject([
      // Given at the resource group of the primary, which is not copied.
      { object: `role-assignment/Contributor/${ann}`, severity: 'high', fix: 'manual' },
      { object: `role-assignment/AcrPull/${robot}`, severity: 'low' },
    ])
  })

  it('stay at the secondary when they are taken back at the primary (I3)', async () => {
    const path = await give(east, east.workspaceId, { role: roles.AcrPull, to: ann })
    await replicate(context())
    await east.region.call('DELETE', `${path}?${version}`)
    expect(await replicate(context({ full: true }))).toMatchObject({ outcome: 'complete' })
    expect((await shownAt(west)).filter(({ to }) => to === ann)).toHaveLength(2)
    expect(await rowOf(`role-assignment/AcrPull/${ann}`)).toMatchObject({
      error: { code: 'object.deleted-at-source' },
    })
    const { findings } = await findDrift(context())
    expect(findings).toContainEqual(
      expect.objectContaining({ object: `role-assignment/AcrPull/${ann}`, severity: 'low' }),
    )
  })

  it('that were removed at the secondary are drift that a sync mends', async () => {
    const [one] = (await shownAt(west)).filter(
      ({ role, to }) => role === roles.Reader && to === ann,
    )
    const path = `${west.workspaceId}/providers/Microsoft.Authorization/roleAssignments/${one?.name}`
    await west.region.call('DELETE', `${path}?${version}`)
    const { findings } = await findDrift(context())
    expect(findings).toContainEqual(
      expect.objectContaining({
        ...{ object: `role-assignment/Reader/${ann}`, code: 'drift.missing', fix: 'sync' },
      }),
    )
    await replicate(context({ full: true }))
    expect(await shownAt(west)).toContainEqual(one)
  })

  it('of an endpoint go to the identity of its counterpart', async () => {
    const endpoint = { kind: 'online-endpoint', path: ['scoring'] } as const
    await east.workspace.putObject(
      endpoint,
      {
        location: 'eastus',
        identity: { type: 'SystemAssigned' },
        properties: { authMode: 'Key' },
      },
      { epoch: 1 },
    )
    await give(east, east.workspaceId, {
      role: roles.Reader,
      to: await identityAt(east, '/onlineEndpoints/scoring'),
      principalType: 'ServicePrincipal',
    })
    expect(await replicate(context())).toMatchObject({ outcome: 'complete' })
    expect(await shownAt(west)).toContainEqual(
      expect.objectContaining({ to: await identityAt(west, '/onlineEndpoints/scoring') }),
    )
  })

  it('of the other workspace itself are left: its counterpart has its own', async () => {
    await give(east, east.workspaceId, {
      role: roles.Reader,
      to: await identityAt(west),
      principalType: 'ServicePrincipal',
    })
    expect(await replicate(context())).toMatchObject({ outcome: 'complete' })
    expect(await rowOf(`role-assignment/Reader/${await identityAt(west)}`)).toMatchObject({
      state: 'skipped',
    })
  })

  it('that the identity may not give are the only thing that fails, with the permission by name', async () => {
    await give(east, east.workspaceId, { role: roles.Contributor, to: robot })
    await east.workspace.putObject(
      { kind: 'model', path: ['late', '1'] },
      { properties: { modelUri: 'azureml://datastores/workspaceblobstore/paths/late/' } },
      { epoch: 1 },
    )
    const token = await west.region.token(west.region.region.origin)
    const fault = await west.region.call('POST', '/_region/faults', {
      token,
      body: { kind: 'forbid', scope: { path: 'roleAssignments/' } },
    })
    const { plan } = context()
    const insisting = context({ plan: { ...plan, roleAssignments: 'copy' } })
    expect(await replicate(insisting)).toMatchObject({ outcome: 'partial', failed: 1 })
    const row = await rowOf(`role-assignment/Contributor/${robot}`)
    expect(row?.error?.code).toBe('role.not-permitted')
    expect(row?.error?.message).toContain('Microsoft.Authorization/roleAssignments/write')
    expect(await rowOf('model/late/1')).toMatchObject({ state: 'proven' })

    // Most identities may not, and what they copy is whole without; it is said all the same (I8).
    expect(await replicate(context())).toMatchObject({ outcome: 'complete', failed: 0 })
    const { ledger, source, target } = context()
    const direction = { group: plan.group, source: source.name, target: target.name }
    expect(await notProtected(ledger, direction)).toEqual([
      expect.stringMatching(/^1 role assignments are not copied: .*roleAssignments\/write/),
    ])
    const object = `role-assignment/Contributor/${robot}`
    expect((await findDrift(context())).findings).toContainEqual(
      expect.objectContaining({ object, severity: 'high' }),
    )
    const leaving = context({ plan: { ...plan, roleAssignments: 'leave' } })
    expect(await replicate(leaving)).toMatchObject({ outcome: 'complete' })
    const { findings } = await findDrift(leaving)
    expect(findings).toContainEqual(
      expect.objectContaining({ object: `role-assignment/Contributor/${robot}`, severity: 'high' }),
    )
    const { id } = fault.body as { id: string }
    await west.region.call('DELETE', `/_region/faults/${id}`, { token })
    expect(await replicate(context())).toMatchObject({ outcome: 'complete' })
  })

  it('of a custom role that is not assignable there say so', async () => {
    const definition = '00000000-0000-4000-a000-000000000001'
    const define = (side: Side, scope: string) => {
      const path = `${subscriptionOf(side)}/providers/Microsoft.Authorization/roleDefinitions/${definition}`
      const properties = { roleName: 'Curator', type: 'CustomRole', assignableScopes: [scope] }
      return side.region.call('PUT', `${path}?${version}`, { body: { properties } })
    }
    // One tenant: the definition is the same at both, and good for the primary's group only.
    await define(east, groupOf(east))
    await define(west, groupOf(east))
    await give(east, east.workspaceId, { role: definition, to: ann })
    expect(await replicate(context())).toMatchObject({ outcome: 'partial', failed: 1 })
    const row = await rowOf(`role-assignment/Curator/${ann}`)
    expect(row?.error?.code).toBe('role.not-assignable')
    await define(west, groupOf(west))
    expect(await replicate(context())).toMatchObject({ outcome: 'complete' })
  })

  it('come back with the team: the way back knows them by the same names', async () => {
    const back = context({ source: target, target: east.workspace, full: true, epoch: 2 })
    const before = await shownAt(east)
    expect(await replicate(back)).toMatchObject({ outcome: 'complete' })
    const added = (await shownAt(east)).filter(({ name }) => !before.some((b) => b.name === name))
    expect(added.map(({ role, to }) => [role, to])).toEqual(
      expect.arrayContaining([
        [roles.AcrPull, robot],
        [roles.AcrPull, ann],
      ]),
    )
    expect(added).toHaveLength(2)
    expect(
      (await collect((page) => east.workspace.listObjects('role-assignment', page))).length,
    ).toBe((await shownAt(east)).length)
  })
})
