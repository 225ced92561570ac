import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type Database from 'libsql'
import type { BlobEngine, StoredBlob } from '../context.ts'
import { BlobStore } from './blob-store.ts'
import { type BlobKey, type BlobRow, BlobTables, type Segment } from './blob-tables.ts'
import { ContentFiles, openUnlessFull } from './content-files.ts'
import { PastTables } from './past-tables.ts'
import { serviceSas } from './sas.ts'
import type { ServicePolicies } from './service-policies.ts'
import { storageError } from './storage-error.ts'

export interface BlobEngineOptions {
  readonly db: Database.Database
  readonly dataDir: string
  readonly clock: () => Date
  /** Known only after the listener has a port, hence a function. */
  readonly storageOrigin: () => string
  /** True: content files meet a device without room. */
  readonly isDiskFull?: () => boolean
  /** What accounts keep of what is overwritten or deleted. */
  readonly policies: ServicePolicies
}

/** What the REST server needs beyond the in-process interface. */
export interface ServedBlobEngine extends BlobEngine {
  readonly store: BlobStore
  readonly storageOrigin: () => string
}

/**
 * Opens the Blob service's state: creates missing tables, removes files that a crash left without
 * a row. One engine per data directory.
 */
export function openBlobEngine(options: BlobEngineOptions): ServedBlobEngine {
  const tables = new BlobTables(options.db)
  const files = new ContentFiles(
    join(options.dataDir, 'blobs'),
    openUnlessFull(options.isDiskFull ?? (() => false)),
  )
  const referenced = tables.allFiles()
  files.sweep((file) => referenced.has(file))
  const { clock, policies } = options
  const store = new BlobStore({ tables, past: new PastTables(options.db), files, policies, clock })
  store.purge()
  return { store, storageOrigin: options.storageOrigin, ...inProcess(store) }
}

/** The region's own services act without leases and conditions, but never half-visibly. */
function inProcess(store: BlobStore): BlobEngine {
  const key = (account: string, container: string, name: string): BlobKey => ({
    account,
    container,
    name,
  })
  const keysOf = (account: string): readonly [string, string] => {
    const keys = store.tables.keys(account)
    if (keys === undefined) throw storageError('AccountNotFound')
    return keys
  }
  return {
    ensureAccount: (account) => ({
      keys: store.tables.keys(account) ?? newAccount(store, account),
    }),

    ensureContainer(account, container) {
      keysOf(account)
      if (store.tables.container(account, container) === undefined) {
        store.createContainer(account, container, {})
      }
    },

    async put(account, container, name, content, options = {}) {
      store.requireContainer(account, container)
      const content_ = await store.files.write(content)
      const row = store.putBlob(key(account, container, name), [segment(content_)], {
        contentType: options.contentType ?? 'application/octet-stream',
        contentMd5: content_.md5,
        metadata: options.metadata ?? {},
      })
      return storedBlob(row)
    },

    head(account, container, name) {
      const row = store.tables.blob(key(account, container, name))
      return row === undefined ? undefined : storedBlob(row)
    },

    open(account, container, name, range) {
      const row = store.tables.blob(key(account, container, name))
      if (row === undefined) return undefined
      const offset = range?.offset ?? 0
      const length = Math.min(range?.length ?? row.size, Math.max(0, row.size - offset))
      return { blob: storedBlob(row), content: store.read(row, offset, length) }
    },

    list(account, container, options = {}) {
      store.requireContainer(account, container)
      const { prefix = '', afterName, limit = 5000 } = options
      // The next possible name after `afterName` is the same with the smallest character added.
      const from = afterName === undefined ? '' : `${afterName}\u0001`
      return store.tables.blobs(account, container, { prefix, from, limit }).map(storedBlob)
    },

    delete: (account, container, name) =>
      store.deleteBlob(key(account, container, name)) !== undefined,

    sas: (account, container, blob, permissions, expiresAt) =>
      serviceSas({ account, container, blob, permissions, expiresAt }, keysOf(account)[0]),
  }
}

function newAccount(store: BlobStore, account: string): readonly [string, string] {
  if (!/^[a-z0-9]{3,24}$/.test(account)) {
    throw storageError('InvalidResourceName', `'${account}' is not a storage account name`)
  }
  const key = (): string => randomBytes(64).toString('base64')
  const keys = [key(), key()] as const
  store.tables.addAccount(account, keys)
  return keys
}

export function segment(content: { readonly file: string; readonly size: number }): Segment {
  return { blockId: undefined, file: content.file, size: content.size }
}

function storedBlob(row: BlobRow): StoredBlob {
  return {
    name: row.name,
    sizeBytes: row.size,
    etag: `"${row.etag}"`,
    lastModified: new Date(row.modifiedAt),
    contentType: row.properties.contentType,
    contentMd5: row.properties.contentMd5,
    metadata: row.properties.metadata,
  }
}
