import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createDefaultHttpClient,
  createHttpHeaders,
  createPipelineFromOptions,
  createPipelineRequest,
} from '@azure/core-rest-pipeline'
import { ClientSecretCredential } from '@azure/identity'
import { SecretClient } from '@azure/keyvault-secrets'
import { BlobServiceClient, newPipeline, StorageSharedKeyCredential } from '@azure/storage-blob'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Answer, settled, startTestRegion, type TestRegion } from '../testing/test-region.ts'

/** Each trouble as a client of the region meets it. */
let region: TestRegion
const workspace =
  '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w'
const account = '/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/acct'
const vault = '/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv1'
const large = 'x'.repeat(300_000)

beforeAll(async () => {
  region = await startTestRegion()
  await region.call('PUT', account, { body: {} })
  await region.call('PUT', vault, { body: { location: 'eastus' } })
  await settled(region.call, await region.call('PUT', workspace, { body: {} }))
})
afterAll(() => region.stop())
afterEach(() => lift())

const admin = (method: string, path = '', body?: object) =>
  region.call(method, `/_region/faults${path}`, {
    headers: { authorization: `Bearer ${adminToken}` },
    ...(body && { body }),
  })
let adminToken = ''
beforeAll(async () => {
  adminToken = await region.token(region.region.origin)
})
const set = async (fault: object): Promise<string> => {
  const answer = await admin('POST', '', fault)
  expect(answer).toMatchObject({ status: 201 })
  return (answer.body as { id: string }).id
}
const lift = () => admin('DELETE')

async function openBlobs(): Promise<BlobServiceClient> {
  const { keys } = (await region.call('POST', `${account}/listKeys`)).body as {
    keys: Array<{ value: string }>
  }
  const credential = new StorageSharedKeyCredential('acct', keys[0]?.value ?? '')
  const pipeline = newPipeline(credential, {
    retryOptions: { maxTries: 1 },
    ...{ tlsOptions: { ca: readFileSync(region.region.caPath, 'utf8') } },
  })
  return new BlobServiceClient(`${region.region.storageOrigin}/acct`, pipeline)
}
let blobs: BlobServiceClient
beforeAll(async () => {
  blobs = await openBlobs()
})
const models = (name: string) => `${workspace}/models/${name}`
const putModel = (name: string, description = ''): Promise<Answer> =>
  region.call('PUT', models(name), { body: { properties: { description } } })

describe('a region in trouble', () => {
  it('that is unavailable says when to come back, per service', async () => {
    await set({ kind: 'unavailable', retryAfterSeconds: 9 })
    const arm = await region.call('GET', workspace)
    expect(arm).toMatchObject({ status: 503, body: { error: { code: 'ServiceUnavailable' } } })
    expect(arm.headers['retry-after']).toBe('9')
    await expect(blobs.getContainerClient('c').create()).rejects.toMatchObject({
      statusCode: 503,
      code: 'ServerBusy',
    })
  })

  it('that throttles is come back to by the official client, after the time it was told', async () => {
    const pipeline = createPipelineFromOptions({
      retryOptions: { maxRetries: 3 },
      tlsOptions: { ca: readFileSync(region.region.caPath, 'utf8') },
    })
    const request = createPipelineRequest({
      url: `${region.region.origin}${models('retried')}`,
      headers: createHttpHeaders({
        authorization: `Bearer ${await region.token('https://management.azure.com')}`,
      }),
    })
    const scope = { path: '/models/retried' }
    await set({ kind: 'throttle', retryAfterSeconds: 1, scope, durationMs: 500 })
    const begin = performance.now()
    const answer = await pipeline.sendRequest(createDefaultHttpClient(), request)
    expect(answer.status).toBe(404)
    expect(performance.now() - begin).toBeGreaterThanOrEqual(990)
  })

  it('that is half-open neither answers nor acts, also after the fault', async () => {
    await set({ kind: 'halfOpen', scope: { path: '/models/swallowed' } })
    let outcome = 'open'
    const swallowed = putModel('swallowed').then(
      () => (outcome = 'answered'),
      () => (outcome = 'cut'),
    )
    await region.call('GET', workspace)
    await lift()
    await region.call('GET', workspace)
    expect(outcome).toBe('open')
    expect((await region.call('GET', models('swallowed'))).status).toBe(404)
    await set({ kind: 'down', scope: { path: '/models/swallowed' } })
    await swallowed
    expect(outcome).toBe('cut')
  })

  it('that truncates has acted, and its answer cannot be taken for whole', async () => {
    await set({ kind: 'truncate', scope: { path: '/models/cut' } })
    await expect(putModel('cut', large)).rejects.toThrow()
    await lift()
    expect((await region.call('GET', models('cut'))).body).toMatchObject({
      properties: { description: large },
    })
  })

  it('that truncates a download is noticed by the official client', async () => {
    const container = blobs.getContainerClient('truncated')
    await container.create()
    const blob = container.getBlockBlobClient('b')
    await blob.upload(large, large.length)
    await set({ kind: 'truncate', scope: { service: 'blob' } })
    await expect(
      blob.downloadToBuffer(0, undefined, { maxRetryRequestsPerBlock: 0 }),
    ).rejects.toThrow()
    await lift()
    expect((await blob.downloadToBuffer()).toString()).toBe(large)
  })

  it('takes minutes for long-running operations, until the fault ends', async () => {
    await set({ kind: 'slowOperations', operationMs: 300_000 })
    const path = `${workspace}-slow`
    const started = await region.call('PUT', path, { body: {} })
    expect(started.status).toBe(202)
    const poll = String(started.headers.location)
    for (let i = 0; i < 5; i++) expect((await region.call('GET', poll)).status).toBe(202)
    await lift()
    const { body } = await settled(region.call, started)
    expect(body).toMatchObject({ properties: { provisioningState: 'Succeeded' } })
  })

  it('whose clock is wrong finds good tokens expired, and dates what it writes wrongly', async () => {
    await set({ kind: 'clockSkew', skewSeconds: -200 })
    await putModel('early')
    await lift()
    const { systemData } = (await region.call('GET', models('early'))).body as {
      systemData: { createdAt: string }
    }
    const behindMs = Date.now() - new Date(systemData.createdAt).getTime()
    expect(behindMs).toBeGreaterThanOrEqual(200_000)
    await set({ kind: 'clockSkew', skewSeconds: 2 * 3600 })
    expect(await region.call('GET', workspace)).toMatchObject({
      status: 401,
      body: { error: { code: 'ExpiredAuthenticationToken' } },
    })
    await expect(blobs.getContainerClient('x').create()).rejects.toMatchObject({
      code: 'AuthenticationFailed',
    })
  })

  it('whose vault is read-only gives secrets and takes none', async () => {
    const client = await secretClient()
    await client.setSecret('kept', 'value')
    await set({ kind: 'readOnly', scope: { service: 'vault' } })
    await expect(client.setSecret('kept', 'other')).rejects.toMatchObject({
      statusCode: 403,
      code: 'Forbidden',
    })
    await expect(client.beginDeleteSecret('kept')).rejects.toMatchObject({ statusCode: 403 })
    expect((await client.getSecret('kept')).value).toBe('value')
    expect((await putModel('elsewhere')).status).toBe(201)
  })

  it('whose disk is full keeps what it has and stores nothing half', async () => {
    const container = blobs.getContainerClient('full')
    await container.create()
    await putModel('before', 'before')
    const id = await set({ kind: 'fullDisk' })
    expect(await putModel('before', large)).toMatchObject({
      status: 507,
      body: { error: { code: 'InsufficientStorage' } },
    })
    await expect(
      container.getBlockBlobClient('b').upload(large, large.length),
    ).rejects.toMatchObject({ statusCode: 507 })
    expect((await region.call('GET', models('before'))).body).toMatchObject({
      properties: { description: 'before' },
    })
    await admin('DELETE', `/${id}`)
    expect((await putModel('before', large)).status).toBe(200)
    await container.getBlockBlobClient('b').upload(large, large.length)
  })

  it('is still in it after it was stopped and started', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-faults-'))
    const before = await startTestRegion({ dataDir })
    const token = await before.token(before.region.origin)
    await before.call('POST', '/_region/faults', { token, body: { kind: 'fullDisk' } })
    await before.stop()
    const after = await startTestRegion({ dataDir })
    const refused = await after.call('PUT', account, { body: { tags: { large } } })
    expect(refused.status).toBe(507)
    await after.stop()
    rmSync(dataDir, { recursive: true, force: true })
  })
})

async function secretClient(): Promise<SecretClient> {
  const { properties } = (await region.call('GET', vault)).body as {
    properties: { vaultUri: string }
  }
  const cloud = JSON.parse(readFileSync(region.region.cloudFile, 'utf8')) as Record<string, string>
  const tlsOptions = { ca: readFileSync(region.region.caPath, 'utf8') }
  const secret = readFileSync(`${region.dataDir}/${cloud.clientSecretFile}`, 'utf8')
  const credential = new ClientSecretCredential(
    cloud.tenantId ?? '',
    cloud.clientId ?? '',
    secret,
    {
      authorityHost: cloud.authority ?? '',
      disableInstanceDiscovery: true,
      tlsOptions,
    },
  )
  return new SecretClient(properties.vaultUri, credential, {
    disableChallengeResourceVerification: true,
    tlsOptions,
    retryOptions: { maxRetries: 0 },
  })
}
