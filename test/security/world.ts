import { createPublicKey } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateKeyPair, importJWK, type JWK, SignJWT } from 'jose'
import Database from 'libsql'
import { settled, startTestRegion, type TestRegion } from '../../src/region/testing/test-region.ts'
import type { Forgery, World } from './attack.ts'

const group = '/subscriptions/s1/resourceGroups/rg1/providers'
const blobHeaders = { 'x-ms-version': '2025-01-05' }

export interface OpenWorld extends World {
  /** Changes when anything was committed or any file came or went. */
  fingerprint(): string
  stop(): Promise<void>
}

export async function openWorld(): Promise<OpenWorld> {
  const test = await startTestRegion()
  const workspaceId = `${group}/Microsoft.MachineLearningServices/workspaces/w1`
  const account = 'acct'
  const keys = await furnish(test, workspaceId, account)
  const db = new Database(join(test.dataDir, 'region.db'), { timeout: 5000 })
  return {
    call: test.call,
    origin: test.region.origin,
    storageOrigin: test.region.storageOrigin,
    caPath: test.region.caPath,
    ...{ workspaceId, account, keys, runId: 'r1' },
    token: test.token,
    forge: (forgery) => forge(test.dataDir, forgery),
    fingerprint() {
      const [version] = db.pragma('data_version') as [object]
      const files = readdirSync(test.dataDir, { recursive: true }).filter(
        (name) => !String(name).startsWith('region.db'),
      )
      return JSON.stringify([version, files.sort()])
    },
    async stop() {
      db.close()
      await test.stop()
    },
  }
}

/** One good request to each plane: attacks aim at what is there. */
async function furnish(
  { call, token, region }: TestRegion,
  workspaceId: string,
  account: string,
): Promise<[string, string]> {
  await call('PUT', `${group}/Microsoft.KeyVault/vaults/kv1`, { body: { location: 'eastus' } })
  const id = `${group}/Microsoft.Storage/storageAccounts/${account}`
  await call('PUT', id, { body: { location: 'eastus' } })
  const listed = (await call('POST', `${id}/listKeys`)).body as { keys: Array<{ value: string }> }
  await settled(call, await call('PUT', workspaceId, { body: { location: 'eastus' } }))
  const run = `/history/v1.0${workspaceId}/experiments/e1/runs/r1`
  await call('PATCH', run, { body: { status: 'Running' } })
  const endpoint = { location: 'eastus', properties: { authMode: 'Key' } }
  await settled(call, await call('PUT', `${workspaceId}/onlineEndpoints/e1`, { body: endpoint }))
  const storage = await token('https://storage.azure.com')
  for (const container of ['con1', 'con2'])
    await call('PUT', `${region.storageOrigin}/${account}/${container}?restype=container`, {
      token: storage,
      headers: blobHeaders,
    })
  for (const blob of ['b1', 'b2'])
    await call('PUT', `${region.storageOrigin}/${account}/con1/${blob}`, {
      token: storage,
      headers: { ...blobHeaders, 'x-ms-blob-type': 'BlockBlob', 'content-type': 'text/plain' },
      body: 'content',
    })
  const vault = await token('https://vault.azure.net')
  await call('PUT', '/vault/kv1/secrets/s1', { token: vault, body: { value: 'v' } })
  return listed.keys.map(({ value }) => value) as [string, string]
}

/** Signed with the region's own key where only time or audience is wrong. */
async function forge(dataDir: string, forgery: Forgery): Promise<string> {
  const { audience, expiresInSeconds = 3600, validInSeconds = -300, key = 'own' } = forgery
  const identity = JSON.parse(
    readFileSync(join(dataDir, 'authority', 'identity.json'), 'utf8'),
  ) as { tenantId: string; keyId: string; privateKey: JWK; publicKey: JWK }
  const now = Math.floor(Date.now() / 1000)
  const claims = { oid: 'o', tid: identity.tenantId, aud: audience, appid: 'a' }
  const times = { iat: now, nbf: now + validInSeconds, exp: now + expiresInSeconds }
  if (key === 'none') {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    return `${part({ alg: 'none', typ: 'JWT' })}.${part({ ...claims, ...times })}.`
  }
  const isSecret = key === 'public-as-secret'
  const signer = isSecret
    ? Buffer.from(pemOf(identity.publicKey))
    : key === 'other'
      ? (await generateKeyPair('RS256')).privateKey
      : await importJWK(identity.privateKey, 'RS256')
  const token = await new SignJWT({ ...claims, ...times })
    .setProtectedHeader({ alg: isSecret ? 'HS256' : 'RS256', kid: identity.keyId })
    .sign(signer)
  if (!forgery.tampered) return token
  const [head, , signature] = token.split('.')
  const changed = Buffer.from(JSON.stringify({ ...claims, ...times, oid: 'owner' }))
  return `${head}.${changed.toString('base64url')}.${signature}`
}

const pemOf = (key: JWK) =>
  createPublicKey({ key: key as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
