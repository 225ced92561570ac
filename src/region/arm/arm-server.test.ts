import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { settled, startTestRegion, type TestRegion } from '../testing/test-region.ts'

const group = '/subscriptions/s/resourceGroups/rg'
const workspace = `${group}/providers/Microsoft.MachineLearningServices/workspaces/fraud`
let region: TestRegion

interface Listed {
  value: { name: string; properties: Record<string, unknown> }[]
  nextLink?: string
}

beforeAll(async () => {
  region = await startTestRegion()
  const put = await region.call('PUT', workspace, { body: { location: 'eastus' } })
  expect(put.status).toBe(202)
  const done = await settled(region.call, put)
  expect(done).toMatchObject({ status: 200, body: { name: 'fraud' } })
})
afterAll(() => region.stop())

const put = (path: string, properties: Record<string, unknown>, headers = {}) =>
  region.call('PUT', `${workspace}${path}?api-version=2026-05-01`, {
    body: { properties },
    headers,
  })
const get = async (path: string) => region.call('GET', `${workspace}${path}`)
const names = async (path: string) => {
  const { body } = await get(path)
  return (body as Listed).value.map((one) => one.name)
}
const properties = (body: unknown) => (body as { properties: Record<string, unknown> }).properties

describe('a workspace', () => {
  it('has identity, addresses and the resources it needs', async () => {
    const { body } = await get('')
    const fields = properties(body)
    expect(fields).toMatchObject({
      provisioningState: 'Succeeded',
      discoveryUrl: `${region.region.origin}/discovery`,
      mlFlowTrackingUri: `azureml://${new URL(region.region.origin).host}/mlflow/v1.0${workspace}`,
    })
    expect(fields.workspaceId).toMatch(/^[0-9a-f-]{36}$/)
    const account = await region.call('GET', String(fields.storageAccount))
    const name = String(fields.storageAccount).split('/').at(-1)
    expect(properties(account.body).primaryEndpoints).toEqual({
      blob: `${region.region.storageOrigin}/${name}/`,
    })
    for (const field of ['keyVault', 'applicationInsights'])
      expect((await region.call('GET', String(fields[field]))).status).toBe(200)
    const discovery = await region.call('GET', String(fields.discoveryUrl), { token: null })
    expect(discovery.body).toMatchObject({
      api: region.region.origin,
      history: region.region.origin,
      mlflow: region.region.origin,
    })
  })

  it('has its system datastores, with secrets that only listSecrets shows', async () => {
    expect((await names('/datastores')).sort()).toEqual([
      'workspaceartifactstore',
      'workspaceblobstore',
      'workspacefilestore',
      'workspaceworkingdirectory',
    ])
    const { body } = await get('/datastores/workspaceblobstore')
    expect(properties(body).containerName).toBe(
      `azureml-blobstore-${properties((await get('')).body).workspaceId}`,
    )
    const path = `${workspace}/datastores/workspaceblobstore/listSecrets`
    const key = await region.call('POST', path)
    expect(key.body).toMatchObject({ secretsType: 'AccountKey', key: expect.any(String) })
    const sas = await region.call('POST', path, { body: { expirableSecret: true } })
    expect(sas.body).toMatchObject({
      secretsType: 'Sas',
      sasToken: expect.stringContaining('sig='),
    })
  })

  it('keeps its storage account and vault', async () => {
    const { body } = await get('')
    const before = properties(body)
    const moved = { ...before, keyVault: `${before.keyVault}2` }
    const refused = await region.call('PUT', workspace, { body: { properties: moved } })
    expect(refused).toMatchObject({ status: 400, body: { error: { code: 'ValidationError' } } })
    const tagged = await region.call('PATCH', workspace, { body: { tags: { a: 'b' } } })
    await settled(region.call, tagged)
    expect((await get('')).body).toMatchObject({ tags: { a: 'b' }, properties: before })
  })

  it('is listed at every level', async () => {
    const type = 'providers/Microsoft.MachineLearningServices/workspaces'
    for (const scope of [group, group.toUpperCase(), '/subscriptions/s']) {
      const { body } = await region.call('GET', `${scope}/${type}`)
      expect((body as Listed).value.map((one) => one.name)).toEqual(['fraud'])
    }
    const groups = await region.call('GET', '/subscriptions/s/resourcegroups')
    expect((groups.body as Listed).value.map((one) => one.name)).toEqual(['rg'])
  })
})

describe('documents', () => {
  it('keep unknown fields, and ignore service-made ones in a write', async () => {
    const answer = await put('/models/keep/versions/1', {
      modelUri: 'azureml://x',
      provisioningState: 'Nonsense',
      newField: { deep: [1, null, 'ü'], 'a.b': 1e300 },
    })
    expect(answer.status).toBe(201)
    expect(properties(answer.body)).toMatchObject({
      newField: { deep: [1, null, 'ü'], 'a.b': 1e300 },
      provisioningState: 'Succeeded',
    })
    const { systemData } = answer.body as { systemData: object }
    expect(Object.keys(systemData).sort()).toEqual([
      'createdAt',
      'createdBy',
      'createdByType',
      'lastModifiedAt',
      'lastModifiedBy',
      'lastModifiedByType',
    ])
  })

  it('are guarded by etags', async () => {
    const first = await put('/environments/e/versions/1', { image: 'a' }, { 'if-none-match': '*' })
    const etag = String(first.headers.etag)
    const tagged = { image: 'a', tags: { a: '1' } }
    const again = await put('/environments/e/versions/1', tagged, { 'if-none-match': '*' })
    expect(again).toMatchObject({ status: 412, body: { error: { code: 'PreconditionFailed' } } })
    expect((await put('/environments/e/versions/1', tagged, { 'if-match': etag })).status).toBe(200)
    expect((await put('/environments/e/versions/1', tagged, { 'if-match': etag })).status).toBe(412)
  })

  it('of unknown types and providers are stored as well', async () => {
    const path = `${group}/providers/Microsoft.Future/things/t/parts/p`
    const parent = await region.call('PUT', path, { body: {} })
    expect(parent).toMatchObject({
      status: 404,
      body: { error: { code: 'ParentResourceNotFound' } },
    })
    const thing = `${group}/providers/Microsoft.Future/things/t`
    await region.call('PUT', thing, { body: { properties: {} } })
    const part = await region.call('PUT', path, { body: { properties: { a: 1 } } })
    expect(part).toMatchObject({ status: 201, body: { type: 'Microsoft.Future/things/parts' } })
    const role = `${workspace}/providers/Microsoft.Authorization/roleAssignments`
    await region.call('PUT', `${role}/1`, {
      body: { properties: { principalId: 'p', roleDefinitionId: 'r' } },
    })
    expect((await region.call('GET', role)).body).toMatchObject({ value: [{ name: '1' }] })
  })

  it('are deleted with everything below them', async () => {
    await put('/components/c/versions/1', { componentSpec: {} })
    expect((await region.call('DELETE', `${workspace}/components/c`)).status).toBe(200)
    expect(await get('/components/c/versions/1')).toMatchObject({
      status: 404,
      body: { error: { code: 'ResourceNotFound' } },
    })
    expect((await region.call('DELETE', `${workspace}/components/c`)).status).toBe(204)
  })
})

describe('asset versions', () => {
  it('create their container and count on from the highest number', async () => {
    for (const version of ['2', '10', 'beta'])
      await put(`/data/d/versions/${version}`, { dataUri: 'x', dataType: 'uri_file' })
    const { body } = await get('/data/d')
    expect(properties(body)).toMatchObject({
      dataType: 'uri_file',
      latestVersion: 'beta',
      nextVersion: '11',
    })
    const latest = await get('/data/d/versions?$orderBy=createdtime desc&$top=1')
    expect((latest.body as Listed).value.map((one) => one.name)).toEqual(['beta'])
    expect(latest.body).not.toHaveProperty('nextLink')
  })

  it.each([
    ['models/im/versions/1', { modelUri: 'azureml://a' }, { modelUri: 'azureml://b' }],
    ['data/im/versions/1', { dataUri: 'a', dataType: 'uri_file' }, { dataUri: 'b' }],
    ['codes/im/versions/1', { codeUri: 'https://a' }, { codeUri: 'https://b' }],
    ['environments/im/versions/1', { image: 'a' }, { condaFile: 'x' }],
    ['components/im/versions/1', { componentSpec: { a: 1 } }, { componentSpec: { a: 2 } }],
  ])('%s keeps its payload', async (path, first, second) => {
    await put(`/${path}`, first)
    const refused = await put(`/${path}`, { ...first, ...second })
    expect(refused).toMatchObject({ status: 400, body: { error: { code: 'UserError' } } })
    const changed = await put(`/${path}`, { description: 'd', tags: { t: '1' }, isArchived: true })
    expect(changed.status).toBe(200)
    expect(properties((await get(`/${path}`)).body)).toMatchObject({
      ...first,
      description: 'd',
      tags: { t: '1' },
      isArchived: true,
    })
  })

  it('that are archived show in the views that ask for them', async () => {
    await put('/models/view/versions/1', { modelUri: 'a' })
    await put('/models/view/versions/2', { modelUri: 'a', isArchived: true })
    const list = (view: string) => names(`/models/view/versions?listViewType=${view}`)
    expect(await names('/models/view/versions')).toEqual(['1'])
    expect(await list('ArchivedOnly')).toEqual(['2'])
    expect(await list('All')).toEqual(['1', '2'])
    expect((await get('/models/view/versions?listViewType=Some')).status).toBe(400)
    // Code has no archive view: Azure always lists all of it.
    await put('/codes/view/versions/1', { codeUri: 'a', isArchived: true })
    expect(await names('/codes/view/versions')).toEqual(['1'])
  })

  it('of code are found by the hash of their content', async () => {
    for (const [version, hash] of [
      ['1', 'aa'],
      ['2', 'bb'],
    ])
      await put(`/codes/h/versions/${version}`, {
        codeUri: 'u',
        properties: { hash_sha256: hash, hash_version: '1' },
      })
    expect(await names('/codes/h/versions?hash=bb&hashVersion=1')).toEqual(['2'])
    expect(await names('/codes/h/versions?hash=bb&hashVersion=2')).toEqual([])
  })

  it('get a container of their own to upload into', async () => {
    const upload = async (version: string) => {
      const path = `${workspace}/codes/up/versions/${version}/startPendingUpload`
      const body = { pendingUploadType: 'TemporaryBlobReference' }
      const answer = await region.call('POST', path, { body })
      return (answer.body as { blobReferenceForConsumption: Record<string, unknown> })
        .blobReferenceForConsumption
    }
    const [first, second] = [await upload('1'), await upload('2')]
    expect(first.blobUri).not.toBe(second.blobUri)
    expect(String(first.blobUri)).toContain(region.region.storageOrigin)
    expect(first.credential).toEqual({
      credentialType: 'SAS',
      sasUri: expect.stringMatching(/\?.*sig=/),
    })
  })
})

describe('lists', () => {
  it('page by 30 datastores, follow nextLink, and honour count', async () => {
    const credentials = { credentialsType: 'AccountKey', secrets: { key: 'top-secret' } }
    const datastore = { datastoreType: 'AzureBlob', accountName: 'a', containerName: 'c' }
    for (let i = 0; i < 30; i++) await put(`/datastores/d${i}`, { ...datastore, credentials })
    const seen: string[] = []
    let path: string | undefined = `${workspace}/datastores?api-version=1`
    const sizes: number[] = []
    while (path !== undefined) {
      const { body } = await region.call('GET', path)
      expect(JSON.stringify(body)).not.toContain('top-secret')
      const page = body as Listed
      sizes.push(page.value.length)
      seen.push(...page.value.map((one) => one.name))
      path = page.nextLink
    }
    expect(sizes).toEqual([30, 4])
    expect(new Set(seen).size).toBe(34)
    expect(await names('/datastores?count=3')).toHaveLength(3)
    expect(await names('/datastores?names=d3,D7')).toEqual(['d3', 'd7'])
    expect((await get('/datastores?$skip=nonsense')).status).toBe(400)
    const { body } = await region.call('POST', `${workspace}/datastores/d1/listSecrets`)
    expect(body).toEqual({ secretsType: 'AccountKey', key: 'top-secret' })
  })

  it('of connections hide credentials', async () => {
    await put('/connections/c', {
      category: 'ApiKey',
      target: 'https://t',
      authType: 'ApiKey',
      credentials: { key: 'top-secret' },
    })
    const { body } = await get('/connections')
    expect(JSON.stringify(body)).not.toContain('top-secret')
    const secrets = await region.call('POST', `${workspace}/connections/c/listsecrets`)
    expect(properties(secrets.body).credentials).toEqual({ key: 'top-secret' })
    await put('/connections/c', { category: 'ApiKey', target: 'https://t2', authType: 'ApiKey' })
    const kept = await region.call('POST', `${workspace}/connections/c/listsecrets`)
    expect(properties(kept.body).credentials).toEqual({ key: 'top-secret' })
  })

  it('of a missing workspace are not found', async () => {
    expect((await region.call('GET', `${workspace}2/models`)).status).toBe(404)
  })

  it('name every public location with its pair and zones', async () => {
    const { body } = await region.call('GET', '/subscriptions/s/locations')
    const { value } = body as { value: { name: string }[] }
    expect(value.find((one) => one.name === 'eastus')).toMatchObject({
      metadata: { pairedRegion: [{ name: 'westus' }] },
      availabilityZoneMappings: [{ logicalZone: '1' }, { logicalZone: '2' }, { logicalZone: '3' }],
    })
  })
})

describe('what is wrong with a request', () => {
  it.each([
    ['{"properties":', 400, 'InvalidRequestContent'],
    ['[]', 400, 'InvalidRequestContent'],
    [`{"a":"${'x'.repeat(5 * 1024 * 1024)}"}`, 413, 'RequestContentTooLarge'],
  ])('is said in the shape of Azure (%#)', async (body, status, code) => {
    const answer = await region.call('PUT', `${workspace}/models/bad`, { body })
    expect(answer).toMatchObject({ status, body: { error: { code } } })
  })

  it.each(['..%2f..%2fetc', '%2e%2e', 'a%00b', '%zz'])('refuses the name %s', async (name) => {
    const path = `${workspace}/models/${name}/versions/1`
    const answer = await region.call('PUT', path, { body: {} })
    expect(answer.status).toBe(400)
    expect(answer.body).toHaveProperty('error.code')
  })

  it('names the action that is not offered', async () => {
    const answer = await region.call('POST', `${workspace}/prepareNotebook`)
    expect(answer).toMatchObject({ status: 501, body: { error: { code: 'NotImplemented' } } })
  })
})
