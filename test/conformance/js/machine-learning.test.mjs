import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { AzureMachineLearningWorkspaces } from '@azure/arm-machinelearning'
import { ResourceManagementClient } from '@azure/arm-resources'
import {
  arm,
  collected,
  credential,
  group,
  refusal,
  subscription,
  unique,
  until,
} from './clients.mjs'

const client = new AzureMachineLearningWorkspaces(credential, subscription, arm)
const workspace = unique('ws')
before(async () => {
  const groups = new ResourceManagementClient(credential, subscription, arm)
  await groups.resourceGroups.createOrUpdate(group, { location: 'eastus' })
  await client.workspaces.beginCreateOrUpdateAndWait(group, workspace, {
    location: 'eastus',
    identity: { type: 'SystemAssigned' },
  })
})
const names = (list) => list.map(({ name }) => name)

describe('@azure/arm-machinelearning', () => {
  it('workspaces: read, list, update, keys, diagnose', async () => {
    const found = await client.workspaces.get(group, workspace)
    assert.equal(found.provisioningState, 'Succeeded')
    assert.match(found.mlFlowTrackingUri, /^azureml:\/\//)
    const listed = await collected(client.workspaces.listByResourceGroup(group))
    assert.ok(names(listed).includes(workspace))
    await client.workspaces.beginUpdateAndWait(group, workspace, { description: 'changed' })
    assert.equal((await client.workspaces.get(group, workspace)).description, 'changed')
    assert.ok((await client.workspaces.listKeys(group, workspace)).userStorageKey)
    const { value } = await client.workspaces.beginDiagnoseAndWait(group, workspace)
    assert.deepEqual(value.storageAccountResults, [])
  })

  it('datastores: the system ones, and one of the user with a secret', async () => {
    const system = await collected(client.datastores.list(group, workspace))
    assert.ok(names(system).includes('workspaceblobstore'))
    const name = unique('ds')
    await client.datastores.createOrUpdate(group, workspace, name, {
      properties: {
        datastoreType: 'AzureBlob',
        accountName: 'other',
        containerName: 'data',
        credentials: {
          credentialsType: 'AccountKey',
          secrets: { secretsType: 'AccountKey', key: 'c2VjcmV0' },
        },
      },
    })
    const read = await client.datastores.get(group, workspace, name)
    assert.equal(JSON.stringify(read).includes('c2VjcmV0'), false)
    assert.equal((await client.datastores.listSecrets(group, workspace, name)).key, 'c2VjcmV0')
    await client.datastores.delete(group, workspace, name)
    assert.equal(await refusal(client.datastores.get(group, workspace, name)), 'ResourceNotFound')
  })

  const assets = {
    model: {
      containers: () => client.modelContainers,
      versions: () => client.modelVersions,
      properties: {
        modelUri: 'azureml://datastores/workspaceblobstore/paths/m',
        modelType: 'custom_model',
      },
    },
    data: {
      containers: () => client.dataContainers,
      versions: () => client.dataVersions,
      container: { dataType: 'uri_file' },
      properties: {
        dataType: 'uri_file',
        dataUri: 'azureml://datastores/workspaceblobstore/paths/d',
      },
    },
    environment: {
      containers: () => client.environmentContainers,
      versions: () => client.environmentVersions,
      properties: { image: 'mcr.microsoft.com/azureml/base:1' },
    },
    code: {
      containers: () => client.codeContainers,
      versions: () => client.codeVersions,
      properties: { codeUri: 'https://example.blob.core.windows.net/c/code' },
    },
    component: {
      containers: () => client.componentContainers,
      versions: () => client.componentVersions,
      properties: { componentSpec: { type: 'command', command: 'echo', name: 'c' } },
    },
  }
  for (const [kind, { containers, versions, container = {}, properties }] of Object.entries(assets))
    it(`${kind} containers and versions: create, read, list, archive, delete`, async () => {
      const name = unique(kind)
      await containers().createOrUpdate(group, workspace, name, {
        properties: { description: 'd', ...container },
      })
      await versions().createOrUpdate(group, workspace, name, '1', { properties })
      const made = await versions().get(group, workspace, name, '1')
      for (const [field, value] of Object.entries(properties))
        if (field !== 'componentSpec') assert.deepEqual(made.properties[field], value)
      const isArchived = { properties: { ...made.properties, isArchived: true } }
      await versions().createOrUpdate(group, workspace, name, '1', isArchived)
      // Of code the service offers no view: what is archived stays in the list.
      const seen = await collected(versions().list(group, workspace, name))
      assert.equal(seen.length, kind === 'code' ? 1 : 0)
      const all = { listViewType: 'All' }
      if (kind !== 'code')
        assert.equal((await collected(versions().list(group, workspace, name, all))).length, 1)
      await versions().delete(group, workspace, name, '1')
      await containers().delete(group, workspace, name)
      assert.equal(await refusal(containers().get(group, workspace, name)), 'ResourceNotFound')
    })

  it('computes: create, stop what cannot stop, list, delete', async () => {
    const name = unique('cpu')
    await client.computeOperations.beginCreateOrUpdateAndWait(group, workspace, name, {
      location: 'eastus',
      properties: {
        computeType: 'AmlCompute',
        properties: {
          vmSize: 'Standard_DS3_v2',
          scaleSettings: { minNodeCount: 0, maxNodeCount: 1 },
        },
      },
    })
    assert.ok(
      names(await collected(client.computeOperations.list(group, workspace))).includes(name),
    )
    assert.deepEqual(
      await collected(client.computeOperations.listNodes(group, workspace, name)),
      [],
    )
    await client.computeOperations.beginDeleteAndWait(group, workspace, name, 'Delete')
    const gone = client.computeOperations.get(group, workspace, name)
    assert.equal(await refusal(gone), 'ResourceNotFound')
  })

  it('online endpoints: create, keys, token, delete', async () => {
    const name = unique('ep')
    await client.onlineEndpoints.beginCreateOrUpdateAndWait(group, workspace, name, {
      location: 'eastus',
      properties: { authMode: 'Key' },
    })
    const { primaryKey } = await client.onlineEndpoints.listKeys(group, workspace, name)
    await client.onlineEndpoints.beginRegenerateKeysAndWait(group, workspace, name, {
      keyType: 'Primary',
    })
    const after = await client.onlineEndpoints.listKeys(group, workspace, name)
    assert.notEqual(after.primaryKey, primaryKey)
    await client.onlineEndpoints.beginDeleteAndWait(group, workspace, name)
    assert.equal(
      await refusal(client.onlineEndpoints.get(group, workspace, name)),
      'ResourceNotFound',
    )
  })

  it('schedules and jobs: create, read, list, cancel, disable', async () => {
    const job = unique('job')
    const environment = unique('env')
    await client.environmentVersions.createOrUpdate(group, workspace, environment, '1', {
      properties: { image: 'mcr.microsoft.com/azureml/base:1' },
    })
    const root = `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.MachineLearningServices/workspaces/${workspace}`
    const properties = {
      jobType: 'Command',
      command: 'sleep 60',
      environmentId: `${root}/environments/${environment}/versions/1`,
      experimentName: 'js',
    }
    await client.jobs.createOrUpdate(group, workspace, job, { properties })
    assert.ok(names(await collected(client.jobs.list(group, workspace))).includes(job))
    await client.jobs.beginCancelAndWait(group, workspace, job)
    await until(async () => {
      const { status } = (await client.jobs.get(group, workspace, job)).properties
      return status === 'Canceled'
    })
    const schedule = unique('sch')
    const action = { actionType: 'CreateJob', jobDefinition: properties }
    const trigger = { triggerType: 'Cron', expression: '0 0 1 1 *' }
    await client.schedules.beginCreateOrUpdateAndWait(group, workspace, schedule, {
      properties: { isEnabled: false, action, trigger },
    })
    assert.ok(!names(await collected(client.schedules.list(group, workspace))).includes(schedule))
    const all = await collected(client.schedules.list(group, workspace, { listViewType: 'All' }))
    assert.ok(names(all).includes(schedule))
    await client.schedules.beginDeleteAndWait(group, workspace, schedule)
  })

  it('connections, usages, quotas and sizes', async () => {
    const name = unique('conn')
    await client.workspaceConnections.create(group, workspace, name, {
      properties: {
        authType: 'PAT',
        category: 'Git',
        target: 'https://example.org',
        credentials: { pat: 'hidden' },
      },
    })
    const read = await client.workspaceConnections.get(group, workspace, name)
    assert.equal(JSON.stringify(read).includes('hidden'), false)
    await client.workspaceConnections.delete(group, workspace, name)
    assert.ok((await collected(client.usages.list('eastus'))).length > 0)
    assert.ok((await collected(client.quotas.list('eastus'))).length > 0)
    assert.ok((await client.virtualMachineSizes.list('eastus')).value.length > 0)
  })
})
