import { createHash } from 'node:crypto'
import { HoldfastError } from '../../model/errors.ts'
import { throwIfCancelled } from '../cancellation.ts'
import { secretOf } from '../secret.ts'
import type { BlobInfo, Workspace } from '../workspace.ts'
import {
  begin,
  findWorld,
  type MemoryWorld,
  nextEtag,
  nextTime,
  notFound,
  pageOf,
  type StoredBlob,
} from './memory-world.ts'

type BlobOperations = Pick<
  Workspace,
  | 'listBlobStores'
  | 'listBlobs'
  | 'getBlob'
  | 'readBlob'
  | 'blobReadUrl'
  | 'copyBlob'
  | 'writeBlob'
  | 'deleteBlob'
>

/** Storage sorts by bytes of UTF-8, not by JavaScript's units. */
const position = ({ name }: BlobInfo) => Buffer.from(name).toString('hex')

const chunkBytes = 64 * 1024

export function memoryBlobs(world: MemoryWorld): BlobOperations {
  const find = (store: string, name: string) => world.blobs.get(store)?.get(name)
  return {
    async listBlobStores(options) {
      await begin(world, options)
      return [...world.blobs.keys()].filter((store) => !store.startsWith('run:')).sort()
    },

    async listBlobs(store, options = {}) {
      await begin(world, options)
      const names = [...(world.blobs.get(store)?.values() ?? [])]
        .map((blob) => blob.info)
        .filter((info) => info.name.startsWith(options.prefix ?? ''))
        .sort((a, b) => (position(a) < position(b) ? -1 : 1))
      return pageOf(names, position, options)
    },

    async getBlob(store, name, options) {
      await begin(world, options)
      return find(store, name)?.info
    },

    async readBlob(store, name, options) {
      await begin(world, options)
      const blob = find(store, name)
      if (blob === undefined) throw notFound(world, `blob ${store}/${name}`)
      if (options?.etag !== undefined) checkEtag(blob.info, options.etag)
      return streamOf(blob.bytes, options?.signal)
    },

    async blobReadUrl(store, name, options) {
      await begin(world, options)
      if (find(store, name) === undefined) throw notFound(world, `blob ${store}/${name}`)
      return secretOf(
        `memory:${world.key}/${encodeURIComponent(store)}/${encodeURIComponent(name)}`,
      )
    },

    async copyBlob(store, source, sourceUrl, options) {
      await begin(world, options)
      const original = resolve(sourceUrl.reveal())
      checkEtag(original.info, source.etag)
      const stored = keep(world, store, { ...original.info, name: source.name }, original.bytes)
      const target = `${store}/${source.name}`
      world.writes.push({ operation: 'copyBlob', target, epoch: options.epoch })
      return stored.info
    },

    async writeBlob(store, blob, content, options) {
      await begin(world, options)
      const bytes = await readAll(content, options.signal)
      checkContent(blob, bytes)
      const stored = keep(world, store, blob, bytes)
      const target = `${store}/${blob.name}`
      world.writes.push({ operation: 'writeBlob', target, epoch: options.epoch })
      return stored.info
    },

    async deleteBlob(store, name, options) {
      await begin(world, options)
      if (!world.blobs.get(store)?.delete(name)) return
      const target = `${store}/${name}`
      world.writes.push({ operation: 'deleteBlob', target, epoch: options.epoch })
    },
  }
}

function checkEtag(info: BlobInfo, etag: string): void {
  if (info.etag === etag) return
  throw new HoldfastError('blob.changed', `${info.name} changed while it was read`, {
    place: info.name,
  })
}

function resolve(url: string): StoredBlob {
  const [, key = '', store = '', name = ''] = /^memory:([^/]+)\/([^/]+)\/(.+)$/.exec(url) ?? []
  const source = findWorld(key)
  if (source === undefined) {
    throw new HoldfastError('blob.copy-unsupported', 'The source cannot be reached from here')
  }
  const blob = source.blobs.get(decodeURIComponent(store))?.get(decodeURIComponent(name))
  if (blob === undefined) throw notFound(source, `blob ${decodeURIComponent(name)}`)
  return blob
}

function checkContent(blob: BlobInfo, bytes: Uint8Array): void {
  const md5 = md5Of(bytes)
  if (bytes.length === blob.sizeBytes && (blob.contentMd5 ?? md5) === md5) return
  throw new HoldfastError('blob.corrupt', `${blob.name} did not arrive as it was announced`, {
    kind: 'transient',
    place: blob.name,
  })
}

const md5Of = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('base64')

function keep(world: MemoryWorld, store: string, info: BlobInfo, bytes: Uint8Array): StoredBlob {
  const blobs = world.blobs.get(store) ?? new Map<string, StoredBlob>()
  world.blobs.set(store, blobs)
  const stored: StoredBlob = {
    bytes: bytes.slice(),
    info: {
      name: info.name,
      sizeBytes: bytes.length,
      etag: nextEtag(world),
      modifiedAt: nextTime(world),
      contentType: info.contentType ?? 'application/octet-stream',
      contentMd5: md5Of(bytes),
      metadata: { ...info.metadata },
    },
  }
  blobs.set(info.name, stored)
  return stored
}

export function streamOf(bytes: Uint8Array, signal?: AbortSignal): ReadableStream<Uint8Array> {
  let offset = 0
  return new ReadableStream({
    pull(controller) {
      throwIfCancelled(signal)
      if (offset >= bytes.length) return controller.close()
      controller.enqueue(bytes.slice(offset, offset + chunkBytes))
      offset += chunkBytes
    },
  })
}

export async function readAll(
  content: ReadableStream<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of content) {
    throwIfCancelled(signal)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
