import type {
  BlobServiceClient,
  ContainerClient,
  ContainerListBlobsOptions,
} from '@azure/storage-blob'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { BlobPolicies } from '../service-policies.ts'
import { type BlobSubject, clientOf, failure } from './blob-contract.ts'

/** A Blob service whose accounts can be told what to keep; undefined: it cannot be told. */
export interface BlobHistorySubject extends BlobSubject {
  readonly setPolicies?: (policies: BlobPolicies) => Promise<void>
}

export interface BlobHistoryContractOptions {
  readonly start: () => Promise<BlobHistorySubject>
  /** Parts that this service does not have; every reason is printed. */
  readonly exceptions: readonly { readonly part: string; readonly reason: string }[]
}

const none: BlobPolicies = {
  isVersioningEnabled: false,
  deleteRetentionDays: undefined,
  containerRetentionDays: undefined,
  allowPermanentDelete: false,
}

/** Snapshots, versions and soft delete of blobs and containers, asked through the official client. */
export function describeBlobHistoryContract(
  name: string,
  options: BlobHistoryContractOptions,
): void {
  describe(`what a Blob service keeps: ${name}`, () => {
    const parts = new Set<string>()
    let subject: BlobHistorySubject
    let service: BlobServiceClient
    let container: ContainerClient

    const part = (title: string, body: () => void): void => {
      parts.add(title)
      const known = options.exceptions.find((one) => one.part === title)
      if (known === undefined) describe(title, body)
      else describe.skip(`${title} (exception: ${known.reason})`, body)
    }

    beforeAll(async () => {
      subject = await options.start()
      service = clientOf(subject.one)
      container = service.getContainerClient('history')
      await container.create()
    })
    afterAll(() => subject.stop())

    const keep = (policies: Partial<BlobPolicies>) => async () =>
      subject.setPolicies?.({ ...none, ...policies })
    const blob = (blobName: string) => container.getBlockBlobClient(blobName)
    const put = async (blobName: string, ...contents: string[]) => {
      const ids: string[] = []
      for (const content of contents) {
        const answer = await blob(blobName).upload(content, content.length)
        ids.push(answer.versionId ?? '')
      }
      return ids
    }
    const read = async (one: { downloadToBuffer(): Promise<Buffer> }) =>
      String(await one.downloadToBuffer())

    /** Each thing in the listing as one word. */
    const listed = async (
      prefix: string,
      include: ContainerListBlobsOptions = {},
      maxPageSize = 100,
    ) => {
      const found: string[] = []
      const pages = container.listBlobsFlat({ prefix, ...include }).byPage({ maxPageSize })
      for await (const { segment } of pages)
        for (const item of segment.blobItems) found.push(wordFor(item))
      return found
    }

    part('snapshots', () => {
      beforeEach(keep({}))

      it('keep content and metadata of a moment while the blob goes on', async () => {
        await blob('snap').upload('one', 3, { metadata: { n: '1' } })
        const first = await blob('snap').createSnapshot()
        const second = await blob('snap').createSnapshot({ metadata: { n: 'own' } })
        await blob('snap').upload('other', 5, { metadata: { n: '2' } })
        const at = (snapshot = '') => blob('snap').withSnapshot(snapshot)
        expect(await read(at(first.snapshot))).toBe('one')
        expect((await at(first.snapshot).getProperties()).metadata).toEqual({ n: '1' })
        expect((await at(second.snapshot).getProperties()).metadata).toEqual({ n: 'own' })
        expect(await read(blob('snap'))).toBe('other')
        expect(String(second.snapshot) > String(first.snapshot)).toBe(true)
        expect(await listed('snap')).toEqual(['now:5'])
        const all = await listed('snap', { includeSnapshots: true })
        expect(all.toSorted()).toEqual(['now:5', 'snapshot:3', 'snapshot:3'])
      })

      it('keep a blob from being deleted unless they go too, or alone', async () => {
        await put('guarded', 'x')
        const { snapshot = '' } = await blob('guarded').createSnapshot()
        expect(await failure(() => blob('guarded').delete())).toEqual([409, 'SnapshotsPresent'])
        await blob('guarded').delete({ deleteSnapshots: 'only' })
        expect(await listed('guarded', { includeSnapshots: true })).toEqual(['now:1'])
        expect((await failure(() => blob('guarded').withSnapshot(snapshot).download()))[0]).toBe(
          404,
        )
        await blob('guarded').createSnapshot()
        await blob('guarded').delete({ deleteSnapshots: 'include' })
        expect(await listed('guarded', { includeSnapshots: true })).toEqual([])
      })

      it('are deleted one by one, and copied back', async () => {
        await put('restored', 'old')
        const { snapshot = '' } = await blob('restored').createSnapshot()
        await put('restored', 'new')
        const source = blob('restored').withSnapshot(snapshot)
        await (await blob('restored').beginCopyFromURL(source.url)).pollUntilDone()
        expect(await read(blob('restored'))).toBe('old')
        await source.delete()
        expect((await failure(() => source.delete()))[0]).toBe(404)
        expect(await read(blob('restored'))).toBe('old')
      })

      it('share committed blocks with the blob that goes on', async () => {
        const id = (n: number) => Buffer.from(`block-${n}`).toString('base64')
        await blob('blocks').stageBlock(id(1), 'aaa', 3)
        await blob('blocks').commitBlockList([id(1)])
        const { snapshot = '' } = await blob('blocks').createSnapshot()
        await blob('blocks').stageBlock(id(2), 'bbb', 3)
        await blob('blocks').commitBlockList([id(1), id(2)])
        await put('blocks', 'c')
        expect(await read(blob('blocks').withSnapshot(snapshot))).toBe('aaa')
        expect(await read(blob('blocks'))).toBe('c')
      })
    })

    part('pages', () => {
      it('end and begin between the states of one blob', async () => {
        await keep({})()
        await put('paged/a', 'x')
        for (const _ of [1, 2, 3]) await blob('paged/a').createSnapshot()
        await put('paged/b', 'yy')
        const whole = ['snapshot:1', 'snapshot:1', 'snapshot:1', 'now:1', 'now:2']
        for (const size of [1, 2, 3])
          expect(await listed('paged', { includeSnapshots: true }, size)).toEqual(whole)
      })
    })

    part('versions', () => {
      beforeEach(keep({ isVersioningEnabled: true }))

      it('are made by writes of content and metadata, and listed the oldest first', async () => {
        const [one = '', two = ''] = await put('v', 'a', 'bb')
        const { versionId: three = '' } = await blob('v').setMetadata({ n: '3' })
        expect([one, two, three]).toEqual([one, two, three].toSorted())
        expect(new Set([one, two, three]).size).toBe(3)
        await blob('v').setHTTPHeaders({ blobContentType: 'text/csv' })
        expect(await listed('v', { includeVersions: true })).toEqual([
          'version:1',
          'version:2',
          'current:2',
        ])
        expect(await listed('v')).toEqual(['now:2'])
        expect(await read(blob('v').withVersion(one))).toBe('a')
        const properties = await blob('v').getProperties()
        expect([properties.versionId, properties.isCurrentVersion]).toEqual([three, true])
        const before = await blob('v').withVersion(two).getProperties()
        expect([before.versionId, before.isCurrentVersion ?? false]).toEqual([two, false])
        expect(before.metadata).toEqual({})
        expect((await blob('v').withVersion(three).getProperties()).metadata).toEqual({ n: '3' })
      })

      it('outlive a delete, and one becomes the blob again by copy', async () => {
        const [one = ''] = await put('promoted', 'first', 'second')
        await blob('promoted').delete()
        expect(await blob('promoted').exists()).toBe(false)
        expect(await listed('promoted', { includeVersions: true })).toEqual([
          'version:5',
          'version:6',
        ])
        const source = blob('promoted').withVersion(one)
        await (await blob('promoted').beginCopyFromURL(source.url)).pollUntilDone()
        expect(await read(blob('promoted'))).toBe('first')
        expect(await listed('promoted', { includeVersions: true })).toHaveLength(3)
      })

      it('are deleted by their id, never the current one', async () => {
        const [one = '', two = ''] = await put('pruned', 'a', 'b')
        expect(await failure(() => blob('pruned').withVersion(two).delete())).toEqual([
          403,
          'OperationNotAllowedOnRootBlob',
        ])
        await blob('pruned').withVersion(one).delete()
        expect((await failure(() => blob('pruned').withVersion(one).download()))[0]).toBe(404)
        expect(await listed('pruned', { includeVersions: true })).toEqual(['current:1'])
      })

      it('begin with what there was before they were switched on', async () => {
        await keep({})()
        await put('late', 'before')
        await keep({ isVersioningEnabled: true })()
        await put('late', 'x')
        expect(await listed('late', { includeVersions: true })).toEqual(['version:6', 'current:1'])
      })
    })

    part('soft delete of blobs', () => {
      beforeEach(keep({ deleteRetentionDays: 7 }))

      it('brings back a deleted blob with its snapshots', async () => {
        await put('soft', 'content')
        const { snapshot = '' } = await blob('soft').createSnapshot()
        await blob('soft').delete({ deleteSnapshots: 'include' })
        expect(await failure(() => blob('soft').download())).toEqual([404, 'BlobNotFound'])
        expect(await listed('soft')).toEqual([])
        const all = { includeDeleted: true, includeSnapshots: true }
        expect(await listed('soft', all)).toEqual(['deleted snapshot:7', 'deleted:7'])
        expect(await listed('soft', { includeDeleted: true })).toEqual(['deleted:7'])
        await blob('soft').undelete()
        expect(await read(blob('soft'))).toBe('content')
        expect(await read(blob('soft').withSnapshot(snapshot))).toBe('content')
        await blob('soft').undelete()
        expect(await failure(() => blob('never').undelete())).toEqual([404, 'BlobNotFound'])
      })

      it('keeps what is overwritten as a deleted snapshot, and a newer blob as it is', async () => {
        await put('over', 'a', 'bb')
        await blob('over').delete()
        await put('over', 'ccc')
        const all = { includeDeleted: true, includeSnapshots: true }
        expect(await listed('over', all)).toEqual([
          'deleted snapshot:1',
          'deleted snapshot:2',
          'now:3',
        ])
        await blob('over').undelete()
        expect(await listed('over', { includeSnapshots: true })).toEqual([
          'snapshot:1',
          'snapshot:2',
          'now:3',
        ])
      })

      it('is read and set with the properties of the service', async () => {
        await service.setProperties({ deleteRetentionPolicy: { enabled: true, days: 3 } })
        const { deleteRetentionPolicy } = await service.getProperties()
        expect(deleteRetentionPolicy).toMatchObject({ enabled: true, days: 3 })
        await put('three', 'x')
        await blob('three').delete()
        const pages = container.listBlobsFlat({ prefix: 'three', includeDeleted: true })
        const { value } = await pages.next()
        // Whole days: the first is over as soon as it has begun.
        expect([2, 3]).toContain(value?.properties.remainingRetentionDays)
        await service.setProperties({ deleteRetentionPolicy: { enabled: false } })
        expect((await service.getProperties()).deleteRetentionPolicy?.enabled).toBe(false)
      })
    })

    part('soft delete of versions', () => {
      beforeEach(keep({ deleteRetentionDays: 7, isVersioningEnabled: true }))

      it('brings back a deleted version as a version', async () => {
        const [one = ''] = await put('both', 'a', 'bb')
        await blob('both').withVersion(one).delete()
        expect(await listed('both', { includeVersions: true })).toEqual(['current:2'])
        expect(await listed('both', { includeVersions: true, includeDeleted: true })).toEqual([
          'deleted version:1',
          'current:2',
        ])
        await blob('both').undelete()
        expect(await read(blob('both').withVersion(one))).toBe('a')
      })
    })

    part('soft delete of containers', () => {
      beforeEach(keep({ containerRetentionDays: 7 }))

      it('brings back a container with what was in it, unless the name is taken', async () => {
        const gone = service.getContainerClient('gone')
        await gone.create({ metadata: { kept: 'yes' } })
        await gone.getBlockBlobClient('a').upload('a', 1)
        await gone.delete()
        expect(await gone.exists()).toBe(false)
        expect(await containers({})).toEqual([])
        await gone.create()
        expect(await containers({ includeDeleted: true })).toEqual(['gone', 'gone deleted'])
        const version = (await deletedVersion()) ?? ''
        expect(await failure(() => service.undeleteContainer('gone', version))).toEqual([
          409,
          'ContainerAlreadyExists',
        ])
        await keep({})()
        await gone.delete()
        await service.undeleteContainer('gone', version)
        expect(await read(gone.getBlobClient('a'))).toBe('a')
        expect((await gone.getProperties()).metadata).toEqual({ kept: 'yes' })
        expect(await failure(() => service.undeleteContainer('gone', version))).toEqual([
          404,
          'ContainerNotFound',
        ])
      })

      const found = (options_: { includeDeleted?: boolean }) =>
        service.listContainers({ prefix: 'gone', ...options_ }).byPage({ maxPageSize: 1 })
      async function containers(options_: { includeDeleted?: boolean }) {
        const names: string[] = []
        for await (const { containerItems } of found(options_))
          for (const one of containerItems) names.push(one.name + (one.deleted ? ' deleted' : ''))
        return names
      }
      async function deletedVersion() {
        for await (const { containerItems } of found({ includeDeleted: true }))
          for (const one of containerItems) if (one.deleted) return one.version
        return undefined
      }
    })

    it('has no exception for a part that does not exist', () => {
      expect(options.exceptions.filter((one) => !parts.has(one.part))).toEqual([])
    })
  })
}

function wordFor(item: {
  readonly deleted?: boolean
  readonly snapshot?: string
  readonly versionId?: string
  readonly isCurrentVersion?: boolean
  readonly properties: { readonly contentLength?: number }
}): string {
  const kind = item.snapshot
    ? 'snapshot'
    : item.isCurrentVersion
      ? 'current'
      : item.versionId
        ? 'version'
        : ''
  const words = [item.deleted ? 'deleted' : '', kind].filter(Boolean).join(' ') || 'now'
  return `${words}:${item.properties.contentLength}`
}
