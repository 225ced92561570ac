import { randomBytes } from 'node:crypto'
import { BlobHistory, type SnapshotsToo, type StateName } from './blob-history.ts'
import type {
  BlobKey,
  BlobProperties,
  BlobRow,
  BlobTables,
  ContainerRow,
  Segment,
} from './blob-tables.ts'
import type { ContentFiles } from './content-files.ts'
import { leaseAfterWrite } from './lease.ts'
import type { PastTables } from './past-tables.ts'
import type { ServicePolicies } from './service-policies.ts'
import { storageError } from './storage-error.ts'

/** Called with what is there now, inside the transaction that changes it; throws to refuse. */
export type Guard<Row> = (existing: Row | undefined) => void

interface Freed<T> {
  readonly files: readonly string[]
  readonly result: T
}

interface BlobStoreParts {
  readonly tables: BlobTables
  readonly past: PastTables
  readonly files: ContentFiles
  readonly policies: ServicePolicies
  readonly clock: () => Date
}

/**
 * The rules that keep rows and files together. Every change is one synchronous transaction: guards
 * see the state that the change replaces, so two writers with the same condition cannot both win.
 * Content must be durable (see `ContentFiles`) before it is handed in; when a change is refused, the
 * content handed in is discarded.
 */
export class BlobStore {
  readonly tables: BlobTables
  readonly past: PastTables
  readonly files: ContentFiles
  readonly policies: ServicePolicies
  readonly #history: BlobHistory
  readonly #clock: () => Date

  constructor(parts: BlobStoreParts) {
    this.tables = parts.tables
    this.past = parts.past
    this.files = parts.files
    this.policies = parts.policies
    this.#history = new BlobHistory(parts.tables, parts.past, parts.policies)
    this.#clock = parts.clock
  }

  requireContainer(account: string, container: string): ContainerRow {
    const row = this.tables.container(account, container)
    if (row === undefined) throw storageError('ContainerNotFound')
    return row
  }

  /** What the blob is, or one of the states that are kept of it. */
  requireBlob(key: BlobKey, state: StateName = {}): BlobRow {
    this.requireContainer(key.account, key.container)
    const row = this.find(key, state)
    if (row === undefined) throw storageError('BlobNotFound')
    return row
  }

  /** Only of a container that is there: what a deleted one held is out of reach by any name. */
  find(key: BlobKey, state: StateName): BlobRow | undefined {
    if (this.tables.container(key.account, key.container) === undefined) return undefined
    return this.#history.find(key, state, this.#now())
  }

  createContainer(
    account: string,
    name: string,
    metadata: Readonly<Record<string, string>>,
  ): ContainerRow {
    checkContainerName(name)
    return this.tables.atomically(() => {
      if (this.tables.container(account, name) !== undefined) {
        throw storageError('ContainerAlreadyExists')
      }
      const now = this.#now()
      const row = { account, name, etag: newEtag(), createdAt: now, modifiedAt: now, metadata }
      this.tables.saveContainer(row)
      return row
    })
  }

  setContainerMetadata(
    account: string,
    name: string,
    metadata: Readonly<Record<string, string>>,
    guard: Guard<ContainerRow>,
  ): ContainerRow {
    return this.tables.atomically(() => {
      const existing = this.requireContainer(account, name)
      guard(existing)
      const row = { ...existing, metadata, etag: newEtag(), modifiedAt: this.#now() }
      this.tables.saveContainer(row)
      return row
    })
  }

  /** Where the account keeps deleted containers, this one goes where no client can name it. */
  deleteContainer(account: string, name: string, guard: Guard<ContainerRow>): void {
    this.#freeing((now) => {
      const row = this.requireContainer(account, name)
      guard(row)
      this.tables.removeContainer(account, name)
      const { containerRetentionDays: days } = this.policies.of(account)
      if (days === undefined)
        return { files: this.tables.emptyContainer(account, name), result: row }
      const version = randomBytes(8).toString('hex').toUpperCase()
      this.past.addContainer(row, { version, deletedAt: now, purgeAt: now + days * 86_400_000 })
      this.past.renameContainer(account, name, hidden(name, version))
      return { files: [], result: row }
    })
  }

  restoreContainer(account: string, name: string, version: string, as: string): ContainerRow {
    checkContainerName(as)
    return this.tables.atomically(() => {
      const found = this.past.container(account, name, version)
      if (found?.deleted === undefined || found.deleted.purgeAt <= this.#now())
        throw storageError('ContainerNotFound')
      if (this.tables.container(account, as) !== undefined)
        throw storageError('ContainerAlreadyExists')
      const row = { ...found, name: as }
      this.tables.saveContainer(row)
      this.past.removeContainer(found)
      this.past.renameContainer(account, hidden(name, version), as)
      return row
    })
  }

  /** Replaces the whole blob; staged blocks are dropped, an active lease stays. */
  putBlob(
    key: BlobKey,
    segments: readonly Segment[],
    properties: BlobProperties,
    guard: Guard<BlobRow> = () => undefined,
  ): BlobRow {
    return this.#replace(key, segments, properties, guard)
  }

  stageBlock(
    key: BlobKey,
    blockId: string,
    content: { readonly file: string; readonly size: number },
    guard: Guard<BlobRow>,
  ): void {
    this.#freeing(() => {
      this.requireContainer(key.account, key.container)
      guard(this.tables.blob(key))
      const staged = this.tables.stagedBlocks(key)
      checkBlockIdLength(blockId, staged)
      this.tables.stageBlock(key, blockId, content.file, content.size)
      return { files: staged.map((block) => block.file), result: undefined }
    }, [content.file])
  }

  /** Makes the blob from blocks: staged ones, ones it has, or whichever is newer. */
  commitBlocks(
    key: BlobKey,
    list: readonly { readonly blockId: string; readonly from: 'staged' | 'committed' | 'latest' }[],
    properties: BlobProperties,
    guard: Guard<BlobRow>,
  ): BlobRow {
    this.requireContainer(key.account, key.container)
    const existing = this.tables.blob(key)
    const committed = byBlockId(existing === undefined ? [] : this.tables.segments(existing.id))
    const staged = byBlockId(this.tables.stagedBlocks(key))
    const segments = list.map(({ blockId, from }) => {
      const found =
        (from === 'committed' ? undefined : staged.get(blockId)) ??
        (from === 'staged' ? undefined : committed.get(blockId))
      if (found === undefined) throw storageError('InvalidBlockList')
      return found
    })
    return this.#replace(key, segments, properties, guard)
  }

  /** Changes properties without touching content. */
  update(
    key: BlobKey,
    change: (existing: BlobRow) => BlobProperties,
    options: { readonly keepEtag?: boolean; readonly isNewVersion?: boolean } = {},
  ): BlobRow {
    return this.tables.atomically(() => {
      const existing = this.requireBlob(key)
      const properties = change(existing)
      const written = options.keepEtag ? {} : { etag: newEtag(), modifiedAt: this.#now() }
      const versionId = options.isNewVersion
        ? this.#history.beginVersion(existing, this.#now())
        : existing.properties.versionId
      return this.tables.saveBlob({
        ...existing,
        ...written,
        properties: { ...properties, versionId },
      })
    })
  }

  /** Keeps what the blob is under the moment returned; with versioning a new version begins. */
  snapshot(
    key: BlobKey,
    metadata: Readonly<Record<string, string>> | undefined,
    guard: Guard<BlobRow>,
  ): { readonly row: BlobRow; readonly moment: string } {
    return this.tables.atomically(() => {
      const existing = this.requireBlob(key)
      guard(existing)
      const now = this.#now()
      const moment = this.#history.snapshot(existing, metadata, now)
      const versionId = this.#history.beginVersion(existing, now)
      const properties = { ...existing.properties, versionId }
      return { row: this.tables.saveBlob({ ...existing, properties }), moment }
    })
  }

  /** Undefined: there was none. */
  deleteBlob(
    key: BlobKey,
    guard: Guard<BlobRow> = () => undefined,
    snapshots: SnapshotsToo = 'include',
  ): { readonly isPermanent: boolean } | undefined {
    return this.#freeing((now) => {
      const existing = this.tables.blob(key)
      guard(existing)
      if (existing === undefined) return { files: [], result: undefined }
      const files = [...this.#filesOf(key, existing), ...this.#history.allFilesOf(key, now)]
      const isPermanent = this.#history.removeCurrent(existing, snapshots, now)
      if (snapshots !== 'only') this.tables.dropStagedBlocks(key)
      return { files, result: { isPermanent } }
    })
  }

  deleteState(key: BlobKey, state: StateName, isPermanent: boolean): { isPermanent: boolean } {
    return this.#freeing((now) => {
      this.requireContainer(key.account, key.container)
      const files = this.#history.allFilesOf(key, now)
      const isGone = this.#history.removeState(key, state, isPermanent, now)
      return { files, result: { isPermanent: isGone } }
    })
  }

  undelete(key: BlobKey): void {
    this.tables.atomically(() => {
      this.requireContainer(key.account, key.container)
      this.#history.undelete(key, this.#now())
    })
  }

  /** Ends deleted things whose time is over. */
  purge(): void {
    this.#freeing(() => ({ files: [], result: undefined }))
  }

  /** The bytes as they are at this call, even when the blob is replaced while they are read. */
  read(blob: BlobRow, offset: number, length: number): AsyncIterable<Uint8Array> {
    const pieces: { file: string; start: number; length: number }[] = []
    let begin = 0
    for (const { file, size } of this.tables.segments(blob.id)) {
      const start = Math.max(offset - begin, 0)
      const end = Math.min(offset + length - begin, size)
      if (start < end) pieces.push({ file, start, length: end - start })
      begin += size
    }
    return this.#stream(pieces)
  }

  async *#streamHeld(
    pieces: readonly { file: string; start: number; length: number }[],
  ): AsyncGenerator<Uint8Array> {
    try {
      for (const { file, start, length } of pieces) yield* this.files.read(file, start, length)
    } finally {
      this.files.release(pieces.map((piece) => piece.file))
    }
  }

  #stream(
    pieces: readonly { file: string; start: number; length: number }[],
  ): AsyncIterable<Uint8Array> {
    this.files.hold(pieces.map((piece) => piece.file))
    return this.#streamHeld(pieces)
  }

  /** Content of a blob of this region under new file names, sharing the bytes on disk. */
  async duplicate(blob: BlobRow): Promise<Segment[]> {
    const segments = this.tables.segments(blob.id)
    const sources = segments.map(({ file }) => file)
    this.files.hold(sources)
    try {
      const copies: Segment[] = []
      for (const one of segments) {
        copies.push({ ...one, file: await this.files.duplicate(one.file) })
      }
      return copies
    } finally {
      this.files.release(sources)
    }
  }

  #replace(
    key: BlobKey,
    segments: readonly Segment[],
    properties: BlobProperties,
    guard: Guard<BlobRow>,
  ): BlobRow {
    return this.#freeing(
      (now) => {
        checkBlobName(key.name)
        this.requireContainer(key.account, key.container)
        const existing = this.tables.blob(key)
        guard(existing)
        const files = this.#filesOf(key, existing)
        this.#history.beforeReplace(key, existing, now)
        const versionId = this.#history.nextVersionId(key, now)
        const lease = leaseAfterWrite(existing?.properties.lease, now)
        const saved = this.tables.saveBlob({
          ...key,
          size: segments.reduce((sum, one) => sum + one.size, 0),
          etag: newEtag(),
          createdAt: existing?.createdAt ?? now,
          modifiedAt: now,
          properties: { ...properties, lease, versionId },
        })
        this.tables.replaceSegments(saved.id, segments)
        this.tables.dropStagedBlocks(key)
        return { files, result: saved }
      },
      segments.map((one) => one.file),
    )
  }

  #filesOf(key: BlobKey, existing?: BlobRow): string[] {
    const committed = existing === undefined ? [] : this.#history.filesOf(existing)
    return [...committed, ...this.tables.stagedBlocks(key).map((one) => one.file)]
  }

  /**
   * One transaction, and after it the end of the files that it freed: of those that `change` says
   * it may have freed, the ones that no row names any more. `given`: content handed in for it, which
   * goes when it is refused.
   */
  #freeing<T>(change: (now: number) => Freed<T>, given: readonly string[] = []): T {
    let freed: readonly string[] = given
    try {
      return this.tables.atomically(() => {
        const now = this.#now()
        const outcome = change(now)
        const files = [...outcome.files, ...this.#purge(now)]
        freed = this.tables.unnamed(files)
        return outcome.result
      })
    } catch (error) {
      freed = this.tables.unnamed(given)
      throw error
    } finally {
      this.files.discard(freed)
    }
  }

  #purge(now: number): string[] {
    const containers = this.past.expiredContainers(now).flatMap((row) => {
      this.past.removeContainer(row)
      return this.tables.emptyContainer(row.account, hidden(row.name, row.deleted?.version ?? ''))
    })
    return [...containers, ...this.#history.purge(now)]
  }

  #now(): number {
    return this.#clock().getTime()
  }
}

/** No client can write a blank into the name of a container. */
function hidden(name: string, version: string): string {
  return `${name} ${version}`
}

function byBlockId(segments: readonly Segment[]): Map<string, Segment> {
  return new Map(segments.flatMap((one) => (one.blockId === undefined ? [] : [[one.blockId, one]])))
}

function newEtag(): string {
  return `0x${randomBytes(8).toString('hex').toUpperCase()}`
}

export function checkContainerName(name: string): void {
  const valid =
    /^\$(root|web|logs)$/.test(name) ||
    (/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(name) && !name.includes('--'))
  if (!valid) throw storageError('InvalidResourceName')
}

export function checkBlobName(name: string): void {
  if (name.length === 0 || name.length > 1024 || name.includes('\0')) {
    throw storageError('InvalidResourceName')
  }
}

function checkBlockIdLength(blockId: string, staged: readonly Segment[]): void {
  const bytes = Buffer.from(blockId, 'base64')
  if (bytes.length === 0 || bytes.length > 64 || bytes.toString('base64') !== blockId) {
    throw storageError('InvalidBlockId')
  }
  if (staged.some((one) => one.blockId?.length !== blockId.length)) {
    throw storageError('InvalidBlockId', 'All block IDs of a blob must have the same length.')
  }
}
