import { readFileSync } from 'node:fs'
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { settled, startTestRegion, type TestRegion } from '../../testing/test-region.ts'

const group = '/subscriptions/s/resourceGroups/rg'
const at = (path: string) => `${group}/providers/${path}`
type Document = Record<string, unknown>
interface Shown extends Document {
  id: string
  properties: Record<string, unknown>
  value: (Document & { id: string; name: string; properties: Document })[]
}
let region: TestRegion

beforeAll(async () => {
  region = await startTestRegion()
})
afterAll(() => region.stop())

const call = async (method: string, path: string, body?: unknown) =>
  settled(region.call, await region.call(method, path, body === undefined ? {} : { body }))
const put = (path: string, body: Document = {}) =>
  call('PUT', path, { location: 'eastus', ...body })
const get = async (path: string) => (await region.call('GET', path)).body as Shown
const properties = async (path: string) => (await get(path)).properties
const refused = async (path: string, body: Document) => {
  const answer = await region.call('PUT', path, { body })
  return (answer.body as { error?: { code?: string } }).error?.code
}

describe('a storage account', () => {
  const account = at('Microsoft.Storage/storageAccounts/geo1')

  it('tells of its redundancy, and more when it is asked for it', async () => {
    await put(account, { sku: { name: 'Standard_RAGRS' } })
    const plain = await properties(account)
    expect(plain).toMatchObject({
      primaryLocation: 'eastus',
      secondaryLocation: 'westus',
      statusOfPrimary: 'available',
      statusOfSecondary: 'available',
    })
    expect(plain).not.toHaveProperty('geoReplicationStats')
    const { geoReplicationStats } = await properties(`${account}?$expand=geoReplicationStats`)
    expect(geoReplicationStats).toMatchObject({
      status: 'Live',
      canFailover: true,
      canPlannedFailover: true,
      postFailoverRedundancy: 'Standard_LRS',
    })
    const { lastSyncTime } = geoReplicationStats as { lastSyncTime: string }
    expect(Date.now() - Date.parse(lastSyncTime)).toBeLessThan(10 * 60_000)
  })

  it('fails over there and back when it is planned, and once when it is not', async () => {
    await call('POST', `${account}/failover?failoverType=Planned`)
    expect(await properties(account)).toMatchObject({
      primaryLocation: 'westus',
      secondaryLocation: 'eastus',
    })
    await call('POST', `${account}/failover`)
    const after = await get(account)
    expect(after).toMatchObject({
      sku: { name: 'Standard_LRS' },
      properties: { primaryLocation: 'eastus' },
    })
    expect(after.properties).not.toHaveProperty('secondaryLocation')
    expect((await region.call('POST', `${account}/failover`)).status).toBe(409)
  })

  it('says which containers it replicates, and where to', async () => {
    const policies = `${account}/objectReplicationPolicies`
    const rule = { ruleId: 'r', sourceContainer: 'models', destinationContainer: 'copies' }
    const policy = { sourceAccount: account, destinationAccount: at('x/y/geo2'), rules: [rule] }
    await put(`${policies}/9d2c`, { properties: policy })
    const { value } = await get(policies)
    expect(value.map((one) => one.properties)).toMatchObject([{ ...policy, policyId: '9d2c' }])
  })

  it('has its services and containers without their being written', async () => {
    const service = `${account}/blobServices/default`
    expect(await properties(service)).toMatchObject({ isVersioningEnabled: false })
    await put(service, { properties: { isVersioningEnabled: true } })
    expect(await properties(service)).toMatchObject({
      isVersioningEnabled: true,
      deleteRetentionPolicy: { enabled: false },
    })
    expect(await properties(`${account}/fileServices/default`)).toMatchObject({
      shareDeleteRetentionPolicy: { days: 7 },
    })
    const other = at('Microsoft.Storage/storageAccounts/geo2')
    await put(other)
    await put(`${other}/blobServices/default/containers/made`)
    const { value } = await get(`${other}/blobServices/default/containers`)
    expect(value.map((one) => one.name)).toEqual(['made'])
    const absent = at('Microsoft.Storage/storageAccounts/none/blobServices/default')
    expect((await region.call('GET', absent)).status).toBe(404)
  })
})

describe('the Blob service of an account', () => {
  const account = at('Microsoft.Storage/storageAccounts/kept1')
  const service = `${account}/blobServices/default`

  async function clientOf() {
    const { body } = await region.call('POST', `${account}/listKeys`)
    const { keys } = body as { keys: { value: string }[] }
    const credential = new StorageSharedKeyCredential('kept1', keys[0]?.value ?? '')
    const url = `${region.region.storageOrigin}/kept1`
    const options = {
      tlsOptions: { ca: readFileSync(region.region.caPath, 'utf8') },
      retryOptions: { maxTries: 1 },
    }
    return new BlobServiceClient(url, credential, options)
  }

  it('keeps what its resource says', async () => {
    await put(account)
    const days = (count: number) => ({ enabled: true, days: count })
    expect(await refused(service, { properties: { deleteRetentionPolicy: days(0) } })).toBe(
      'InvalidValuesForRequestParameters',
    )
    const client = await clientOf()
    const container = client.getContainerClient('things')
    await container.create()
    const blob = container.getBlockBlobClient('x')
    expect((await blob.upload('x', 1)).versionId).toBeUndefined()
    await put(service, {
      properties: { isVersioningEnabled: true, containerDeleteRetentionPolicy: days(7) },
    })
    const { versionId } = await blob.upload('y', 1)
    expect(versionId).toMatch(/Z$/)
    await container.delete()
    const { value: deleted } = await client.listContainers({ includeDeleted: true }).next()
    expect(deleted?.properties.remainingRetentionDays).toBe(6)
  })

  it('writes what it is told to its resource', async () => {
    const client = await clientOf()
    await client.setProperties({ deleteRetentionPolicy: { enabled: true, days: 5 } })
    expect(await properties(service)).toMatchObject({
      deleteRetentionPolicy: { enabled: true, days: 5 },
      isVersioningEnabled: true,
    })
    const rule = { allowedOrigins: '*', allowedMethods: 'GET', maxAgeInSeconds: 1 }
    const cors = [{ ...rule, allowedHeaders: '', exposedHeaders: '' }]
    await expect(client.setProperties({ cors })).rejects.toMatchObject({ statusCode: 501 })
  })
})

describe('a container registry', () => {
  const registry = at('Microsoft.ContainerRegistry/registries/images')

  it('has replications in the Premium tier alone, in other regions than its own', async () => {
    await put(registry, { sku: { name: 'Basic' } })
    const replication = `${registry}/replications/westus`
    expect(await refused(replication, { location: 'westus' })).toBe('InvalidSkuForReplications')
    await put(registry, { sku: { name: 'Premium' } })
    await put(replication, { location: 'westus' })
    expect(await get(replication)).toMatchObject({
      location: 'westus',
      properties: {
        provisioningState: 'Succeeded',
        regionEndpointEnabled: true,
        zoneRedundancy: 'Disabled',
        status: { displayStatus: 'Ready' },
      },
    })
    expect(await refused(`${registry}/replications/home`, { location: 'East US' })).toBe(
      'RegistryLocationConflict',
    )
    expect(await refused(registry, { sku: { name: 'Basic' } })).toBe('InvalidSkuForReplications')
  })

  it('shows credentials to nobody while its admin user is off', async () => {
    expect((await region.call('POST', `${registry}/listCredentials`)).status).toBe(400)
    await put(registry, { sku: { name: 'Premium' }, properties: { adminUserEnabled: true } })
    const { body } = await region.call('POST', `${registry}/listCredentials`)
    expect(body).toMatchObject({ username: 'images', passwords: [{}, {}] })
  })
})

describe('observability', () => {
  const logs = at('Microsoft.OperationalInsights/workspaces/logs')

  it('says where telemetry goes', async () => {
    const component = at('Microsoft.Insights/components/app')
    await put(component)
    expect(await properties(component)).toMatchObject({ IngestionMode: 'ApplicationInsights' })
    await put(component, { properties: { WorkspaceResourceId: logs } })
    const shown = await properties(component)
    expect(shown).toMatchObject({ IngestionMode: 'LogAnalytics' })
    expect(shown.ConnectionString).toContain(String(shown.InstrumentationKey))
  })

  it('fails over to where it is replicated, and back', async () => {
    const failover = at('Microsoft.OperationalInsights/locations/westus/workspaces/logs/failover')
    await put(logs)
    expect((await region.call('POST', failover)).status).toBe(400)
    await put(logs, { properties: { replication: { enabled: true, location: 'westus' } } })
    expect(await properties(logs)).toMatchObject({
      replication: { enabled: true, provisioningState: 'Succeeded' },
      failover: { state: 'Inactive' },
    })
    await call('POST', failover)
    expect(await properties(logs)).toMatchObject({ failover: { state: 'Active' } })
    expect((await region.call('POST', failover)).status).toBe(409)
    await call('POST', `${logs}/failback`)
    expect(await properties(logs)).toMatchObject({ failover: { state: 'Inactive' } })
  })

  it('comes back when a deleted workspace is created again', async () => {
    const { customerId } = await properties(logs)
    await call('DELETE', logs)
    const deleted = '/subscriptions/s/providers/Microsoft.OperationalInsights/deletedWorkspaces'
    expect((await get(deleted)).value).toMatchObject([{ name: 'logs' }])
    await put(logs)
    expect(await properties(logs)).toMatchObject({ customerId, replication: { enabled: true } })
    await call('DELETE', `${logs}?force=true`)
    expect((await get(deleted)).value).toEqual([])
  })
})

describe('Cosmos DB', () => {
  it('has its regions in the order of failover, which can change', async () => {
    const account = at('Microsoft.DocumentDB/databaseAccounts/store')
    const locations = ['eastus', 'westus'].map((locationName, failoverPriority) => ({
      locationName,
      failoverPriority,
    }))
    await put(account, { properties: { locations } })
    const regions = async () => {
      const { writeLocations, readLocations } = await properties(account)
      const names = (list: unknown) =>
        (list as { locationName: string }[]).map((one) => one.locationName)
      return [names(writeLocations), names(readLocations)]
    }
    expect(await regions()).toEqual([['eastus'], ['eastus', 'westus']])
    const failoverPolicies = [
      { locationName: 'West US', failoverPriority: 0 },
      { locationName: 'East US', failoverPriority: 1 },
    ]
    await call('POST', `${account}/failoverPriorityChange`, { failoverPolicies })
    expect(await regions()).toEqual([['westus'], ['westus', 'eastus']])
    const path = `${account}/failoverPriorityChange`
    const half = { failoverPolicies: failoverPolicies.slice(1) }
    expect((await region.call('POST', path, { body: half })).status).toBe(400)
  })
})

describe('networks', () => {
  const network = at('Microsoft.Network/virtualNetworks/net')

  it('have subnets in their document and as resources', async () => {
    await put(network, {
      properties: { subnets: [{ name: 'a', properties: { addressPrefix: '10.0.0.0/24' } }] },
    })
    await put(`${network}/subnets/b`, { properties: { addressPrefix: '10.0.1.0/24' } })
    const { subnets } = await properties(network)
    expect((subnets as { name: string }[]).map((one) => one.name)).toEqual(['a', 'b'])
    expect(await properties(`${network}/subnets/a`)).toMatchObject({ addressPrefix: '10.0.0.0/24' })
  })

  it('connect private endpoints to their resource for as long as they are there', async () => {
    const vault = at('Microsoft.KeyVault/vaults/private')
    await put(vault)
    const endpoint = at('Microsoft.Network/privateEndpoints/door')
    const connect = (privateLinkServiceId: string) => ({
      properties: {
        subnet: { id: `${network}/subnets/a` },
        privateLinkServiceConnections: [
          { name: 'c', properties: { privateLinkServiceId, groupIds: ['vault'] } },
        ],
      },
    })
    expect(await refused(endpoint, connect(`${vault}2`))).toBe('PrivateLinkServiceNotFound')
    await put(endpoint, connect(vault))
    const connections = `${vault}/privateEndpointConnections`
    expect((await get(connections)).value).toMatchObject([
      {
        properties: {
          privateEndpoint: { id: endpoint },
          privateLinkServiceConnectionState: { status: 'Approved' },
        },
      },
    ])
    await call('DELETE', endpoint)
    expect((await get(connections)).value).toEqual([])
  })
})

describe('role assignments', () => {
  const assignments = (scope: string) =>
    `${scope}/providers/Microsoft.Authorization/roleAssignments`
  const definitions = '/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions'
  const reader = `${definitions}/acdd72a7-3385-48ef-bd42-f606fba81ae7`
  const give = (principalId: string, roleDefinitionId = reader) => ({
    properties: { principalId, roleDefinitionId },
  })
  const vault = at('Microsoft.KeyVault/vaults/shared')

  it('hold below the scope they are given at', async () => {
    await put(vault)
    await put(`${assignments('/subscriptions/s')}/1`, give('ann'))
    await put(`${assignments(group)}/2`, give('bob'))
    await put(`${assignments(vault)}/3`, give('cy'))
    const holders = async (scope: string, filter = '') => {
      const query = filter && `?$filter=${encodeURIComponent(filter)}`
      const { value } = await get(`${assignments(scope)}${query}`)
      return value.map((one) => one.properties.principalId)
    }
    expect(await holders(vault)).toEqual(['ann', 'bob', 'cy'])
    expect(await holders(group, 'atScope()')).toEqual(['ann', 'bob'])
    expect(await holders('/subscriptions/s', "principalId eq 'cy'")).toEqual(['cy'])
    expect(await properties(`${assignments(vault)}/3`)).toMatchObject({ scope: vault })
  })

  it('are given once, and do not change', async () => {
    const path = assignments(vault)
    expect(await refused(`${path}/4`, give('cy'))).toBe('RoleAssignmentExists')
    expect(await refused(`${path}/3`, give('dan'))).toBe('RoleAssignmentUpdateNotPermitted')
    expect(await refused(`${path}/5`, { properties: {} })).toBe('InvalidRequestContent')
    expect((await put(`${path}/3`, give('cy'))).status).toBe(200)
  })

  it('name roles that are built in, or that somebody wrote', async () => {
    expect(await properties(reader)).toMatchObject({ roleName: 'Reader', type: 'BuiltInRole' })
    await put(`${definitions}/own`, { properties: { roleName: 'Own', type: 'CustomRole' } })
    const named = async (name: string) =>
      (await get(`${definitions}?$filter=${encodeURIComponent(`roleName eq '${name}'`)}`)).value
    expect((await named('Own')).map((one) => one.name)).toEqual(['own'])
    expect(await named('AzureML Data Scientist')).toHaveLength(1)
    expect((await get(definitions)).value.length).toBeGreaterThan(10)
  })
})

describe('the other kinds', () => {
  it.each([
    ['Microsoft.ContainerService/managedClusters/aks', 'stop', { powerState: { code: 'Stopped' } }],
    [
      'Microsoft.ContainerInstance/containerGroups/aci',
      'stop',
      { instanceView: { state: 'Stopped' } },
    ],
    [
      'Microsoft.Databricks/workspaces/dbx',
      undefined,
      { workspaceUrl: expect.stringMatching(/^adb-/) },
    ],
    ['Microsoft.HDInsight/clusters/hdi', undefined, { clusterState: 'Running' }],
    ['Microsoft.Network/privateDnsZones/zone.local', undefined, { maxNumberOfRecordSets: 25_000 }],
    [
      'Microsoft.ManagedIdentity/userAssignedIdentities/id',
      undefined,
      { clientId: expect.any(String) },
    ],
  ])('%s is stored whole, with what the service makes', async (path, action, made) => {
    const id = at(path)
    const written = {
      zones: ['1', '2'],
      properties: { agentPoolProfiles: [{ availabilityZones: ['1'] }], own: 1 },
    }
    await put(id, written)
    if (action) await call('POST', `${id}/${action}`)
    expect(await get(id)).toMatchObject({
      zones: ['1', '2'],
      properties: { ...written.properties, ...made, provisioningState: 'Succeeded' },
    })
    expect((await call('DELETE', id)).status).toBe(200)
    expect((await region.call('GET', id)).status).toBe(404)
  })

  it('offer machine sizes by region, with cores, memory and family', async () => {
    const sizes =
      '/subscriptions/s/providers/Microsoft.MachineLearningServices/locations/eastus/vmSizes'
    const { value } = await get(sizes)
    expect(value.find(({ name }) => name === 'Standard_DS3_v2')).toMatchObject({
      ...{ family: 'standardDSv2Family', vCPUs: 4, memoryGB: 14, gpus: 0 },
    })
  })

  it('belong to providers that say where each type is', async () => {
    const provider = async (name: string) => get(`/subscriptions/s/providers/${name}`)
    expect(await provider('microsoft.storage')).toMatchObject({
      namespace: 'Microsoft.Storage',
      registrationState: 'Registered',
      resourceTypes: expect.arrayContaining([
        expect.objectContaining({
          resourceType: 'storageAccounts',
          locations: expect.arrayContaining(['East US']),
        }),
      ]),
    })
    const { value } = await get('/subscriptions/s/providers')
    expect(value.map((one) => one.namespace)).toContain('Microsoft.MachineLearningServices')
    expect((await region.call('GET', '/subscriptions/s/providers/Nobody.Here')).status).toBe(404)
  })

  it('are listed together, and answer whether they exist', async () => {
    const names = async (filter: string) => {
      const path = `${group}/resources?$filter=${encodeURIComponent(filter)}`
      return (await get(path)).value.map((one) => one.name)
    }
    await put(at('Microsoft.Storage/storageAccounts/tagged'), { tags: { team: 'fraud' } })
    expect(await names("tagName eq 'team' and tagValue eq 'fraud'")).toEqual(['tagged'])
    expect(await names("resourceType eq 'Microsoft.KeyVault/vaults'")).toEqual([
      'private',
      'shared',
    ])
    expect((await region.call('HEAD', group)).status).toBe(204)
    expect((await region.call('HEAD', `${group}2`)).status).toBe(404)
    const gone = '/subscriptions/s/resourceGroups/gone'
    await put(gone)
    expect((await region.call('DELETE', gone)).status).toBe(202)
  })
})
