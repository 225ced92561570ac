import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { StorageManagementClient } from '@azure/arm-storage'
import { SecretClient } from '@azure/keyvault-secrets'
import {
  StorageSharedKeyCredential as BlobKey,
  BlobSASPermissions,
  BlobServiceClient,
} from '@azure/storage-blob'
import {
  StorageSharedKeyCredential as FileKey,
  ShareServiceClient,
} from '@azure/storage-file-share'
import { arm, credential, group, refusal, subscription, suffixes, unique } from './clients.mjs'

const account = unique('data')
const host = (service) => `https://${account}.${service}.${suffixes.storage}`
let key
before(async () => {
  const client = new StorageManagementClient(credential, subscription, arm)
  await client.storageAccounts.beginCreateAndWait(group, account, {
    ...{ location: 'eastus', kind: 'StorageV2', sku: { name: 'Standard_LRS' } },
  })
  key = (await client.storageAccounts.listKeys(group, account)).keys[0].value
})

describe('@azure/storage-blob', () => {
  it('moves bytes with token, account key and SAS', async () => {
    const byToken = new BlobServiceClient(host('blob'), credential)
    const container = byToken.getContainerClient(unique('c'))
    await container.create()
    const content = Buffer.alloc(9_000_000, 'holdfast')
    const blob = container.getBlockBlobClient('a/b.bin')
    await blob.uploadData(content, { blockSize: 4_000_000, metadata: { kind: 'model' } })
    assert.ok(content.equals(await blob.downloadToBuffer()))

    const byKey = new BlobServiceClient(host('blob'), new BlobKey(account, key))
    const again = byKey.getContainerClient(container.containerName).getBlockBlobClient('a/b.bin')
    assert.deepEqual((await again.getProperties()).metadata, { kind: 'model' })
    const signed = await again.generateSasUrl({
      permissions: BlobSASPermissions.parse('r'),
      expiresOn: new Date(Date.now() + 60_000),
    })
    const copy = container.getBlockBlobClient('copy.bin')
    await copy.syncCopyFromURL(signed)
    assert.equal((await copy.getProperties()).contentLength, content.length)
  })

  it('guards a blob by lease and by condition', async () => {
    const container = new BlobServiceClient(host('blob'), credential).getContainerClient(
      unique('c'),
    )
    await container.create()
    const blob = container.getBlockBlobClient('witness')
    const { etag } = await blob.upload('1', 1)
    const lease = blob.getBlobLeaseClient()
    await lease.acquireLease(15)
    assert.equal(await refusal(blob.upload('2', 1)), 'LeaseIdMissing')
    await lease.releaseLease()
    await blob.upload('2', 1)
    const stale = blob.upload('3', 1, { conditions: { ifMatch: etag } })
    assert.equal(await refusal(stale), 'ConditionNotMet')
  })
})

describe('@azure/storage-file-share', () => {
  it('keeps notebooks: folders, files, ranges', async () => {
    const service = new ShareServiceClient(host('file'), new FileKey(account, key))
    const share = service.getShareClient(unique('s'))
    await share.create()
    const folder = share.getDirectoryClient('Users')
    await folder.create()
    const file = folder.getFileClient('a.ipynb')
    const content = Buffer.alloc(5_000_000, '{"cells":[]}')
    await file.uploadData(content)
    assert.ok(content.equals(await file.downloadToBuffer()))
    const names = []
    for await (const one of folder.listFilesAndDirectories()) names.push(`${one.kind} ${one.name}`)
    assert.deepEqual(names, ['file a.ipynb'])
    await share.delete()
  })
})

describe('@azure/keyvault-secrets', () => {
  it('keeps versions of a secret, behind a challenge', async () => {
    const { KeyVaultManagementClient } = await import('@azure/arm-keyvault')
    const vaults = new KeyVaultManagementClient(credential, subscription, arm)
    const name = unique('kv')
    await vaults.vaults.beginCreateOrUpdateAndWait(group, name, {
      location: 'eastus',
      properties: {
        ...{ tenantId: process.env.AZURE_TENANT_ID, accessPolicies: [] },
        sku: { family: 'A', name: 'standard' },
      },
    })
    const secrets = new SecretClient(`https://${name}.${suffixes.keyVaultDns}`, credential)
    await secrets.setSecret('password', 'one')
    await secrets.setSecret('password', 'two')
    assert.equal((await secrets.getSecret('password')).value, 'two')
    const versions = []
    for await (const one of secrets.listPropertiesOfSecretVersions('password')) versions.push(one)
    assert.equal(versions.length, 2)
    const poller = await secrets.beginDeleteSecret('password')
    await poller.pollUntilDone()
    assert.equal(await refusal(secrets.getSecret('password')), 'SecretNotFound')
  })
})
