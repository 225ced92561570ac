import { readFileSync } from 'node:fs'
import { AnonymousCredential, ContainerClient } from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { settled, startTestRegion, type TestRegion } from '../../testing/test-region.ts'

const workspace =
  '/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/w'
let region: TestRegion
beforeAll(async () => {
  region = await startTestRegion()
  const body = { location: 'eastus', properties: {} }
  await settled(region.call, await region.call('PUT', workspace, { body }))
})
afterAll(() => region.stop())

interface Upload {
  pendingUploadId: string
  pendingUploadType: string
  blobReferenceForConsumption: {
    blobUri: string
    storageAccountArmId: string
    credential: { credentialType: string; sasUri: string }
  }
}
const start = (path: string, body?: object) =>
  region.call('POST', `${workspace}/${path}/startPendingUpload`, { body })
const containerOf = (sasUri: string) => {
  const tlsOptions = { ca: readFileSync(region.region.caPath, 'utf8') }
  const options = { tlsOptions, retryOptions: { maxTries: 1 } }
  return new ContainerClient(sasUri, new AnonymousCredential(), options)
}

const kinds: ReadonlyArray<readonly [string, (blobUri: string) => object]> = [
  ['codes', (codeUri) => ({ codeUri })],
  ['data', (dataUri) => ({ dataType: 'uri_folder', dataUri })],
  ['models', (modelUri) => ({ modelType: 'custom_model', modelUri })],
]

describe('a pending upload', () => {
  it.each(kinds)('of %s takes content before the version exists', async (kind, properties) => {
    const path = `${kind}/up/versions/1`
    const body = { pendingUploadType: 'TemporaryBlobReference', pendingUploadId: 'mine' }
    const { status, body: answer } = await start(path, body)
    expect(status).toBe(200)
    const { pendingUploadId, blobReferenceForConsumption: place } = answer as Upload
    expect(pendingUploadId).toBe('mine')
    expect(place.storageAccountArmId).toMatch(/\/storageAccounts\//)
    const container = containerOf(place.credential.sasUri)
    await container.getBlockBlobClient('src/main.py').upload('print(1)', 8)
    const names: string[] = []
    for await (const blob of container.listBlobsFlat()) names.push(blob.name)
    expect(names).toEqual(['src/main.py'])
    const version = { properties: properties(`${place.blobUri}/src`) }
    const made = await region.call('PUT', `${workspace}/${path}`, { body: version })
    expect(made).toMatchObject({
      status: 201,
      body: { properties: properties(`${place.blobUri}/src`) },
    })
  })

  it('has a place of its own, and no right to more', async () => {
    const places: Upload['blobReferenceForConsumption'][] = []
    for (const kind of ['codes', 'codes', 'models'])
      places.push(
        ((await start(`${kind}/own/versions/1`, {})).body as Upload).blobReferenceForConsumption,
      )
    expect(new Set(places.map((one) => one.blobUri)).size).toBe(3)
    const [first, second] = places
    const [, query] = first?.credential.sasUri.split('?') ?? []
    const elsewhere = containerOf(`${second?.blobUri}?${query}`)
    const write = elsewhere.getBlockBlobClient('x').upload('x', 1)
    await expect(write).rejects.toMatchObject({ statusCode: 403 })
    const removal = containerOf(first?.credential.sasUri ?? '').delete()
    await expect(removal).rejects.toMatchObject({ statusCode: 403 })
  })

  it('of another type is refused, and environments have none', async () => {
    expect(
      await start('codes/up/versions/2', { pendingUploadType: 'Carrier pigeon' }),
    ).toMatchObject({ status: 400, body: { error: { code: 'ValidationError' } } })
    expect((await start('environments/up/versions/1', {})).status).toBeGreaterThanOrEqual(400)
  })
})
