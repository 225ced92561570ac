import { readFileSync } from 'node:fs'
import { ClientSecretCredential } from '@azure/identity'
import { SecretClient } from '@azure/keyvault-secrets'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startTestRegion, type TestRegion } from '../testing/test-region.ts'

let region: TestRegion
let client: SecretClient

let later = 0
beforeAll(async () => {
  region = await startTestRegion({ clock: () => new Date(Date.now() + later) })
  await putVault('Kv1', {})
  client = clientOf('Kv1')
})

const uris = new Map<string, string>()
async function putVault(name: string, properties: object): Promise<void> {
  const id = `/subscriptions/s/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/${name}`
  const vault = await region.call('PUT', id, { body: { location: 'eastus', properties } })
  uris.set(name, (vault.body as { properties: { vaultUri: string } }).properties.vaultUri)
}

function clientOf(vault: string): SecretClient {
  const cloud = JSON.parse(readFileSync(region.region.cloudFile, 'utf8')) as Record<string, string>
  const secret = readFileSync(`${region.dataDir}/${cloud.clientSecretFile}`, 'utf8')
  const tlsOptions = { ca: readFileSync(region.region.caPath, 'utf8') }
  const credential = new ClientSecretCredential(
    cloud.tenantId ?? '',
    cloud.clientId ?? '',
    secret,
    { authorityHost: cloud.authority ?? '', disableInstanceDiscovery: true, tlsOptions },
  )
  return new SecretClient(uris.get(vault) ?? '', credential, {
    disableChallengeResourceVerification: true,
    tlsOptions,
    retryOptions: { maxRetries: 0 },
  })
}
afterAll(() => region.stop())
afterEach(() => {
  later = 0
  region.signInAgain()
})

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

  it('changes attributes of a version, and does not give a disabled one', async () => {
    const { properties } = await client.setSecret('dated', 'v', { contentType: 'text/plain' })
    const version = properties.version ?? ''
    const notBefore = new Date(Date.UTC(2026, 0, 1))
    const expiresOn = new Date(Date.UTC(2027, 0, 1))
    await client.updateSecretProperties('dated', version, { notBefore, expiresOn })
    const changed = await client.getSecret('dated')
    expect(changed).toMatchObject({
      value: 'v',
      properties: { notBefore, expiresOn, enabled: true },
    })
    expect(changed.properties.contentType).toBe('text/plain')
    await client.updateSecretProperties('dated', version, { enabled: false })
    await expect(client.getSecret('dated')).rejects.toMatchObject({
      statusCode: 403,
      code: 'Forbidden',
    })
    const absent = client.updateSecretProperties('dated', 'f'.repeat(32), { enabled: true })
    await expect(absent).rejects.toMatchObject({ statusCode: 404 })
  })

  it('lists versions and deleted secrets page by page', async () => {
    const made: unknown[] = []
    for (let i = 0; i < 27; i++) {
      made.push((await client.setSecret('often', `v${i}`)).properties.version)
      const poller = await client.beginDeleteSecret(
        (await client.setSecret(`binned-${String(i).padStart(2, '0')}`, 'v')).name,
      )
      expect(poller.getOperationState().result?.name).toMatch(/^binned-/)
    }
    const versions: unknown[] = []
    for await (const page of client
      .listPropertiesOfSecretVersions('often')
      .byPage({ maxPageSize: 10 })) {
      expect(page.length).toBeLessThanOrEqual(10)
      versions.push(...page.map((one) => one.version))
    }
    expect(versions.toSorted()).toEqual(made.toSorted())
    const deleted: string[] = []
    for await (const one of client.listDeletedSecrets()) deleted.push(one.name)
    expect(deleted.filter((name) => name.startsWith('binned-'))).toHaveLength(27)
    expect(new Set(deleted).size).toBe(deleted.length)
  })

  it('keeps deleted secrets as its resource says, and not longer', async () => {
    await putVault('kv2', { softDeleteRetentionInDays: 7, enablePurgeProtection: true })
    const guarded = clientOf('kv2')
    await guarded.setSecret('gone', 'v')
    const poller = await guarded.beginDeleteSecret('gone', { intervalInMs: 10 })
    const { deletedOn, scheduledPurgeDate } = (await poller.pollUntilDone()).properties
    const found = await guarded.getDeletedSecret('gone')
    expect(found.properties).toMatchObject({
      recoveryLevel: 'CustomizedRecoverable',
      recoverableDays: 7,
      deletedOn,
      scheduledPurgeDate,
    })
    await expect(guarded.purgeDeletedSecret('gone')).rejects.toMatchObject({ statusCode: 403 })
    later += 8 * 86_400_000
    region.signInAgain()
    const fresh = clientOf('kv2')
    await expect(fresh.getDeletedSecret('gone')).rejects.toMatchObject({ statusCode: 404 })
    expect((await fresh.setSecret('gone', 'again')).value).toBe('again')
  })

  it('says that it does not back up, and what it does not know', async () => {
    await client.setSecret('backed', 'v')
    await expect(client.backupSecret('backed')).rejects.toMatchObject({ statusCode: 501 })
    await expect(client.restoreSecretBackup(new Uint8Array([1]))).rejects.toMatchObject({
      statusCode: 501,
    })
    for (const act of [
      () => client.getSecret('absent'),
      () => client.getSecret('backed', { version: 'f'.repeat(32) }),
      () => client.getDeletedSecret('backed'),
      () => client.purgeDeletedSecret('backed'),
      () => client.beginRecoverDeletedSecret('absent'),
    ])
      await expect(act()).rejects.toMatchObject({ statusCode: 404 })
    await expect(client.setSecret('under_score', 'v')).rejects.toMatchObject({ statusCode: 400 })
    await expect(client.setSecret('long', 'x'.repeat(25_601))).rejects.toMatchObject({
      statusCode: 400,
    })
  })

  it('refuses a token for somebody else with the challenge', async () => {
    const token = await region.token('https://storage.azure.com')
    const answer = await region.call('GET', '/vault/kv1/secrets/host', { token })
    expect(answer.status).toBe(401)
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer authorization=".*", resource=".*"$/)
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
