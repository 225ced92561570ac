import { createHash, randomBytes } from 'node:crypto'
import {
  AccountSASPermissions,
  BlobSASPermissions,
  BlobServiceClient,
  type ContainerClient,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  newPipeline,
  RestError,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/** A running Blob service with two storage accounts, if possible on two servers. */
export interface BlobSubject {
  readonly one: BlobAccount
  readonly two: BlobAccount
  stop(): Promise<void>
}
export interface BlobAccount {
  readonly name: string
  readonly key: string
  /** Without trailing slash. */
  readonly url: string
}

export interface BlobContractOptions {
  readonly start: () => Promise<BlobSubject>
  /** Tests that this service is known not to pass, by name; every reason is printed. */
  readonly exceptions: readonly { readonly test: string; readonly reason: string }[]
}

/** What any Blob service has to do, asked through the official client. */
export function describeBlobContract(name: string, options: BlobContractOptions): void {
  describe(`the Blob contract: ${name}`, () => {
    let subject: BlobSubject
    let service: BlobServiceClient
    let container: ContainerClient

    const known = new Map(options.exceptions.map((one) => [one.test, one.reason]))
    const used = new Set<string>()
    const test = (title: string, body: () => Promise<void>): void => {
      const reason = known.get(title)
      used.add(title)
      if (reason === undefined) it(title, body)
      else it.skip(`${title} (exception: ${reason})`, body)
    }

    beforeAll(async () => {
      subject = await options.start()
      service = clientOf(subject.one)
      container = service.getContainerClient('contract')
      await container.create()
    })
    afterAll(async () => {
      await subject.stop()
    })

    const blob = (blobName: string) => container.getBlockBlobClient(blobName)
    const put = async (blobName: string, text: string, metadata: Record<string, string> = {}) => {
      await blob(blobName).upload(text, Buffer.byteLength(text), { metadata })
      return blob(blobName)
    }
    const text = async (blobName: string) => (await blob(blobName).downloadToBuffer()).toString()

    describe('containers', () => {
      test('are created once, found, and deleted with what is in them', async () => {
        const client = service.getContainerClient('short-lived')
        expect(await client.exists()).toBe(false)
        await client.create({ metadata: { purpose: 'test' } })
        expect(await failure(() => client.create())).toEqual([409, 'ContainerAlreadyExists'])
        expect((await client.getProperties()).metadata).toEqual({ purpose: 'test' })
        await client.setMetadata({ purpose: 'other' })
        expect((await client.getProperties()).metadata).toEqual({ purpose: 'other' })
        await client.getBlockBlobClient('a').upload('a', 1)
        await client.delete()
        expect(await client.exists()).toBe(false)
        const read = () => client.getBlockBlobClient('a').getProperties()
        expect((await failure(read))[0]).toBe(404)
      })

      test('are listed by prefix, page by page, with metadata', async () => {
        for (const n of [1, 2, 3]) {
          await service.getContainerClient(`listed-${n}`).create({ metadata: { n: String(n) } })
        }
        const found: string[] = []
        const pages = service
          .listContainers({ prefix: 'listed-', includeMetadata: true })
          .byPage({ maxPageSize: 2 })
        for await (const page of pages) {
          expect(page.containerItems.length).toBeLessThanOrEqual(2)
          for (const item of page.containerItems) found.push(`${item.name}=${item.metadata?.n}`)
        }
        expect(found).toEqual(['listed-1=1', 'listed-2=2', 'listed-3=3'])
      })
    })

    describe('blobs', () => {
      test('come back with bytes, headers and metadata', async () => {
        const bytes = randomBytes(300_000)
        const md5 = createHash('md5').update(bytes).digest()
        const client = blob('round/trip.bin')
        const answer = await client.upload(bytes, bytes.length, {
          metadata: { owner: 'someone', Stage: 'two' },
          blobHTTPHeaders: { blobContentType: 'image/png', blobCacheControl: 'no-cache' },
        })
        const properties = await client.getProperties()
        expect(properties.contentLength).toBe(bytes.length)
        expect(properties.contentType).toBe('image/png')
        expect(properties.cacheControl).toBe('no-cache')
        expect(properties.etag).toBe(answer.etag)
        expect(properties.blobType).toBe('BlockBlob')
        expect(properties.createdOn).toBeInstanceOf(Date)
        expect(properties.lastModified).toEqual(answer.lastModified)
        expect(properties.leaseState).toBe('available')
        expect(Buffer.from(properties.contentMD5 ?? [])).toEqual(md5)
        expect(lowerCased(properties.metadata)).toEqual({ owner: 'someone', stage: 'two' })
        // Not `toEqual`: byte by byte it holds up the server in this process until it drops its connections.
        expect((await client.downloadToBuffer()).equals(bytes)).toBe(true)
      })

      test('may be empty', async () => {
        await put('empty', '')
        expect((await blob('empty').getProperties()).contentLength).toBe(0)
        const answer = await blob('empty').download()
        expect(await collect(answer.readableStreamBody)).toEqual(Buffer.alloc(0))
      })

      test('keep any name', async () => {
        const names = [
          'plain',
          'with space and + plus & amp',
          'percent%20not decoded twice%',
          'unicode/ünï/日本語/🜚',
          'deep/../dots/./here',
          'quotes"\'<tag>',
          'question?mark#hash',
        ]
        for (const one of names) {
          // The client joins `..` away unless it is encoded; the service must never see a path.
          await put(`names/${one}`, one)
        }
        for (const one of names) expect(await text(`names/${one}`)).toBe(one)
        expect((await list({ prefix: 'names/' })).toSorted()).toEqual(
          names
            .map((one) => new URL(blob(`names/${one}`).url).pathname)
            .map(nameOf)
            .toSorted(),
        )
      })

      test('are read in ranges', async () => {
        await put('ranged', '0123456789')
        const range = async (offset: number, count?: number) => {
          const answer = await blob('ranged').download(offset, count)
          return [answer.contentRange, String(await collect(answer.readableStreamBody))]
        }
        expect(await range(2, 3)).toEqual(['bytes 2-4/10', '234'])
        expect(await range(7)).toEqual(['bytes 7-9/10', '789'])
        expect(await range(8, 100)).toEqual(['bytes 8-9/10', '89'])
        const withMd5 = await blob('ranged').download(0, 4, { rangeGetContentMD5: true })
        expect(Buffer.from(withMd5.contentMD5 ?? [])).toEqual(
          createHash('md5').update('0123').digest(),
        )
        await collect(withMd5.readableStreamBody)
      })

      test('have no range behind their end', async () => {
        await put('short', '0123456789')
        expect(await failure(() => blob('short').download(10, 1))).toEqual([416, 'InvalidRange'])
      })

      test('take a backslash in a name for a slash', async () => {
        await put('back\\slash', 'x')
        expect((await items({ prefix: 'back' })).map((item) => item.name)).toEqual(['back/slash'])
        expect(await text('back\\slash')).toBe('x')
      })

      test('are replaced as a whole, and their metadata alone', async () => {
        const client = await put('replaced', 'old', { a: '1' })
        const before = await client.getProperties()
        await client.setMetadata({ b: '2' })
        const after = await client.getProperties()
        expect(after.metadata).toEqual({ b: '2' })
        expect(after.etag).not.toBe(before.etag)
        expect(after.createdOn).toEqual(before.createdOn)
        expect(await text('replaced')).toBe('old')
        await client.setHTTPHeaders({ blobContentType: 'text/csv', blobContentLanguage: 'de' })
        const headers = await client.getProperties()
        expect([headers.contentType, headers.contentLanguage]).toEqual(['text/csv', 'de'])
        expect(headers.metadata).toEqual({ b: '2' })
        await client.upload('new', 3)
        expect(await text('replaced')).toBe('new')
        expect((await client.getProperties()).metadata).toEqual({})
      })

      test('are gone after delete', async () => {
        const client = await put('deleted', 'x')
        await client.delete()
        expect(await client.exists()).toBe(false)
        expect(await failure(() => client.download())).toEqual([404, 'BlobNotFound'])
        expect(await failure(() => client.delete())).toEqual([404, 'BlobNotFound'])
        expect(await client.deleteIfExists()).toMatchObject({ succeeded: false })
      })

      test('are refused when the checksum does not match', async () => {
        const wrong = createHash('md5').update('other').digest()
        const stage = () =>
          blob('checked').stageBlock(blockId(1), 'text', 4, { transactionalContentMD5: wrong })
        expect(await failure(stage)).toEqual([400, 'Md5Mismatch'])
        const right = createHash('md5').update('text').digest()
        await blob('checked').stageBlock(blockId(1), 'text', 4, { transactionalContentMD5: right })
      })
    })

    describe('blocks', () => {
      test('make a blob in the order of the list', async () => {
        const client = blob('blocks')
        for (const n of [1, 2, 3]) await client.stageBlock(blockId(n), `part${n};`, 6)
        expect(await client.exists()).toBe(false)
        const staged = await client.getBlockList('all')
        expect(staged.uncommittedBlocks?.map((one) => one.size)).toEqual([6, 6, 6])
        await client.commitBlockList([blockId(3), blockId(1), blockId(1)], {
          metadata: { made: 'of-blocks' },
          blobHTTPHeaders: { blobContentType: 'text/plain' },
        })
        expect(await text('blocks')).toBe('part3;part1;part1;')
        const properties = await client.getProperties()
        expect(properties.contentType).toBe('text/plain')
        expect(properties.metadata).toEqual({ made: 'of-blocks' })
        const list = await client.getBlockList('all')
        expect(list.committedBlocks?.map((one) => one.name)).toEqual(
          [3, 1, 1].map((n) => blockId(n)),
        )
        expect(list.uncommittedBlocks ?? []).toEqual([])
      })

      test('already committed are used again', async () => {
        const client = blob('blocks-again')
        for (const n of [1, 2]) await client.stageBlock(blockId(n), `p${n}`, 2)
        await client.commitBlockList([blockId(1), blockId(2)])
        await client.stageBlock(blockId(3), 'p3', 2)
        await client.commitBlockList([blockId(3), blockId(2)])
        expect(await text('blocks-again')).toBe('p3p2')
      })

      test('that were never staged cannot be committed', async () => {
        const client = blob('blocks-missing')
        expect(await failure(() => client.commitBlockList([blockId(9)]))).toEqual([
          400,
          'InvalidBlockList',
        ])
        expect(await client.exists()).toBe(false)
      })

      test('carry a large upload', async () => {
        const bytes = randomBytes(3_000_000)
        await blob('large').uploadData(bytes, {
          blockSize: 512 * 1024,
          maxSingleShotSize: 1024,
          concurrency: 3,
        })
        const answer = await blob('large').downloadToBuffer(0, undefined, { blockSize: 700_000 })
        expect(answer.equals(bytes)).toBe(true)
        const range = await blob('large').downloadToBuffer(500_000, 100_000)
        expect(range.equals(bytes.subarray(500_000, 600_000))).toBe(true)
      })
    })

    describe('listing', () => {
      test('goes by prefix and page and shows metadata', async () => {
        for (let n = 0; n < 5; n++) await put(`page/${n}`, String(n), { n: String(n) })
        const pages: string[][] = []
        const options_ = { prefix: 'page/', includeMetadata: true }
        for await (const page of container.listBlobsFlat(options_).byPage({ maxPageSize: 2 })) {
          pages.push(page.segment.blobItems.map((item) => `${item.name}:${item.metadata?.n}`))
        }
        expect(pages).toEqual([['page/0:0', 'page/1:1'], ['page/2:2', 'page/3:3'], ['page/4:4']])
        const [first] = await items({ prefix: 'page/' })
        expect(first?.properties.contentLength).toBe(1)
        expect(first?.properties.blobType).toBe('BlockBlob')
        expect(first?.properties.contentType).toBe('application/octet-stream')
        const { etag } = await blob('page/0').getProperties()
        expect(first?.properties.etag.replaceAll('"', '')).toBe(etag?.replaceAll('"', ''))
      })

      test('folds folders, over page borders', async () => {
        for (const one of ['a', 'b/1', 'b/2', 'c', 'd/1/x', 'd/2', 'e'])
          await put(`fold/${one}`, '')
        const found: string[] = []
        const walk = container.listBlobsByHierarchy('/', { prefix: 'fold/' })
        for await (const page of walk.byPage({ maxPageSize: 2 })) {
          for (const one of page.segment.blobPrefixes ?? []) found.push(one.name)
          for (const one of page.segment.blobItems) found.push(one.name)
        }
        expect(found.toSorted()).toEqual(['fold/a', 'fold/b/', 'fold/c', 'fold/d/', 'fold/e'])
      })

      test('of an absent container is an error', async () => {
        const absent = service.getContainerClient('not-there')
        const walk = async () => {
          for await (const _ of absent.listBlobsFlat()) void _
        }
        expect(await failure(walk)).toEqual([404, 'ContainerNotFound'])
      })
    })

    describe('conditions', () => {
      test('let a writer create only what is not there', async () => {
        const create = () => blob('only-once').upload('x', 1, { conditions: { ifNoneMatch: '*' } })
        const outcomes = await Promise.all(
          Array.from({ length: 5 }, () => create().then(() => 'won', codeOf)),
        )
        expect(outcomes.filter((one) => one === 'won')).toHaveLength(1)
        expect(outcomes.filter((one) => one === 'BlobAlreadyExists')).toHaveLength(4)
      })

      test('compare etags', async () => {
        const client = await put('etagged', '1')
        const { etag = '' } = await client.getProperties()
        await client.upload('2', 1, { conditions: { ifMatch: etag } })
        const stale = () => client.upload('3', 1, { conditions: { ifMatch: etag } })
        expect(await failure(stale)).toEqual([412, 'ConditionNotMet'])
        const meta = () => client.setMetadata({}, { conditions: { ifMatch: etag } })
        expect(await failure(meta)).toEqual([412, 'ConditionNotMet'])
        const remove = () => client.delete({ conditions: { ifMatch: etag } })
        expect(await failure(remove)).toEqual([412, 'ConditionNotMet'])
        const read = () => client.download(0, undefined, { conditions: { ifMatch: etag } })
        expect(await failure(read)).toEqual([412, 'ConditionNotMet'])
        expect(await text('etagged')).toBe('2')
        const now = await client.getProperties()
        const unchanged = () =>
          client.download(0, undefined, { conditions: { ifNoneMatch: now.etag ?? '' } })
        expect((await failure(unchanged))[0]).toBe(304)
        const absent = () => blob('absent').upload('x', 1, { conditions: { ifMatch: etag } })
        expect((await failure(absent))[0]).toBe(412)
      })

      test('compare times', async () => {
        const client = await put('timed', '1')
        const before = new Date(Date.now() - 3_600_000)
        const after = new Date(Date.now() + 3_600_000)
        const write = (conditions: object) => () => client.upload('2', 1, { conditions })
        expect(await failure(write({ ifUnmodifiedSince: before }))).toEqual([
          412,
          'ConditionNotMet',
        ])
        const read = () => client.download(0, undefined, { conditions: { ifModifiedSince: after } })
        expect((await failure(read))[0]).toBe(304)
        await write({ ifUnmodifiedSince: after })()
      })
    })

    describe('leases', () => {
      test('guard a blob until they are released', async () => {
        const client = await put('leased', '1')
        const lease = client.getBlobLeaseClient()
        await lease.acquireLease(15)
        const other = client.getBlobLeaseClient()
        expect(await failure(() => other.acquireLease(15))).toEqual([409, 'LeaseAlreadyPresent'])
        expect(await failure(() => client.upload('2', 1))).toEqual([412, 'LeaseIdMissing'])
        expect(await failure(() => client.delete())).toEqual([412, 'LeaseIdMissing'])
        const wrong = () => client.upload('2', 1, { conditions: { leaseId: other.leaseId } })
        expect(await failure(wrong)).toEqual([412, 'LeaseIdMismatchWithBlobOperation'])
        await client.upload('2', 1, { conditions: { leaseId: lease.leaseId } })
        await lease.renewLease()
        const held = await client.getProperties()
        expect([held.leaseState, held.leaseStatus, held.leaseDuration]).toEqual([
          'leased',
          'locked',
          'fixed',
        ])
        await lease.releaseLease()
        expect((await client.getProperties()).leaseState).toBe('available')
        await client.upload('3', 1)
      })

      test('are broken by anyone', async () => {
        const client = await put('broken', '1')
        const lease = client.getBlobLeaseClient()
        await lease.acquireLease(-1)
        expect((await client.getProperties()).leaseDuration).toBe('infinite')
        await client.getBlobLeaseClient().breakLease(0)
        expect((await client.getProperties()).leaseState).toBe('broken')
        expect((await failure(() => lease.renewLease()))[0]).toBe(409)
        await client.getBlobLeaseClient().acquireLease(15)
      })

      test('change their id', async () => {
        const client = await put('changed', '1')
        const lease = client.getBlobLeaseClient()
        await lease.acquireLease(15)
        const old = lease.leaseId
        const next = 'c2b0a1a5-8b0d-4b3c-9d3e-0f1e2d3c4b5a'
        await lease.changeLease(next)
        const stale = client.getBlobLeaseClient(old)
        expect((await failure(() => stale.renewLease()))[0]).toBe(409)
        await client.getBlobLeaseClient(next).releaseLease()
      })
    })

    describe('copies', () => {
      const readUrl = (blobName: string) => sasUrl(subject.one, 'contract', blobName, 'r')
      const target = async (blobName: string) => {
        const other = clientOf(subject.two).getContainerClient('copies')
        await other.createIfNotExists()
        return other.getBlockBlobClient(blobName)
      }

      test('inside one account keep metadata', async () => {
        await put('copy-source', 'content', { keep: 'me' })
        const poller = await blob('copy-target').beginCopyFromURL(blob('copy-source').url)
        const done = await poller.pollUntilDone()
        expect(done.copyStatus).toBe('success')
        expect(await text('copy-target')).toBe('content')
        const properties = await blob('copy-target').getProperties()
        expect(properties.metadata).toEqual({ keep: 'me' })
        expect(properties.copyStatus).toBe('success')
        await blob('copy-source').delete()
        expect(await text('copy-target')).toBe('content')
      })

      test('go to another account', async () => {
        await put('far', 'far away', { keep: 'me' })
        const client = await target('far')
        const poller = await client.beginCopyFromURL(readUrl('far'))
        await poller.pollUntilDone()
        expect(String(await client.downloadToBuffer())).toBe('far away')
        expect((await client.getProperties()).metadata).toEqual({ keep: 'me' })
        const replaced = await client.beginCopyFromURL(readUrl('far'), { metadata: { own: 'yes' } })
        await replaced.pollUntilDone()
        const properties = await client.getProperties()
        expect(properties.metadata).toEqual({ own: 'yes' })
      })

      test('do not repeat the signature of their source', async () => {
        await put('signed', 'x')
        const client = await target('signed')
        const poller = await client.beginCopyFromURL(readUrl('signed'))
        await poller.pollUntilDone()
        const { copySource = '' } = await client.getProperties()
        expect(copySource).toContain('/contract/signed')
        expect(copySource).not.toContain('sig=')
      })

      test('are done at once when asked so', async () => {
        await put('sync', 'synchronous', { keep: 'me' })
        const client = await target('sync')
        const answer = await client.syncCopyFromURL(readUrl('sync'))
        expect(answer.copyStatus).toBe('success')
        expect(String(await client.downloadToBuffer())).toBe('synchronous')
        expect((await client.getProperties()).metadata).toEqual({ keep: 'me' })
      })

      test('put a blob from a URL', async () => {
        await blob('from-url').upload('from a url', 10, {
          blobHTTPHeaders: { blobContentType: 'text/html' },
          metadata: { keep: 'me' },
        })
        const client = await target('from-url')
        await client.syncUploadFromURL(readUrl('from-url'))
        expect(String(await client.downloadToBuffer())).toBe('from a url')
        expect((await client.getProperties()).contentType).toBe('text/html')
      })

      test('put blocks from ranges of a URL', async () => {
        await put('pieces', '0123456789')
        const client = await target('pieces')
        await client.stageBlockFromURL(blockId(1), readUrl('pieces'), 5, 5)
        await client.stageBlockFromURL(blockId(2), readUrl('pieces'), 0, 5)
        await client.commitBlockList([blockId(1), blockId(2)])
        expect(String(await client.downloadToBuffer())).toBe('5678901234')
      })

      test('are refused when the source changed', async () => {
        await put('moving', '1')
        const { etag = '' } = await blob('moving').getProperties()
        await put('moving', '2')
        const client = await target('moving')
        const copy = () =>
          client.beginCopyFromURL(readUrl('moving'), { sourceConditions: { ifMatch: etag } })
        expect((await failure(copy))[0]).toBe(412)
        expect(await client.exists()).toBe(false)
      })

      test('are refused when the source cannot be read', async () => {
        const client = await target('no-source')
        const absent = () => client.beginCopyFromURL(readUrl('no-such-blob'))
        expect(await failure(absent)).toEqual([404, 'CannotVerifyCopySource'])
        await put('secret', 'x')
        const unsigned = () => client.beginCopyFromURL(blob('secret').url)
        expect((await failure(unsigned))[0]).toBeGreaterThanOrEqual(400)
        expect(await client.exists()).toBe(false)
      })
    })

    describe('authentication', () => {
      test('refuses requests without any, and with a wrong key', async () => {
        await put('guarded', 'x')
        const anonymous = new BlobServiceClient(subject.one.url, undefined, once)
        const read = () =>
          anonymous.getContainerClient('contract').getBlobClient('guarded').download()
        expect([401, 403, 404]).toContain((await failure(read))[0])
        const key = randomBytes(64).toString('base64')
        const wrong = clientOf({ ...subject.one, key })
        expect(await failure(() => wrong.getContainerClient('contract').getProperties())).toEqual([
          403,
          expect.stringMatching('AuthenticationFailed|AuthorizationFailure'),
        ])
      })

      test('takes a SAS for a blob, within its permissions and time', async () => {
        await put('shared', 'x')
        const read = withUrl(sasUrl(subject.one, 'contract', 'shared', 'r'))
        expect(String(await read.downloadToBuffer())).toBe('x')
        expect((await failure(() => read.upload('y', 1)))[0]).toBe(403)
        const elsewhere = withUrl(
          sasUrl(subject.one, 'contract', 'shared', 'r').replace('/shared?', '/guarded?'),
        )
        expect((await failure(() => elsewhere.download()))[0]).toBe(403)
        const expired = withUrl(sasUrl(subject.one, 'contract', 'shared', 'r', -60))
        expect(await failure(() => expired.download())).toEqual([403, expect.any(String)])
        const create = withUrl(sasUrl(subject.one, 'contract', 'created', 'c'))
        await create.upload('new', 3)
        expect((await failure(() => create.upload('again', 5)))[0]).toBe(403)
      })

      test('takes a SAS for a container', async () => {
        await put('in-container/x', 'x')
        const query = containerSas(subject.one, 'contract', 'rl')
        const client = new BlobServiceClient(`${subject.one.url}?${query}`, undefined, once)
        const shared = client.getContainerClient('contract')
        expect(String(await shared.getBlobClient('in-container/x').downloadToBuffer())).toBe('x')
        const found: string[] = []
        for await (const item of shared.listBlobsFlat({ prefix: 'in-container/' })) {
          found.push(item.name)
        }
        expect(found).toEqual(['in-container/x'])
        const write = () => shared.getBlockBlobClient('in-container/y').upload('y', 1)
        expect((await failure(write))[0]).toBe(403)
      })

      test('takes a SAS for the account', async () => {
        const url = service.generateAccountSasUrl(
          new Date(Date.now() + 60_000),
          AccountSASPermissions.parse('rl'),
          'sco',
          {},
        )
        const client = new BlobServiceClient(url, undefined, once)
        const names: string[] = []
        for await (const item of client.listContainers({ prefix: 'contr' })) names.push(item.name)
        expect(names).toContain('contract')
        const read = client.getContainerClient('contract')
        expect(await read.exists()).toBe(true)
        expect(await failure(() => read.delete())).toEqual([403, 'AuthorizationPermissionMismatch'])
      })
    })

    it('has no exception for a test that does not exist', () => {
      expect(options.exceptions.map((one) => one.test).filter((one) => !used.has(one))).toEqual([])
    })

    async function items(listing: { prefix: string }) {
      const found = []
      for await (const item of container.listBlobsFlat(listing)) found.push(item)
      return found
    }
    async function list(listing: { prefix: string }): Promise<string[]> {
      return (await items(listing)).map((item) => item.name)
    }
  })
}

const once = { retryOptions: { maxTries: 1 } }

export function clientOf(account: BlobAccount): BlobServiceClient {
  const credential = new StorageSharedKeyCredential(account.name, account.key)
  return new BlobServiceClient(account.url, newPipeline(credential, once))
}

export function sasUrl(
  account: BlobAccount,
  containerName: string,
  blobName: string,
  permissions: string,
  validSeconds = 600,
): string {
  const query = generateBlobSASQueryParameters(
    {
      containerName,
      blobName,
      permissions: BlobSASPermissions.parse(permissions),
      expiresOn: new Date(Date.now() + validSeconds * 1000),
    },
    new StorageSharedKeyCredential(account.name, account.key),
  )
  const path = blobName.split('/').map(encodeURIComponent).join('/')
  return `${account.url}/${containerName}/${path}?${query}`
}

function containerSas(account: BlobAccount, containerName: string, permissions: string): string {
  const query = generateBlobSASQueryParameters(
    {
      containerName,
      permissions: ContainerSASPermissions.parse(permissions),
      expiresOn: new Date(Date.now() + 600_000),
    },
    new StorageSharedKeyCredential(account.name, account.key),
  )
  return String(query)
}

function withUrl(url: string) {
  const at = new URL(url)
  const [, account = '', containerName = '', ...rest] = at.pathname.split('/')
  const service = new BlobServiceClient(`${at.origin}/${account}${at.search}`, undefined, once)
  const name = decodeURIComponent(rest.join('/'))
  return service.getContainerClient(containerName).getBlockBlobClient(name)
}

const blockId = (n: number): string => Buffer.from(`block-${n}`).toString('base64')

/** The status and code of the error that `act` ends with. */
export async function failure(act: () => Promise<unknown>): Promise<[number, string]> {
  try {
    await act()
  } catch (error) {
    if (error instanceof RestError) return [error.statusCode ?? 0, codeOf(error)]
    throw error
  }
  throw new Error('the operation was expected to be refused')
}

function codeOf(error: unknown): string {
  return error instanceof RestError ? (error.code ?? '') : String(error)
}

async function collect(stream: NodeJS.ReadableStream | undefined): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream ?? []) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

/** Header names lose their case on the way. */
function lowerCased(metadata: Record<string, string> | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  )
}

/** `/account/container/name` to the name. */
function nameOf(path: string): string {
  return decodeURIComponent(path.split('/').slice(3).join('/'))
}
