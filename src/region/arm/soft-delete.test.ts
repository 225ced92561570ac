import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { days, steeredClock } from '../testing/steered-clock.ts'
import { settled, startTestRegion, type TestRegion } from '../testing/test-region.ts'

const subscription = '/subscriptions/s'
const group = `${subscription}/resourceGroups/rg`
const machineLearning = 'providers/Microsoft.MachineLearningServices'
const time = steeredClock()
let region: TestRegion

beforeAll(async () => {
  region = await startTestRegion({ clock: time.clock })
})
afterAll(() => region.stop())

/** Time goes by, and the region does what is due. */
async function pass(milliseconds: number): Promise<void> {
  time.advance(milliseconds)
  region.signInAgain()
  await region.region.look()
}
const call = async (method: string, path: string, body?: unknown) =>
  settled(region.call, await region.call(method, path, body === undefined ? {} : { body }))
const status = async (path: string) => (await region.call('GET', path)).status
const bodyOf = async (path: string) =>
  (await region.call('GET', path)).body as Record<string, unknown> & { value: { id: string }[] }

/** A workspace with something of each kind that survives, and of each that does not. */
async function workspaceWithContent(name: string): Promise<string> {
  const id = `${group}/${machineLearning}/workspaces/${name}`
  await call('PUT', id, { tags: { team: 'fraud' } })
  await call('PUT', `${id}/models/m/versions/1`, { properties: { modelUri: 'azureml://m' } })
  await call('PUT', `${id}/datastores/own`, {
    properties: {
      datastoreType: 'AzureBlob',
      accountName: 'a',
      containerName: 'c',
      credentials: { credentialsType: 'AccountKey', secrets: { key: 'top-secret' } },
    },
  })
  await call('PUT', `${id}/computes/cpu`, { properties: { computeType: 'AmlCompute' } })
  await call('PUT', `${id}/onlineEndpoints/live`, { properties: {} })
  await call('PUT', `${id}/providers/Microsoft.Authorization/roleAssignments/r`, {
    properties: { principalId: 'p', roleDefinitionId: 'r' },
  })
  const runs = `/history/v1.0${id}/experiments/churn/runs/run-1`
  await region.call('PATCH', runs, { body: { status: 'Completed' } })
  return id
}
const history = (id: string) => `/history/v1.0${id}/runs/run-1`

describe('a deleted workspace', () => {
  it('keeps its name for 14 days and gives it back with its content', async () => {
    const id = await workspaceWithContent('kept')
    const before = await bodyOf(id)
    await call('DELETE', id)
    for (const path of [id, `${id}/models/m/versions/1`, history(id)])
      expect(await status(path)).toBe(404)
    const list = `${group}/${machineLearning}/workspaces`
    expect((await bodyOf(list)).value.map((one) => one.id)).not.toContain(id)

    expect(await region.call('PUT', id.toUpperCase(), { body: {} })).toMatchObject({
      status: 400,
      body: {
        error: {
          code: 'BadRequest',
          message:
            'Soft-deleted workspace exists. Please purge or recover it. https://aka.ms/wsoftdelete',
        },
      },
    })
    const deleted = await bodyOf(`${subscription}/${machineLearning}/deletedWorkspaces`)
    expect(deleted.value).toMatchObject([{ id, properties: { provisioningState: 'SoftDeleted' } }])

    await pass(13 * days)
    const recovery = { properties: { allowRecoverSoftDeletedWorkspace: 'True' } }
    expect(await call('PUT', id, recovery)).toMatchObject({ status: 200 })
    const { systemData: _was, ...expected } = before
    const { systemData: _is, ...recovered } = await bodyOf(id)
    expect(recovered).toEqual(expected)
    expect(await status(`${id}/models/m/versions/1`)).toBe(200)
    expect(await status(history(id))).toBe(200)
    const secrets = await region.call('POST', `${id}/datastores/own/listSecrets`)
    expect(secrets.body).toMatchObject({ key: 'top-secret' })
    for (const gone of ['/computes/cpu', '/onlineEndpoints/live'])
      expect(await status(`${id}${gone}`)).toBe(404)
    const roles = await bodyOf(`${id}/providers/Microsoft.Authorization/roleAssignments`)
    expect(roles.value).toEqual([])
  })

  it('is gone for good after 14 days', async () => {
    const id = await workspaceWithContent('late')
    await call('DELETE', id)
    await pass(14 * days)
    expect((await call('PUT', id, {})).status).toBe(200)
    expect(await status(`${id}/models/m/versions/1`)).toBe(404)
    expect(await status(history(id))).toBe(404)
  })

  it.each(['live', 'deleted'])('is purged with forceToPurge when it is %s', async (state) => {
    const id = await workspaceWithContent(`purged-${state}`)
    if (state === 'deleted') await call('DELETE', id)
    expect((await call('DELETE', `${id}?forceToPurge=true`)).status).toBe(200)
    expect((await region.call('DELETE', `${id}?forceToPurge=true`)).status).toBe(204)
    const created = await call('PUT', id, {})
    expect(created).toMatchObject({ status: 200, body: { tags: {} } })
    expect(await status(`${id}/models/m/versions/1`)).toBe(404)
    expect(await status(history(id))).toBe(404)
  })

  it('waits when its resource group is deleted around it', async () => {
    const id = await workspaceWithContent('in-group')
    const moved = id.replace('/rg/', '/other/')
    await call('PUT', moved, {})
    await region.call('DELETE', `${subscription}/resourceGroups/other`)
    expect(await status(`${subscription}/resourceGroups/other`)).toBe(404)
    expect((await region.call('PUT', moved, { body: {} })).status).toBe(400)
    const recovery = { properties: { allowRecoverSoftDeletedWorkspace: true } }
    expect((await call('PUT', moved, recovery)).status).toBe(200)
    expect(await status(`${subscription}/resourceGroups/other`)).toBe(200)
  })
})

describe('a deleted vault', () => {
  const vaults = `${group}/providers/Microsoft.KeyVault/vaults`
  const deleted = `${subscription}/providers/Microsoft.KeyVault/deletedVaults`
  const located = (name: string) =>
    `${subscription}/providers/Microsoft.KeyVault/locations/eastus/deletedVaults/${name}`
  const secretPath = (name: string) => `/vault/${name}/secrets/s`
  const secret = async (method: string, vault: string, body?: unknown) =>
    region.call(method, secretPath(vault), {
      token: await region.token('https://vault.azure.net'),
      ...(body !== undefined && { body }),
    })

  it('keeps its name, comes back with its secrets, and can be purged', async () => {
    const properties = { softDeleteRetentionInDays: 7 }
    await call('PUT', `${vaults}/safe`, { location: 'eastus', properties })
    await secret('PUT', 'safe', { value: 'hidden' })
    await call('DELETE', `${vaults}/safe`)
    expect((await secret('GET', 'safe')).status).toBe(404)
    const listed = (await bodyOf(deleted)).value
    expect(listed.find((one) => one.id === located('safe'))).toMatchObject({
      name: 'safe',
      properties: { vaultId: `${vaults}/safe`, location: 'eastus' },
    })
    const elsewhere = `${vaults.replace('/rg/', '/rg2/')}/safe`
    for (const path of [`${vaults}/safe`, elsewhere])
      expect(await region.call('PUT', path, { body: {} })).toMatchObject({
        status: 409,
        body: { error: { code: 'ConflictError' } },
      })
    const recovered = await call('PUT', `${vaults}/safe`, { properties: { createMode: 'recover' } })
    expect(recovered).toMatchObject({ status: 200, body: { properties } })
    expect((await secret('GET', 'safe')).body).toMatchObject({ value: 'hidden' })

    await call('DELETE', `${vaults}/safe`)
    expect((await region.call('POST', `${located('safe')}/purge`)).status).toBe(200)
    expect(await status(located('safe'))).toBe(404)
    expect((await call('PUT', elsewhere, {})).status).toBe(201)
    expect((await secret('GET', 'safe')).status).toBe(404)
  })

  it('with purge protection waits for its time', async () => {
    const properties = { softDeleteRetentionInDays: 7, enablePurgeProtection: true }
    await call('PUT', `${vaults}/guarded`, { properties })
    await call('DELETE', `${vaults}/guarded`)
    expect((await region.call('POST', `${located('guarded')}/purge`)).status).toBe(403)
    await pass(7 * days)
    expect(await status(located('guarded'))).toBe(404)
  })

  it('cannot lose its protection, nor come back when it was never there', async () => {
    await call('PUT', `${vaults}/one-way`, { properties: { enablePurgeProtection: true } })
    for (const properties of [{ enablePurgeProtection: false }, { softDeleteRetentionInDays: 8 }])
      expect(
        (await region.call('PATCH', `${vaults}/one-way`, { body: { properties } })).status,
      ).toBe(400)
    expect(
      await region.call('PUT', `${vaults}/never`, {
        body: { properties: { createMode: 'recover' } },
      }),
    ).toMatchObject({ status: 404, body: { error: { code: 'SoftDeletedVaultDoesNotExist' } } })
  })
})
