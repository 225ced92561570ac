import { randomBytes } from 'node:crypto'
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
import { storageError } from './storage-error.ts'

/** Called with what is there now, inside the transaction that changes it; throws to refuse. */
export type Guard<Row> = (existing: Row | undefined) => void

/**
 * The rules that keep rows and files together. Every change is one synchronous transaction: guards
 * see the state that the change replaces, so two writers with the same condition cannot both win.
 * Content must be durable (see `ContentFiles`) before it is handed in; when a change is refused, the
 * content handed in is discarded.
 */
export class BlobStore {
  readonly tables: BlobTables
  readonly files: ContentFiles
  readonly #clock: () => Date

  constructor(tables: BlobTables, files: ContentFiles, clock: () => Date) {
    this.tables = tables
    this.files = files
    this.#clock = clock
  }

  requireContainer(account: string, container: string): ContainerRow {
    const row = this.tables.container(account, container)
    if (row === undefined) throw storageError('ContainerNotFound')
    return row
  }

  requireBlob(key: BlobKey): BlobRow {
    this.requireContainer(key.account, key.container)
    const row = this.tables.blob(key)
    if (row === undefined) throw storageError('BlobNotFound')
    return row
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

  deleteContainer(account: string, name: string, guard: Guard<ContainerRow>): void {
    const freed = this.tables.atomically(() => {
      guard(this.requireContainer(account, name))
      return this.tables.removeContainer(account, name)
    })
    this.files.discard(freed)
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
    const freed = this.#orDiscard([content.file], () =>
      this.tables.atomically(() => {
        this.requireContainer(key.account, key.container)
        guard(this.tables.blob(key))
        const staged = this.tables.stagedBlocks(key)
        checkBlockIdLength(blockId, staged)
        this.tables.stageBlock(key, blockId, content.file, content.size)
        return staged.filter((block) => block.blockId === blockId).map((block) => block.file)
      }),
    )
    this.files.discard(freed)
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
    options: { readonly keepVersion?: boolean } = {},
  ): BlobRow {
    return this.tables.atomically(() => {
      const existing = this.requireBlob(key)
      const properties = change(existing)
      const version = options.keepVersion ? {} : { etag: newEtag(), modifiedAt: this.#now() }
      return this.tables.saveBlob({ ...existing, ...version, properties })
    })
  }

  deleteBlob(key: BlobKey, guard: Guard<BlobRow> = () => undefined): boolean {
    const freed = this.tables.atomically(() => {
      const existing = this.tables.blob(key)
      guard(existing)
      if (existing === undefined) return undefined
      const files = this.#filesOf(key, existing)
      this.tables.removeBlob(existing)
      this.tables.dropStagedBlocks(key)
      return files
    })
    this.files.discard(freed ?? [])
    return freed !== undefined
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
    checkBlobName(key.name)
    const given = segments.map((one) => one.file)
    const { row, freed } = this.#orDiscard(this.#unnamed(key, given), () =>
      this.tables.atomically(() => {
        this.requireContainer(key.account, key.container)
        const existing = this.tables.blob(key)
        guard(existing)
        const files = existing === undefined ? this.#filesOf(key) : this.#filesOf(key, existing)
        const now = this.#now()
        const saved = this.tables.saveBlob({
          ...key,
          size: segments.reduce((sum, one) => sum + one.size, 0),
          etag: newEtag(),
          createdAt: existing?.createdAt ?? now,
          modifiedAt: now,
          properties: { ...properties, lease: leaseAfterWrite(existing?.properties.lease, now) },
        })
        this.tables.replaceSegments(saved.id, segments)
        this.tables.dropStagedBlocks(key)
        return { row: saved, freed: files.filter((file) => !given.includes(file)) }
      }),
    )
    this.files.discard(freed)
    return row
  }

  /** Of the given files, those that no row names yet: they go when the change is refused. */
  #unnamed(key: BlobKey, files: readonly string[]): string[] {
    const existing = this.tables.blob(key)
    const named = new Set(this.#filesOf(key, existing))
    return files.filter((file) => !named.has(file))
  }

  #filesOf(key: BlobKey, existing?: BlobRow): string[] {
    const committed = existing === undefined ? [] : this.tables.segments(existing.id)
    return [...committed, ...this.tables.stagedBlocks(key)].map((one) => one.file)
  }

  #orDiscard<T>(files: readonly string[], change: () => T): T {
    try {
      return change()
    } catch (error) {
      this.files.discard(files)
      throw error
    }
  }

  #now(): number {
    return this.#clock().getTime()
  }
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
