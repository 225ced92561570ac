import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type JobWorkspace, jobWorkspace, ref } from '../testing/job-client.ts'
import { settled, startTestRegion, type TestRegion } from '../testing/test-region.ts'

const registry =
  '/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/registries/shared'
let region: TestRegion
let jobs: JobWorkspace

beforeAll(async () => {
  region = await startTestRegion()
  jobs = await jobWorkspace(region)
})
afterAll(() => region.stop())

const put = async (path: string, body: object) => region.call('PUT', path, { body })
const done = async (path: string, body: object) => settled(region.call, await put(path, body))
const properties = async (path: string) =>
  ((await region.call('GET', path)).body as { properties: Record<string, unknown> }).properties
const regions = async () => {
  const { regionDetails } = await properties(registry)
  return (regionDetails as { location: string }[]).map((one) => one.location)
}

describe('a registry', () => {
  it('is in several regions, each with stores of its own', async () => {
    const regionDetails = [{ location: 'East US' }, { location: 'westus' }]
    const started = await put(registry, { location: 'eastus', properties: { regionDetails } })
    expect(started.status).toBe(201)
    expect(started.headers).toHaveProperty('azure-asyncoperation')
    expect(started.headers).toHaveProperty('location')
    await settled(region.call, started)
    expect(await regions()).toEqual(['eastus', 'westus'])
    const { regionDetails: shown } = await properties(registry)
    const accounts = (
      shown as {
        storageAccountDetails: {
          systemCreatedStorageAccount: { armResourceId: { resourceId: string } }
        }[]
      }[]
    ).map(
      (one) => one.storageAccountDetails[0]?.systemCreatedStorageAccount.armResourceId.resourceId,
    )
    expect(new Set(accounts).size).toBe(2)
    const locations = await Promise.all(
      accounts.map(async (id) => (await region.call('GET', id ?? '')).body),
    )
    expect(locations).toMatchObject([{ location: 'eastus' }, { location: 'westus' }])
  })

  it('gains regions, and loses all but its home', async () => {
    await done(registry, {
      location: 'eastus',
      properties: { regionDetails: [{ location: 'northeurope' }] },
    })
    expect(await regions()).toEqual(['eastus', 'westus', 'northeurope'])
    const remove = (location: string) =>
      region.call('POST', `${registry}/removeRegions`, {
        body: { properties: { regionDetails: [{ location }] } },
      })
    await settled(region.call, await remove('westus'))
    expect(await regions()).toEqual(['eastus', 'northeurope'])
    expect((await remove('eastus')).status).toBe(400)
  })

  it('has a name that nobody else takes, by which it is found', async () => {
    const other = registry.replace('/rg/', '/rg2/').replace('shared', 'Shared')
    expect((await put(other, { location: 'eastus' })).status).toBe(409)
    const found = await region.call('GET', '/registrymanagement/v1.0/registries/shared/discovery')
    expect(found.body).toMatchObject({
      registryName: 'shared',
      subscriptionId: 's',
      resourceGroup: 'rg',
      primaryRegion: 'eastus',
      primaryRegionResourceProviderUri: `${region.region.origin}/`,
    })
  })

  it('holds assets as a workspace does, written as long-running operations', async () => {
    const version = `${registry}/models/m/versions/1`
    const started = await put(version, { properties: { modelUri: 'azureml://a' } })
    expect(started.status).toBe(201)
    expect(started.headers).toHaveProperty('azure-asyncoperation')
    await settled(region.call, started)
    expect(await properties(`${registry}/models/m`)).toMatchObject({ latestVersion: '1' })
    const changed = await put(version, { properties: { modelUri: 'azureml://b' } })
    expect(changed).toMatchObject({ status: 400, body: { error: { code: 'UserError' } } })
    const gone = await region.call('DELETE', version)
    expect(gone.status).toBe(202)
    await settled(region.call, gone)
    expect((await region.call('GET', version)).status).toBe(404)
  })

  it('serves jobs of every workspace, by version and by label', async () => {
    const upload = `${registry}/data/words/versions/1/startPendingUpload`
    const { body } = await region.call('POST', upload, { body: {} })
    const { blobReferenceForConsumption: place } = body as {
      blobReferenceForConsumption: { blobUri: string; credential: { sasUri: string } }
    }
    const blob = `${place.blobUri}/w.txt?${place.credential.sasUri.split('?')[1]}`
    const headers = { 'x-ms-blob-type': 'BlockBlob' }
    expect((await region.call('PUT', blob, { token: null, body: 'word', headers })).status).toBe(
      201,
    )
    const dataUri = `${place.blobUri}/w.txt`
    await done(`${registry}/data/words/versions/1`, {
      properties: { dataUri, dataType: 'uri_file' },
    })
    for (const [name, tail] of [
      ['by-version', 'versions/1'],
      ['by-label', 'labels/latest'],
    ]) {
      const uri = `azureml://registries/shared/data/words/${tail}`
      await jobs.put(`/jobs/${name}`, {
        jobType: 'Command',
        command: `cat ${ref('inputs.words')}`,
        inputs: { words: { jobInputType: 'uri_file', uri } },
      })
      expect(await jobs.ended(String(name))).toBe('Completed')
      expect(await jobs.artifact(String(name), 'user_logs/std_log.txt')).toBe('word')
    }
  })
})

describe('the front end of a registry', () => {
  it("imports a version by its asset id and tells where its bytes are, and nobody else's", async () => {
    const id = await jobs.upload('data', 'source', { 'a.txt': 'a' })
    const [, workspaceId = '', rest] = /^(.*\/workspaces\/[^/]+)\/(.*)$/.exec(id) ?? []
    const { workspaceId: guid, storageAccount } = await properties(workspaceId)
    const sourceAssetId = `azureml://locations/eastus/workspaces/${guid}/${rest}`
    const wish = { referenceType: 'Id', destinationName: 'imported', sourceAssetId }
    const imported = () => region.call('POST', `${registry}/import`, { body: { properties: wish } })
    expect((await imported()).status).toBe(200)
    expect((await imported()).status).toBe(409)
    const { name } = (await region.call('GET', id)).body as { name: string }
    const version = `${registry}/data/imported/versions/${name}`
    const frontEnd = `${version}?api-version=2021-10-01-dataplanepreview`
    expect((await region.call('GET', frontEnd)).body).toMatchObject({
      id: `azureml://registries/shared/data/imported/versions/${name}`,
    })
    const refer = (blobUri: unknown) =>
      region.call('POST', `${registry}/datarefs/imported/versions/${name}`, { body: { blobUri } })
    const { dataUri } = await properties(version)
    const { body } = await refer(dataUri)
    const { sasUri } = (body as { blobReferenceForConsumption: { credential: { sasUri: string } } })
      .blobReferenceForConsumption.credential
    // Node finds no names below localhost; clients come through the region's proxy.
    const reachable = sasUri.replace(/^https:\/\/(\w+)[^/]+/, `${region.region.storageOrigin}/$1`)
    const listed = await region.call('GET', `${reachable}&restype=container&comp=list`, {
      token: null,
    })
    expect(listed.body).toContain('a.txt')
    const account = String(storageAccount).split('/').at(-1)
    const elsewhere = `${region.region.storageOrigin}/${account}/azureml/x`
    expect((await refer(elsewhere)).status).toBe(400)
  })

  it('lists the versions of a name that is not there as none, but of no registry that is not there', async () => {
    const versions = `${registry}/models/never-there/versions`
    expect((await region.call('GET', versions)).body).toEqual({ value: [] })
    const other = versions.replace('/registries/shared/', '/registries/never-there/')
    expect((await region.call('GET', other)).status).toBe(404)
  })
})

describe('a version of a workspace', () => {
  it('is published to a registry with its bytes', async () => {
    const id = await jobs.upload('data', 'own', { 'a.txt': 'a', 'deep/b.txt': 'b' })
    const wish = { registryName: 'shared', destinationName: 'taken', destinationVersion: '7' }
    const publish = () => region.call('POST', `${id}/publish`, { body: wish })
    const started = await publish()
    expect(started.status).toBe(202)
    await settled(region.call, started)
    const published = await properties(`${registry}/data/taken/versions/7`)
    expect(published).toMatchObject({ dataType: 'uri_folder' })
    expect(published.dataUri).not.toBe((await properties(id)).dataUri)
    expect((await publish()).status).toBe(409)
    // What the registry has does not go with the workspace's copy.
    await region.call('DELETE', id)
    await jobs.put('/jobs/reads-published', {
      jobType: 'Command',
      command: `cat ${ref('inputs.it')}/deep/b.txt`,
      inputs: {
        it: {
          jobInputType: 'uri_folder',
          uri: 'azureml://registries/shared/data/taken/versions/7',
        },
      },
    })
    expect(await jobs.ended('reads-published')).toBe('Completed')
    expect(await jobs.artifact('reads-published', 'user_logs/std_log.txt')).toBe('b')
    const nowhere = { body: { registryName: 'none' } }
    const other = await jobs.upload('models', 'own', { m: '1' })
    expect((await region.call('POST', `${other}/publish`, nowhere)).status).toBe(404)
  })
})

describe('labels in a workspace', () => {
  it('mean the version that was made last', async () => {
    for (const version of ['10', '9'])
      await jobs.put(`/components/say/versions/${version}`, {
        componentSpec: { type: 'command', command: `echo ${version}` },
      })
    await jobs.put('/jobs/labelled', {
      jobType: 'Pipeline',
      jobs: { one: { type: 'command', componentId: 'azureml:say@latest' } },
    })
    expect(await jobs.ended('labelled')).toBe('Completed')
    expect(await jobs.artifact('labelled_one', 'user_logs/std_log.txt')).toBe('9\n')
  })
})
