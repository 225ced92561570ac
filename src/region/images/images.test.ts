import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digestOf, imageClient, makeRegistry, mediaTypes } from '../testing/image-client.ts'
import { startTestRegion, type TestRegion } from '../testing/test-region.ts'

const group = '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg'

describe('container registries', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-images-'))
  let region: TestRegion
  let client: ReturnType<typeof imageClient>
  let id: string
  beforeAll(async () => {
    region = await startTestRegion({ dataDir })
    const body = { location: 'eastus' }
    await region.call('PUT', `${group}?api-version=2022-09-01`, { body })
    id = await makeRegistry(region, group, 'acrEast', { adminUserEnabled: true })
    client = imageClient(region, 'acreast')
  })
  afterAll(async () => {
    await region.stop()
    rmSync(dataDir, { recursive: true, force: true })
  })

  it('have an address that their resource names', async () => {
    const { body } = await region.call('GET', `${id}?api-version=2023-07-01`)
    expect(body).toMatchObject({ properties: { loginServer: client.server } })
  })

  it('challenge whoever has no token, and say where one is to be had', async () => {
    const { status, headers, body } = await client.ask('GET', 'a/b', 'manifests/v1', {
      token: null,
    })
    expect(status).toBe(401)
    expect(headers['www-authenticate']).toBe(
      `Bearer realm="https://${client.server}/oauth2/token",service="${client.server}",scope="repository:a/b:pull"`,
    )
    expect(body).toMatchObject({ errors: [{ code: 'UNAUTHORIZED' }] })
  })

  it('let nobody do more than his token says, or elsewhere', async () => {
    const begin = (token: string) => client.ask('POST', 'a/b', 'blobs/uploads/', { token })
    expect((await begin(await client.signIn('repository:a/b:pull'))).status).toBe(401)
    expect((await begin(await client.signIn('repository:a/c:pull,push'))).status).toBe(401)
    expect((await begin(await client.signIn('repository:a/b:pull,push'))).status).toBe(202)
    await makeRegistry(region, group, 'acrOther')
    const elsewhere = await imageClient(region, 'acrother').signIn('repository:a/b:pull,push')
    expect((await begin(elsewhere)).status).toBe(401)
    const management = await region.token('https://management.azure.com')
    expect((await begin(management)).status).toBe(401)
  })

  it('give an image back as it was pushed, by tag and by digest', async () => {
    const image = await client.pushImage('azureml/env', ['first layer', 'second layer'], 'v1')
    const index = await client.pushManifest(
      'azureml/env',
      { manifests: [image] },
      'all',
      mediaTypes.index,
    )
    for (const reference of ['all', index.digest]) {
      const found = await client.ask('GET', 'azureml/env', `manifests/${reference}`)
      expect(found.headers).toMatchObject({
        ...{ 'content-type': mediaTypes.index, 'docker-content-digest': index.digest },
      })
      expect(found.body).toMatchObject({ manifests: [image] })
      const head = await client.ask('HEAD', 'azureml/env', `manifests/${reference}`)
      expect(head.headers).toMatchObject({ 'docker-content-digest': index.digest })
    }
    const layer = `blobs/${digestOf('second layer')}`
    expect((await client.ask('GET', 'azureml/env', layer)).body).toBe('second layer')
    const part = await client.ask('GET', 'azureml/env', layer, { range: 'bytes=7-' })
    expect(part).toMatchObject({ status: 206, body: 'layer' })
    // Another repository does not show it, until it is mounted there.
    expect((await client.ask('HEAD', 'other', layer)).status).toBe(404)
    const from = `blobs/uploads/?mount=${digestOf('second layer')}&from=azureml/env`
    expect((await client.ask('POST', 'other', from)).status).toBe(201)
    expect((await client.ask('GET', 'other', layer)).body).toBe('second layer')
  })

  it('refuse bytes of another digest, and a manifest of which a part is missing', async () => {
    const begun = await client.ask('POST', 'half', 'blobs/uploads/')
    const upload = String(begun.headers.location).slice('/v2/half/'.length)
    const wrong = `${upload}?digest=${digestOf('something else')}`
    const refused = await client.ask('PUT', 'half', wrong, { body: 'bytes' })
    expect(refused).toMatchObject({ status: 400, body: { errors: [{ code: 'DIGEST_INVALID' }] } })
    const layer = { mediaType: mediaTypes.layer, digest: digestOf('gone'), size: 4 }
    const manifest = (reference: string, document: object) =>
      client.ask('PUT', 'half', `manifests/${reference}`, {
        ...{ body: JSON.stringify(document), type: mediaTypes.manifest },
      })
    expect(await manifest('v1', { layers: [layer] })).toMatchObject({
      ...{ status: 404, body: { errors: [{ code: 'MANIFEST_BLOB_UNKNOWN' }] } },
    })
    expect((await manifest(digestOf('another'), {})).status).toBe(400)
    expect((await client.ask('GET', 'half', 'manifests/v1')).status).toBe(404)
  })

  it('list repositories and tags page by page', async () => {
    for (const tag of ['t1', 't2', 't3']) await client.pushImage('paged', ['layer'], tag)
    const first = await client.ask('GET', 'paged', 'tags/list?n=2')
    expect(first.body).toEqual({ name: 'paged', tags: ['t1', 't2'] })
    expect(first.headers.link).toBe('</v2/paged/tags/list?last=t2&n=2>; rel="next"')
    const last = await client.ask('GET', 'paged', 'tags/list?last=t2&n=2')
    expect(last.body).toEqual({ name: 'paged', tags: ['t3'] })
    expect(last.headers.link).toBeUndefined()
    const token = await client.signIn('registry:catalog:*')
    const { body } = await region.call('GET', '/v2/_catalog', {
      ...{ token, headers: { host: client.server } },
    })
    expect(body).toEqual({ repositories: expect.arrayContaining(['azureml/env', 'paged']) })
  })

  it('keep everything over a restart, and nothing when the registry is deleted', async () => {
    const { digest } = await client.pushImage('kept', ['kept layer'], 'v1')
    await region.stop()
    region = await startTestRegion({ dataDir })
    client = imageClient(region, 'acreast')
    const found = await client.ask('GET', 'kept', 'manifests/v1')
    expect(found.headers['docker-content-digest']).toBe(digest)
    const layer = `blobs/${digestOf('kept layer')}`
    expect((await client.ask('GET', 'kept', layer)).body).toBe('kept layer')
    await region.call('DELETE', `${id}?api-version=2023-07-01`)
    await makeRegistry(region, group, 'acrEast')
    expect((await client.ask('GET', 'kept', 'manifests/v1')).status).toBe(404)
    expect((await client.ask('HEAD', 'kept', layer)).status).toBe(404)
  })
})
