import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { AuthorizationManagementClient } from '@azure/arm-authorization'
import { KeyVaultManagementClient } from '@azure/arm-keyvault'
import { ResourceManagementClient } from '@azure/arm-resources'
import { StorageManagementClient } from '@azure/arm-storage'
import { SubscriptionClient } from '@azure/arm-subscriptions'
import { arm, collected, credential, group, refusal, subscription, unique } from './clients.mjs'

const groups = new ResourceManagementClient(credential, subscription, arm)
before(() => groups.resourceGroups.createOrUpdate(group, { location: 'eastus' }))

describe('@azure/identity', () => {
  it('signs in with what the environment says, and not with a wrong secret', async () => {
    const { token } = await credential.getToken('https://management.azure.com/.default')
    assert.equal(token.split('.').length, 3)
    const { ClientSecretCredential } = await import('@azure/identity')
    const wrong = new ClientSecretCredential(
      process.env.AZURE_TENANT_ID,
      process.env.AZURE_CLIENT_ID,
      'wrong',
    )
    await assert.rejects(wrong.getToken('https://management.azure.com/.default'), /AADSTS7000215/)
  })
})

describe('@azure/arm-subscriptions', () => {
  const client = new SubscriptionClient(credential, arm)
  it('finds the subscription, its tenant, and places with their pairs', async () => {
    const found = await client.subscriptions.get(subscription)
    assert.equal(found.subscriptionId, subscription)
    const tenants = await collected(client.tenants.list())
    assert.ok(tenants.length > 0)
    const places = await collected(client.subscriptions.listLocations(subscription))
    const east = places.find(({ name }) => name === 'eastus')
    assert.equal(east?.metadata?.pairedRegion?.[0]?.name, 'westus')
  })
})

describe('@azure/arm-resources', () => {
  it('makes, lists, tags and deletes resource groups', async () => {
    const name = unique('rg')
    await groups.resourceGroups.createOrUpdate(name, { location: 'eastus', tags: { a: '1' } })
    const listed = await collected(groups.resourceGroups.list())
    assert.ok(listed.some((one) => one.name === name))
    await groups.resourceGroups.update(name, { tags: { a: '2' } })
    assert.deepEqual((await groups.resourceGroups.get(name)).tags, { a: '2' })
    await groups.resourceGroups.beginDeleteAndWait(name)
    assert.equal((await groups.resourceGroups.checkExistence(name)).body, false)
  })

  it('writes any resource by id, and keeps fields that the client does not know', async () => {
    const id = `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.Network/virtualNetworks/${unique('net')}`
    const body = {
      location: 'eastus',
      properties: { addressSpace: { addressPrefixes: ['10.0.0.0/16'] }, novelty: { kept: true } },
    }
    await groups.resources.beginCreateOrUpdateByIdAndWait(id, '2024-05-01', body)
    const found = await groups.resources.getById(id, '2024-05-01')
    assert.deepEqual(found.properties.novelty, { kept: true })
    const inGroup = await collected(groups.resources.listByResourceGroup(group))
    assert.ok(inGroup.some((one) => one.id === id))
    await groups.resources.beginDeleteByIdAndWait(id, '2024-05-01')
    assert.equal(await refusal(groups.resources.getById(id, '2024-05-01')), 'ResourceNotFound')
  })

  it('names the providers of the subscription', async () => {
    const provider = await groups.providers.get('Microsoft.MachineLearningServices')
    assert.equal(provider.registrationState, 'Registered')
  })
})

describe('@azure/arm-storage', () => {
  const client = new StorageManagementClient(credential, subscription, arm)
  it('makes an account, gives its keys, reads its replication and lists it', async () => {
    const name = unique('st')
    const made = await client.storageAccounts.beginCreateAndWait(group, name, {
      location: 'eastus',
      kind: 'StorageV2',
      sku: { name: 'Standard_RAGRS' },
    })
    assert.equal(made.provisioningState, 'Succeeded')
    const { keys } = await client.storageAccounts.listKeys(group, name)
    assert.equal(keys?.length, 2)
    const found = await client.storageAccounts.getProperties(group, name, {
      expand: 'geoReplicationStats',
    })
    assert.equal(found.geoReplicationStats?.status, 'Live')
    assert.equal(found.secondaryLocation, 'westus')
    const listed = await collected(client.storageAccounts.listByResourceGroup(group))
    assert.ok(listed.some((one) => one.name === name))
    await client.storageAccounts.delete(group, name)
    assert.equal(
      await refusal(client.storageAccounts.getProperties(group, name)),
      'ResourceNotFound',
    )
  })
})

describe('@azure/arm-keyvault', () => {
  const client = new KeyVaultManagementClient(credential, subscription, arm)
  it('makes a vault, deletes it, finds it deleted and recovers it', async () => {
    const name = unique('kv')
    const vault = {
      location: 'eastus',
      properties: {
        tenantId: process.env.AZURE_TENANT_ID,
        sku: { family: 'A', name: 'standard' },
        accessPolicies: [],
      },
    }
    const made = await client.vaults.beginCreateOrUpdateAndWait(group, name, vault)
    assert.match(made.properties.vaultUri, new RegExp(name))
    await client.vaults.delete(group, name)
    const deleted = await client.vaults.getDeleted(name, 'eastus')
    assert.equal(deleted.name, name)
    const recovered = { ...vault, properties: { ...vault.properties, createMode: 'recover' } }
    await client.vaults.beginCreateOrUpdateAndWait(group, name, recovered)
    const found = await client.vaults.get(group, name)
    assert.equal(found.name, name)
  })
})

describe('@azure/arm-authorization', () => {
  const client = new AuthorizationManagementClient(credential, subscription, arm)
  const scope = `/subscriptions/${subscription}/resourceGroups/${group}`
  it('assigns a role, lists assignments and definitions, and takes it away', async () => {
    const { randomUUID } = await import('node:crypto')
    const name = randomUUID()
    const definitions = await collected(client.roleDefinitions.list(scope))
    const reader = definitions.find(({ roleName }) => roleName === 'Reader')
    assert.ok(reader?.id)
    await client.roleAssignments.create(scope, name, {
      roleDefinitionId: reader.id,
      principalId: randomUUID(),
      principalType: 'ServicePrincipal',
    })
    const listed = await collected(client.roleAssignments.listForScope(scope))
    assert.ok(listed.some((one) => one.name === name))
    await client.roleAssignments.delete(scope, name)
    const left = await collected(client.roleAssignments.listForScope(scope))
    assert.ok(!left.some((one) => one.name === name))
  })
})
