import { randomBytes } from 'node:crypto'
import type { ContentFiles } from '../blob/content-files.ts'
import { storageError } from '../blob/storage-error.ts'
import type { ShareEngine } from '../context.ts'
import { pieces, ranges, without } from './extents.ts'
import {
  type FileTables,
  type NodeKey,
  type NodeProperties,
  type NodeRow,
  nameOf,
  parentOf,
  type ShareRow,
} from './file-tables.ts'

/** What a share may hold unless its maker says otherwise. */
export const usualQuotaGib = 5120

const zeros = Buffer.alloc(64 * 1024)

/**
 * The rules that keep rows and content together. A change is one synchronous transaction; content is
 * durable (see `ContentFiles`) before a row may name it, and goes when no row names it any more. So
 * a range that was acknowledged survives `kill -9`, and one that was not leaves nothing to see.
 */
export class FileStore implements ShareEngine {
  readonly tables: FileTables
  readonly files: ContentFiles
  readonly #clock: () => Date

  constructor(tables: FileTables, files: ContentFiles, clock: () => Date) {
    this.tables = tables
    this.files = files
    this.#clock = clock
  }

  requireShare(account: string, name: string): ShareRow {
    const row = this.tables.share(account, name)
    if (row) return row
    throw storageError('ShareNotFound')
  }

  createShare(
    account: string,
    name: string,
    options: { readonly metadata: Readonly<Record<string, string>>; readonly quotaGib: number },
  ): ShareRow {
    if (!/^(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*$/.test(name))
      throw storageError('InvalidResourceName')
    return this.tables.atomically(() => {
      if (this.tables.share(account, name)) throw storageError('ShareAlreadyExists')
      const { now, etag } = this.#version()
      const row = { account, name, etag, createdAt: now, modifiedAt: now, ...options }
      this.tables.saveShare(row)
      return row
    })
  }

  ensureShare(account: string, name: string): void {
    if (this.tables.share(account, name) === undefined)
      this.createShare(account, name, { metadata: {}, quotaGib: usualQuotaGib })
  }

  changeShare(
    account: string,
    name: string,
    change: Partial<Pick<ShareRow, 'metadata' | 'quotaGib'>>,
  ): ShareRow {
    return this.tables.atomically(() => {
      const { now, etag } = this.#version()
      const row = { ...this.requireShare(account, name), ...change, etag, modifiedAt: now }
      this.tables.saveShare(row)
      return row
    })
  }

  deleteShare(account: string, name: string): void {
    const freed = this.tables.atomically(() => {
      this.requireShare(account, name)
      return this.tables.removeShare(account, name)
    })
    this.files.discard(freed)
  }

  /** Of the kind asked for; Azure tells a missing parent from a missing entry. */
  require(key: NodeKey, kind: NodeRow['kind']): NodeRow {
    this.requireShare(key.account, key.share)
    const row = this.tables.node(key)
    if (row?.kind === kind) return row
    if (row) throw storageError('ResourceTypeMismatch')
    this.#requireParent(key)
    throw storageError('ResourceNotFound')
  }

  #requireParent({ account, share, path }: NodeKey): void {
    const parent = parentOf(path)
    if (parent === '') return
    if (this.tables.node({ account, share, path: parent })?.kind !== 'directory')
      throw storageError('ParentNotFound')
  }

  createDirectory(key: NodeKey, properties: NodeProperties): NodeRow {
    return this.tables.atomically(() => {
      this.#prepare(key)
      if (this.tables.node(key)) throw storageError('ResourceAlreadyExists')
      return this.#add(key, 'directory', 0, properties)
    })
  }

  /** Makes a file of that size, over one that is there: empty, or with all of its content. */
  createFile(key: NodeKey, size: number, properties: NodeProperties, content?: string): NodeRow {
    return this.#orDiscard(content, () => {
      this.#prepare(key)
      const existing = this.tables.node(key)
      if (existing?.kind === 'directory') throw storageError('ResourceTypeMismatch')
      this.#requireRoom(key, size - (existing?.size ?? 0))
      const freed = existing ? this.#remove(existing) : []
      const row = this.#add(key, 'file', size, properties)
      if (content === undefined) return { row, freed }
      if (size === 0) return { row, freed: [...freed, content] }
      return { row, freed: [...freed, ...this.#overlay(row, 0, size, content)] }
    })
  }

  #prepare(key: NodeKey): void {
    this.requireShare(key.account, key.share)
    checkPath(key.path)
    this.#requireParent(key)
  }

  #requireRoom({ account, share }: NodeKey, growth: number): void {
    const limit = this.requireShare(account, share).quotaGib * 1024 ** 3
    if (growth > 0 && this.tables.usedBytes(account, share) + growth > limit)
      throw storageError('InsufficientStorage', "The share's quota does not leave that much room.")
  }

  #add(key: NodeKey, kind: NodeRow['kind'], size: number, properties: NodeProperties): NodeRow {
    const { now, etag } = this.#version()
    this.tables.addNode({ ...key, kind, size, etag, modifiedAt: now, properties })
    return this.require(key, kind)
  }

  #remove(row: NodeRow): string[] {
    const contents = this.tables.extents(row).map(({ content }) => content)
    this.tables.removeNode(row)
    return this.tables.unnamed(contents)
  }

  remove(key: NodeKey, kind: NodeRow['kind']): void {
    const freed = this.tables.atomically(() => {
      const row = this.require(key, kind)
      if (this.tables.children(key, { prefix: '', from: '', limit: 1 }).length > 0)
        throw storageError('DirectoryNotEmpty')
      return this.#remove(row)
    })
    this.files.discard(freed)
  }

  change(
    key: NodeKey,
    kind: NodeRow['kind'],
    edit: (row: NodeRow) => { readonly properties: NodeProperties; readonly size?: number },
  ): NodeRow {
    return this.#orDiscard(undefined, () => {
      const existing = this.require(key, kind)
      const { properties, size = existing.size } = edit(existing)
      this.#requireRoom(key, size - existing.size)
      const { now, etag } = this.#version()
      const row = { ...existing, size, properties, etag, modifiedAt: now }
      this.tables.saveNode(row)
      const freed = size < existing.size ? this.#overlay(row, size, existing.size) : []
      return { row, freed }
    })
  }

  /** Writes a stretch, or clears it when `content` is undefined. */
  writeRange(
    key: NodeKey,
    stretch: { readonly first: number; readonly last: number },
    content: string | undefined,
    edit: (row: NodeRow) => NodeProperties,
  ): NodeRow {
    return this.#orDiscard(content, () => {
      const existing = this.require(key, 'file')
      if (stretch.last >= existing.size) throw storageError('InvalidRange')
      const { now, etag } = this.#version()
      const row = { ...existing, properties: edit(existing), etag, modifiedAt: now }
      this.tables.saveNode(row)
      return { row, freed: this.#overlay(row, stretch.first, stretch.last + 1, content) }
    })
  }

  /** One transaction; `content` that was handed in goes when the change is refused. */
  #orDiscard(
    content: string | undefined,
    change: () => { readonly row: NodeRow; readonly freed: string[] },
  ): NodeRow {
    try {
      const { row, freed } = this.tables.atomically(change)
      this.files.discard(freed)
      return row
    } catch (error) {
      if (content !== undefined) this.files.discard([content])
      throw error
    }
  }

  #overlay(row: NodeRow, from: number, to: number, content?: string): string[] {
    const before = this.tables.extents(row)
    const left = without(before, from, to)
    const added =
      content === undefined ? [] : [{ start: from, length: to - from, content, offset: 0 }]
    this.tables.replaceExtents(row, before, [...left, ...added])
    return this.tables.unnamed(before.map((one) => one.content))
  }

  /** Gives a file, or a directory with all that is in it, another path. */
  rename(key: NodeKey, kind: NodeRow['kind'], to: string, replaces: boolean): NodeRow {
    return this.#orDiscard(undefined, () => {
      const moved = this.require(key, kind)
      const target = { ...key, path: to }
      this.#prepare(target)
      if (`${to.toLowerCase()}/`.startsWith(`${key.path.toLowerCase()}/`) && kind === 'directory')
        throw storageError('InvalidUri', 'A directory cannot move into itself.')
      const freed = this.#makeWay(target, kind, replaces)
      const below = kind === 'directory' ? this.tables.below(key) : []
      for (const one of below)
        this.tables.saveNode({ ...one, path: `${to}${one.path.slice(key.path.length)}` })
      const { now, etag } = this.#version()
      const row = { ...moved, path: to, etag, modifiedAt: now }
      this.tables.saveNode(row)
      return { row, freed }
    })
  }

  #makeWay(target: NodeKey, kind: NodeRow['kind'], replaces: boolean): string[] {
    const existing = this.tables.node(target)
    if (existing === undefined) return []
    if (!replaces || existing.kind !== 'file' || kind !== 'file')
      throw storageError('ResourceAlreadyExists')
    return this.#remove(existing)
  }

  ranges(row: NodeRow, from: number, to: number) {
    return ranges(this.tables.extents(row), from, to)
  }

  /** The bytes as they are at this call, even when the file is written while they are read. */
  read(row: NodeRow, from: number, length: number): AsyncIterable<Uint8Array> {
    const parts = pieces(this.tables.extents(row), from, from + length)
    const held = parts.flatMap((one) => ('hole' in one ? [] : [one.content]))
    this.files.hold(held)
    return this.#stream(parts, held)
  }

  async *#stream(
    parts: ReturnType<typeof pieces>,
    held: readonly string[],
  ): AsyncGenerator<Uint8Array> {
    try {
      for (const one of parts) {
        if ('hole' in one) yield* hole(one.hole)
        else yield* this.files.read(one.content, one.offset, one.length)
      }
    } finally {
      this.files.release(held)
    }
  }

  #version(): { readonly now: number; readonly etag: string } {
    return {
      now: this.#clock().getTime(),
      etag: `0x${randomBytes(8).toString('hex').toUpperCase()}`,
    }
  }
}

function* hole(length: number): Generator<Uint8Array> {
  for (let left = length; left > 0; left -= zeros.length)
    yield left >= zeros.length ? zeros : zeros.subarray(0, left)
}

/** What Windows file systems refuse, so does the service. */
function checkPath(path: string): void {
  const isFit = (part: string) => part !== '' && part !== '.' && part !== '..' && part.length <= 255
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  const isWritable = !/["\\:|<>*?\u0000-\u001f\u007f]/.test(path)
  if (isWritable && path.length <= 2048 && path.split('/').every(isFit) && nameOf(path) !== '')
    return
  throw storageError('InvalidResourceName')
}
