import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { accessDrift } from '../src/replication/drift-access.ts'
import { quotaDrift } from '../src/replication/drift-quotas.ts'
import { type Side, startSide } from './corpus/regions.ts'

/** Roles and quotas as services tell them, between two local regions. */
let folder: string
let east: Side
let west: Side

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-drift-'))
  ;[east, west] = await Promise.all([
    startSide('east', 'eastus', folder),
    startSide('west', 'westus', folder),
  ])
}, 60_000)
afterAll(async () => {
  await Promise.all([east, west].map((side) => side?.stop()))
  rmSync(folder, { recursive: true, force: true })
})

const roles = {
  Reader: 'acdd72a7-3385-48ef-bd42-f606fba81ae7',
  'AzureML Data Scientist': 'f6c7c914-8db3-469d-8ca1-694a8f32e121',
}

async function give(side: Side, scope: string, role: keyof typeof roles, principalId: string) {
  const path = `${scope}/providers/Microsoft.Authorization/roleAssignments/${principalId}`
  const subscription = side.workspaceId.split('/').slice(0, 3).join('/')
  const definition = `${subscription}/providers/Microsoft.Authorization/roleDefinitions/${roles[role]}`
  const body = { properties: { roleDefinitionId: definition, principalId, principalType: 'Group' } }
  const answer = await side.region.call('PUT', `${path}?api-version=2022-04-01`, { body })
  expect(answer.status).toBeLessThan(300)
}

it('sees a role that a team has at the primary and not at the secondary', async () => {
  const group = (side: Side) => side.workspaceId.split('/').slice(0, 5).join('/')
  await give(east, east.workspaceId, 'Reader', 'auditors')
  await give(west, group(west), 'Reader', 'auditors')
  await give(east, group(east), 'AzureML Data Scientist', 'team')
  const found = await accessDrift(east.workspace, west.workspace, { map: {}, isCopied: true }, {})
  expect(found?.map(({ severity, object }) => [severity, object])).toEqual([
    ['high', 'role-assignment/AzureML Data Scientist/team'],
  ])
  const map = { identity: { team: 'team-west' } }
  await give(west, west.workspaceId, 'AzureML Data Scientist', 'team-west')
  expect(await accessDrift(east.workspace, west.workspace, { map, isCopied: true }, {})).toEqual([])
})

it('sees quotas of subscription and workspace that allow less at the secondary', async () => {
  const cluster = {
    computeType: 'AmlCompute',
    properties: { vmSize: 'Standard_DS3_v2', scaleSettings: { minNodeCount: 0, maxNodeCount: 2 } },
  }
  await east.workspace.putObject(
    { kind: 'compute', path: ['cpu'] },
    { location: 'eastus', properties: cluster },
    { epoch: 1 },
  )
  expect(await quotaDrift(east.workspace, west.workspace, {})).toEqual([])
  const { families, sizes } = (await west.workspace.readCapacity()) ?? { families: [], sizes: [] }
  const family = sizes.find(({ name }) => name === 'Standard_DS3_v2')?.family
  expect(families.find(({ name }) => name === family)?.workspaceLimit).toBeGreaterThan(8)
  const subscription = west.workspaceId.split('/').slice(0, 3).join('/')
  const path = `${subscription}/providers/Microsoft.MachineLearningServices/locations/westus/updateQuotas`
  await west.region.call('POST', `${path}?api-version=2025-12-01`, {
    body: { value: [{ id: `${west.workspaceId}/quotas/${family}`, limit: 8 }] },
  })
  const found = await quotaDrift(east.workspace, west.workspace, {})
  expect(found).toMatchObject([{ code: 'drift.quota', changes: [{ path: 'limit', from: 8 }] }])
})
