import dns from 'node:dns'
import { readFileSync } from 'node:fs'
import {
  StorageSharedKeyCredential as BlobKeyCredential,
  BlobSASPermissions,
  BlobServiceClient,
} from '@azure/storage-blob'
import {
  generateFileSASQueryParameters,
  ShareFileClient,
  ShareSASPermissions,
  ShareServiceClient,
  StorageSharedKeyCredential,
} from '@azure/storage-file-share'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startTestRegion, type TestRegion } from '../testing/test-region.ts'

/** The File service of a region, asked by the official client. */

let test: TestRegion
let accountKey: string
let credential: StorageSharedKeyCredential
let service: ShareServiceClient
let options: object
let url: string

beforeAll(async () => {
  test = await startTestRegion()
  const { port } = new URL(test.region.storageOrigin)
  url = `https://acct.file.core.localhost:${port}`
  await test.call(
    'PUT',
    '/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/acct?api-version=2025-01-01',
    { body: { location: 'eastus', sku: { name: 'Standard_LRS' }, kind: 'StorageV2' } },
  )
  const keys = await test.call(
    'POST',
    '/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/acct/listKeys?api-version=2025-01-01',
  )
  const [{ value }] = (keys.body as { keys: [{ value: string }] }).keys
  accountKey = value
  credential = new StorageSharedKeyCredential('acct', value)
  // Not every system knows names below `localhost`; HTTPS_PROXY helps a process of its own.
  const { lookup } = dns
  vi.spyOn(dns, 'lookup').mockImplementation(((name: string, ...rest: [never, never]) =>
    lookup(name.endsWith('.localhost') ? 'localhost' : name, ...rest)) as never)
  options = {
    tlsOptions: { ca: readFileSync(test.region.caPath, 'utf8') },
    retryOptions: { maxTries: 1 },
  }
  service = new ShareServiceClient(url, credential, options)
})
afterAll(() => test.stop())

async function newShare(name: string) {
  const share = service.getShareClient(name)
  await share.create({ metadata: { team: 'fraud' } })
  return share
}
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    (error: { code?: string; statusCode?: number }) => error.code ?? error.statusCode,
  )

describe('shares', () => {
  it('are made, described, listed and deleted', async () => {
    const share = await newShare('listed-one')
    await newShare('listed-two')
    expect((await share.getProperties()).metadata).toEqual({ team: 'fraud' })
    const found: string[] = []
    for await (const one of service.listShares({ prefix: 'listed' })) found.push(one.name)
    expect(found).toEqual(['listed-one', 'listed-two'])
    expect(await failure(share.create())).toBe('ShareAlreadyExists')
    await share.delete()
    expect(await share.exists()).toBe(false)
  })

  it('have a quota that refuses', async () => {
    const share = await newShare('small')
    await share.setQuota(1)
    expect((await share.getProperties()).quota).toBe(1)
    const file = share.rootDirectoryClient.getFileClient('huge.bin')
    expect(await failure(file.create(2 * 1024 ** 3))).toBe('InsufficientStorage')
  })
})

describe('directories', () => {
  it('are listed a page at a time, files and directories by name in any case', async () => {
    const share = await newShare('pages')
    for (const name of ['b', 'A', 'c'])
      await share.getDirectoryClient(name).create({ metadata: { name } })
    await share.rootDirectoryClient.getFileClient('B.txt').create(3)
    const pages: string[][] = []
    const iterator = share.rootDirectoryClient.listFilesAndDirectories()
    for await (const page of iterator.byPage({ maxPageSize: 3 }))
      pages.push([
        ...page.segment.directoryItems.map(({ name }) => `${name}/`),
        ...page.segment.fileItems.map(
          ({ name, properties }) => `${name} ${properties.contentLength}`,
        ),
      ])
    expect(pages).toEqual([['A/', 'b/', 'B.txt 3'], ['c/']])
    expect((await share.getDirectoryClient('a').getProperties()).metadata).toEqual({ name: 'A' })
  })

  it('are deleted only when they are empty, and made only where the parent is', async () => {
    const share = await newShare('nested')
    expect(await failure(share.getDirectoryClient('x/y').create())).toBe('ParentNotFound')
    const directory = share.getDirectoryClient('x')
    await directory.create()
    await share.getDirectoryClient('x/y').create()
    expect(await failure(directory.delete())).toBe('DirectoryNotEmpty')
    await share.getDirectoryClient('x/y').delete()
    await directory.delete()
    expect(await directory.exists()).toBe(false)
  })

  it('move with everything in them', async () => {
    const share = await newShare('moving')
    await share.getDirectoryClient('old').create()
    await share.getDirectoryClient('old/in').create()
    const file = share.getDirectoryClient('old/in').getFileClient('a.txt')
    await file.uploadData(Buffer.from('content'))
    const { destinationDirectoryClient } = await share.getDirectoryClient('old').rename('new')
    expect(destinationDirectoryClient.path).toBe('new')
    const moved = share.getDirectoryClient('new/in').getFileClient('a.txt')
    expect((await moved.downloadToBuffer()).toString()).toBe('content')
    expect(await file.exists()).toBe(false)
  })
})

describe('files', () => {
  it('keep bytes, headers and metadata, and give ranges', async () => {
    const file = (await newShare('bytes')).rootDirectoryClient.getFileClient('großes heft.ipynb')
    const content = Buffer.from(Array.from({ length: 5_000_000 }, (_, i) => i % 251))
    await file.uploadData(content, {
      metadata: { kernel: 'python3' },
      fileHttpHeaders: { fileContentType: 'application/x-ipynb+json' },
    })
    expect(content.equals(await file.downloadToBuffer())).toBe(true)
    const part = await file.downloadToBuffer(4_194_300, 10)
    expect(content.subarray(4_194_300, 4_194_310).equals(part)).toBe(true)
    const found = await file.getProperties()
    expect(found).toMatchObject({
      contentLength: 5_000_000,
      contentType: 'application/x-ipynb+json',
      metadata: { kernel: 'python3' },
    })
    expect(found.fileId).toMatch(/^\d+$/)
  })

  it('read zero where nothing was written, and list what was', async () => {
    const file = (await newShare('holes')).rootDirectoryClient.getFileClient('sparse')
    await file.create(4096)
    await file.uploadRange('abcd', 1024, 4)
    await file.uploadRange('efgh', 1028, 4)
    await file.uploadRange('xxxxxxxx', 2048, 8)
    await file.clearRange(2048, 8)
    expect((await file.downloadToBuffer(1022, 12)).toString('latin1')).toBe('\0\0abcdefgh\0\0')
    const { rangeList } = await file.getRangeList()
    expect(rangeList).toEqual([{ start: 1024, end: 1031 }])
    expect(await failure(file.uploadRange('late', 4094, 4))).toBe('InvalidRange')
    await file.resize(1026)
    await file.resize(2048)
    expect((await file.downloadToBuffer(1022, 8)).toString('latin1')).toBe('\0\0ab\0\0\0\0')
  })

  it('are copied from a file and from a blob of the region', async () => {
    const share = await newShare('copies')
    const from = share.rootDirectoryClient.getFileClient('from')
    await from.uploadData(Buffer.from('copied'), { metadata: { is: 'kept' } })
    const to = share.rootDirectoryClient.getFileClient('to')
    expect((await to.startCopyFromURL(from.url)).copyStatus).toBe('success')
    expect((await to.downloadToBuffer()).toString()).toBe('copied')
    expect((await to.getProperties()).metadata).toEqual({ is: 'kept' })

    const blobKey = new BlobKeyCredential('acct', accountKey)
    const origin = `${test.region.storageOrigin}/acct`
    const blobs = new BlobServiceClient(origin, blobKey, options).getContainerClient('source')
    await blobs.create()
    const blob = blobs.getBlockBlobClient('b.txt')
    await blob.upload('from a blob', 11)
    const address = await blob.generateSasUrl({
      permissions: BlobSASPermissions.parse('r'),
      expiresOn: new Date(Date.now() + 60_000),
    })
    await to.startCopyFromURL(address)
    expect((await to.downloadToBuffer()).toString()).toBe('from a blob')
    expect(await failure(to.startCopyFromURL(blob.url))).toBe('CannotVerifyCopySource')
  })

  it('tell a missing file from a missing directory', async () => {
    const share = await newShare('missing')
    const failed = (path: string) =>
      failure(new ShareFileClient(`${share.url}/${path}`, credential, options).download())
    expect(await failed('a.txt')).toBe('ResourceNotFound')
    expect(await failed('no/a.txt')).toBe('ParentNotFound')
  })
})

describe('who may', () => {
  it('is said by a SAS: for this share, with these permissions, not tampered with', async () => {
    const share = await newShare('signed')
    await share.rootDirectoryClient.getFileClient('a.txt').uploadData(Buffer.from('secret'))
    const sas = generateFileSASQueryParameters(
      {
        shareName: 'signed',
        permissions: ShareSASPermissions.parse('r'),
        expiresOn: new Date(Date.now() + 60_000),
      },
      credential,
    ).toString()
    const file = new ShareFileClient(`${share.url}/a.txt?${sas}`, undefined, options)
    expect((await file.downloadToBuffer()).toString()).toBe('secret')
    expect(await failure(file.delete())).toBe('AuthorizationPermissionMismatch')
    const widened = new ShareFileClient(
      `${share.url}/a.txt?${sas.replace('sp=r', 'sp=rd')}`,
      undefined,
      options,
    )
    expect(await failure(widened.delete())).toBe('AuthenticationFailed')
  })

  it('is said by a token for storage, with the intent that the service asks for', async () => {
    const token = await test.token('https://storage.azure.com')
    const signIn = { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 60_000 }) }
    const withIntent = new ShareServiceClient(url, signIn, {
      ...options,
      fileRequestIntent: 'backup',
    })
    const share = withIntent.getShareClient('by-token')
    expect(await failure(share.getDirectoryClient('d').getProperties())).toBe('ShareNotFound')
    const without = new ShareServiceClient(url, signIn, options)
    const asked = without.getShareClient('by-token').getDirectoryClient('d').getProperties()
    expect(await failure(asked)).toBe('MissingRequiredHeader')
  })
})
