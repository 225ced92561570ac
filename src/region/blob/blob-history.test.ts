import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  BlobSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import { afterEach, describe, expect, it } from 'vitest'
import { clientOf, failure } from './testing/blob-contract.ts'
import { startTestBlobServer, type TestBlobServer } from './testing/test-blob-server.ts'

const cleanUps: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

const dayMs = 86_400_000
let now = Date.now()

async function start(dataDir?: string): Promise<TestBlobServer> {
  const place = dataDir === undefined ? {} : { dataDir }
  const server = await startTestBlobServer({ clock: () => new Date(now), ...place })
  cleanUps.push(() => server.stop())
  return server
}

/** The client signs with the real time, so that is where the clock starts. */
async function containerOf(server: TestBlobServer) {
  now = Date.now()
  const container = clientOf(server.account('someaccount')).getContainerClient('things')
  await container.createIfNotExists()
  return container
}

const filesOf = ({ dataDir }: TestBlobServer): number =>
  readdirSync(join(dataDir, 'blobs')).flatMap((shard) => readdirSync(join(dataDir, 'blobs', shard)))
    .length

describe('content files', () => {
  it('live as long as one state of the blob names them', async () => {
    const server = await start()
    const container = await containerOf(server)
    const blob = container.getBlockBlobClient('x')
    await blob.upload('one', 3)
    const { snapshot = '' } = await blob.createSnapshot()
    expect(filesOf(server)).toBe(1)
    await blob.upload('two', 3)
    expect(filesOf(server)).toBe(2)
    await blob.withSnapshot(snapshot).delete()
    expect(filesOf(server)).toBe(1)
    server.policies.set({ isVersioningEnabled: true })
    await blob.upload('three', 5)
    await blob.setMetadata({ a: '1' })
    expect(filesOf(server)).toBe(2)
    await container.delete()
    expect(filesOf(server)).toBe(0)
  })
})

describe('a SAS for one state', () => {
  it('reads that snapshot or version and no other', async () => {
    const server = await start()
    server.policies.set({ isVersioningEnabled: true })
    const blob = (await containerOf(server)).getBlockBlobClient('x')
    const { versionId = '' } = await blob.upload('one', 3)
    const { snapshot = '' } = await blob.createSnapshot()
    const other = await blob.createSnapshot()
    await blob.upload('two', 3)
    const permissions = BlobSASPermissions.parse('r')
    const expiresOn = new Date(Date.now() + 60_000)
    const named = { containerName: 'things', blobName: 'x', permissions, expiresOn }
    const { name, key } = server.account('someaccount')
    const credential = new StorageSharedKeyCredential(name, key)
    for (const state of [{ snapshotTime: snapshot }, { versionId }]) {
      const query = generateBlobSASQueryParameters({ ...named, ...state }, credential)
      const [field, value] = Object.entries(state)[0] ?? []
      const parameter = field === 'versionId' ? 'versionid' : 'snapshot'
      const read = async (from: string) => (await fetch(`${from}&${query}`)).text()
      const own = `${blob.url}?${parameter}=${encodeURIComponent(value ?? '')}`
      expect(await read(own)).toBe('one')
      const elsewhere = `${blob.url}?${parameter}=${encodeURIComponent(other.snapshot ?? '')}`
      expect(await read(elsewhere)).toContain('AuthenticationFailed')
      expect(await (await fetch(`${blob.url}?${query}`)).text()).toContain('AuthenticationFailed')
    }
  })
})

describe('what is soft-deleted', () => {
  it('can come back until its time is over by the clock of the region, and then is gone', async () => {
    const server = await start()
    server.policies.set({ deleteRetentionDays: 3, containerRetentionDays: 3 })
    const container = await containerOf(server)
    const key = { account: 'someaccount', container: 'things', name: 'x' }
    await container.getBlockBlobClient('x').upload('x', 1)
    const other = clientOf(server.account('someaccount')).getContainerClient('other')
    await other.create()
    await other.getBlockBlobClient('y').upload('y', 1)
    await container.getBlockBlobClient('x').delete()
    await other.delete()
    const { store } = server.engine
    now += 3 * dayMs - 1
    store.undelete(key)
    expect(store.tables.blob(key)?.size).toBe(1)
    store.deleteBlob(key)
    expect(filesOf(server)).toBe(2)
    now += 1
    store.purge()
    expect(filesOf(server)).toBe(1)
    now += 3 * dayMs
    expect(() => store.undelete(key)).toThrow(expect.objectContaining({ code: 'BlobNotFound' }))
    store.purge()
    expect(filesOf(server)).toBe(0)
  })

  it('is out of reach in a deleted container, by whatever name', async () => {
    const server = await start()
    server.policies.set({ containerRetentionDays: 3 })
    const container = await containerOf(server)
    const service = clientOf(server.account('someaccount'))
    await container.getBlockBlobClient('x').upload('x', 1)
    await container.delete()
    const { value: deleted } = await service.listContainers({ includeDeleted: true }).next()
    const other = service.getContainerClient('other')
    await other.create()
    const source = `${server.origin}/someaccount/things%20${deleted?.version}/x`
    const copy = () => other.getBlobClient('y').beginCopyFromURL(source)
    expect(await failure(copy)).toEqual([404, 'CannotVerifyCopySource'])
    const restore = () =>
      service.undeleteContainer('things', deleted?.version ?? '', {
        destinationContainerName: 'not valid',
      })
    expect(await failure(restore)).toEqual([400, 'InvalidResourceName'])
  })

  it('is there after a restart', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-blob-'))
    cleanUps.push(() => rmSync(dataDir, { recursive: true, force: true }))
    const first = await start(dataDir)
    first.policies.set({ deleteRetentionDays: 3, isVersioningEnabled: true })
    const blob = (await containerOf(first)).getBlockBlobClient('x')
    const { versionId = '' } = await blob.upload('one', 3)
    await blob.upload('two', 3)
    const { snapshot = '' } = await blob.createSnapshot()
    await blob.withVersion(versionId).delete()
    await first.stop()
    cleanUps.pop()
    const second = await start(dataDir)
    const again = (await containerOf(second)).getBlockBlobClient('x')
    expect(String(await again.withSnapshot(snapshot).downloadToBuffer())).toBe('two')
    await again.undelete()
    expect(String(await again.withVersion(versionId).downloadToBuffer())).toBe('one')
  })

  it('goes for good before its time where the account allows it', async () => {
    const server = await start()
    server.policies.set({ deleteRetentionDays: 3 })
    const blob = (await containerOf(server)).getBlockBlobClient('x')
    await blob.upload('x', 1)
    const { snapshot = '' } = await blob.createSnapshot()
    const state = blob.withSnapshot(snapshot)
    await state.delete()
    const key = { account: 'someaccount', container: 'things', name: 'x' }
    const remove = () => server.engine.store.deleteState(key, { snapshot }, true)
    expect(remove).toThrow(expect.objectContaining({ code: 'PermanentDeleteNotAllowed' }))
    server.policies.set({ allowPermanentDelete: true })
    expect(remove()).toEqual({ isPermanent: true })
    await blob.undelete()
    expect(await failure(() => state.download())).toEqual([404, 'BlobNotFound'])
  })
})
