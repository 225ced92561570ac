import { readFileSync } from 'node:fs'
import { ClientSecretCredential } from '@azure/identity'
import { SecretClient } from '@azure/keyvault-secrets'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestRegion, type TestRegion } from '../testing/test-region.ts'

let region: TestRegion
let client: SecretClient

beforeAll(async () => {
  region = await startTestRegion()
  const id = '/subscriptions/s/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/Kv1'
  const vault = await region.call('PUT', id, { body: { location: 'eastus' } })
  const { vaultUri } = (vault.body as { properties: { vaultUri: string } }).properties
  const cloud = JSON.parse(readFileSync(region.region.cloudFile, 'utf8')) as Record<string, string>
  const secret = readFileSync(`${region.dataDir}/${cloud.clientSecretFile}`, 'utf8')
  const tlsOptions = { ca: readFileSync(region.region.caPath, 'utf8') }
  const credential = new ClientSecretCredential(
    cloud.tenantId ?? '',
    cloud.clientId ?? '',
    secret,
    { authorityHost: cloud.authority ?? '', disableInstanceDiscovery: true, tlsOptions },
  )
  client = new SecretClient(vaultUri, credential, {
    disableChallengeResourceVerification: true,
    tlsOptions,
    retryOptions: { maxRetries: 0 },
  })
})
afterAll(() => region.stop())

describe('a vault, through the official client', () => {
  it('asks for sign-in, then keeps every version of a secret', async () => {
    const first = await client.setSecret('db-password', 'one', { tags: { a: 'b' } })
    const second = await client.setSecret('db-password', 'two', { contentType: 'text/plain' })
    expect(first.properties.version).not.toBe(second.properties.version)
    expect((await client.getSecret('db-password')).value).toBe('two')
    const version = first.properties.version ?? ''
    const old = await client.getSecret('db-password', { version })
    expect(old).toMatchObject({ value: 'one', name: 'db-password' })
    expect(old.properties.tags).toEqual({ a: 'b' })
    await client.updateSecretProperties('db-password', version, { tags: { a: 'c' } })
    expect((await client.getSecret('db-password', { version })).properties.tags).toEqual({ a: 'c' })
    const versions: unknown[] = []
    for await (const one of client.listPropertiesOfSecretVersions('db-password'))
      versions.push(one.version)
    expect(new Set(versions)).toEqual(new Set([version, second.properties.version]))
  })

  it('lists secrets page by page, without values', async () => {
    const wanted = Array.from({ length: 30 }, (_, i) => `many-${String(i).padStart(2, '0')}`)
    for (const name of wanted) await client.setSecret(name, 'v')
    const seen: string[] = []
    for await (const one of client.listPropertiesOfSecrets()) seen.push(one.name)
    expect(seen.filter((name) => name.startsWith('many-'))).toEqual(wanted)
  })

  it('deletes, recovers and purges', async () => {
    await client.setSecret('gone', 'v')
    await (await client.beginDeleteSecret('gone', { intervalInMs: 10 })).pollUntilDone()
    await expect(client.getSecret('gone')).rejects.toMatchObject({
      statusCode: 404,
      code: 'SecretNotFound',
    })
    const listed: string[] = []
    for await (const one of client.listPropertiesOfSecrets()) listed.push(one.name)
    expect(listed).not.toContain('gone')
    await expect(client.setSecret('gone', 'v2')).rejects.toMatchObject({ statusCode: 409 })
    await (await client.beginRecoverDeletedSecret('gone', { intervalInMs: 10 })).pollUntilDone()
    expect((await client.getSecret('gone')).value).toBe('v')
    await (await client.beginDeleteSecret('gone', { intervalInMs: 10 })).pollUntilDone()
    await client.purgeDeletedSecret('gone')
    expect((await client.setSecret('gone', 'v3')).value).toBe('v3')
  })

  it('answers at its own host name too', async () => {
    const { port } = new URL(region.region.origin)
    const headers = { host: `kv1.vault.localhost:${port}` }
    const challenged = await region.call('GET', '/secrets/host/?api%2Dversion=7.5', {
      token: null,
      headers,
    })
    expect(challenged.status).toBe(401)
    expect(challenged.headers['www-authenticate']).toContain(
      `resource="https://vault.localhost:${port}"`,
    )
    await client.setSecret('host', 'h')
    const token = await region.token(`https://vault.localhost:${port}`)
    const { body } = await region.call('GET', '/secrets/host/', { token, headers })
    expect(body).toMatchObject({
      value: 'h',
      id: expect.stringMatching(`^https://kv1.vault.localhost:${port}/secrets/host/[0-9a-f]{32}$`),
    })
  })

  it('does not serve a vault that does not exist', async () => {
    const token = await region.token('https://vault.azure.net')
    const answer = await region.call('GET', '/vault/nope/secrets/a', { token })
    expect(answer).toMatchObject({ status: 404, body: { error: { code: 'VaultNotFound' } } })
  })
})
