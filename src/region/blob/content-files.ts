import { createHash, randomUUID } from 'node:crypto'
import {
  closeSync,
  createReadStream,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  unlinkSync,
} from 'node:fs'
import { type FileHandle, link, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Crc64 } from './crc64.ts'
import { storageError } from './storage-error.ts'

/** Content that is durable on disk but not yet named by any row. */
export interface ContentFile {
  readonly file: string
  readonly size: number
  /** Base64, as in the Content-MD5 header. */
  readonly md5: string
}

export interface ContentExpectation {
  readonly sizeBytes?: number
  readonly md5?: string
  readonly crc64?: string
}

/**
 * The bytes of blobs. A file is written under a temporary name, fsynced, renamed, its folder
 * fsynced; only then may a row name it. So a row always has its bytes, and a crash leaves at most
 * a file that no row names, which `sweep` removes at the next start. File names are random: names
 * of blobs never reach the file system.
 */
export class ContentFiles {
  readonly #dir: string
  readonly #open: (path: string) => Promise<FileHandle>
  readonly #held = new Map<string, number>()
  readonly #doomed = new Set<string>()

  /** `openForWriting` is there to offer a device that is full. */
  constructor(dir: string, openForWriting: OpenForWriting = openNew) {
    this.#dir = dir
    this.#open = openForWriting
    for (let shard = 0; shard < 256; shard++) {
      mkdirSync(join(dir, hex(shard)), { recursive: true, mode: 0o700 })
    }
    mkdirSync(join(dir, 'tmp'), { recursive: true, mode: 0o700 })
    syncDirNow(dir)
  }

  /** Removes what a crash left behind: half-written files, and files that no row names. */
  sweep(isReferenced: (file: string) => boolean): number {
    let removed = 0
    for (const shard of readdirSync(this.#dir)) {
      for (const file of readdirSync(join(this.#dir, shard))) {
        if (shard !== 'tmp' && isReferenced(file)) continue
        rmSync(join(this.#dir, shard, file), { force: true })
        removed++
      }
    }
    return removed
  }

  /** Resolves when the bytes are durable. Nothing is left behind when it throws. */
  async write(
    content: Uint8Array | AsyncIterable<Uint8Array>,
    expected: ContentExpectation = {},
  ): Promise<ContentFile> {
    const file = randomUUID()
    const temporary = join(this.#dir, 'tmp', file)
    try {
      const written = await this.#writeTo(temporary, content, expected)
      await rename(temporary, this.#path(file))
      await this.#syncShard(file)
      return { file, ...written }
    } catch (error) {
      await rm(temporary, { force: true })
      throw isNoSpace(error) ? storageError('InsufficientStorage') : error
    }
  }

  async #writeTo(
    path: string,
    content: Uint8Array | AsyncIterable<Uint8Array>,
    expected: ContentExpectation,
  ): Promise<{ size: number; md5: string }> {
    const md5 = createHash('md5')
    const crc64 = expected.crc64 === undefined ? undefined : new Crc64()
    let size = 0
    const handle = await this.#open(path)
    try {
      for await (const chunk of content instanceof Uint8Array ? [content] : content) {
        md5.update(chunk)
        crc64?.update(chunk)
        size += chunk.byteLength
        await handle.appendFile(chunk)
      }
      const digest = md5.digest('base64')
      if (expected.sizeBytes !== undefined && expected.sizeBytes !== size) {
        throw storageError('IncompleteBody')
      }
      if (expected.md5 !== undefined && expected.md5 !== digest) throw storageError('Md5Mismatch')
      if (crc64 !== undefined && crc64.digest() !== expected.crc64) {
        throw storageError('Crc64Mismatch')
      }
      await handle.sync()
      return { size, md5: digest }
    } finally {
      await handle.close()
    }
  }

  /** Second name for the same bytes, so that a copy inside the region costs no transfer. */
  async duplicate(file: string): Promise<string> {
    const copy = randomUUID()
    await link(this.#path(file), this.#path(copy))
    await this.#syncShard(copy)
    return copy
  }

  read(file: string, start: number, length: number): AsyncIterable<Uint8Array> {
    return createReadStream(this.#path(file), {
      start,
      end: start + length - 1,
      highWaterMark: 256 * 1024,
    })
  }

  /** A held file outlives its row until `release`: readers finish what they began. */
  hold(files: readonly string[]): void {
    for (const file of files) this.#held.set(file, (this.#held.get(file) ?? 0) + 1)
  }

  release(files: readonly string[]): void {
    for (const file of files) {
      const left = (this.#held.get(file) ?? 1) - 1
      if (left > 0) {
        this.#held.set(file, left)
        continue
      }
      this.#held.delete(file)
      if (this.#doomed.delete(file)) this.#unlink(file)
    }
  }

  /** For files that no row names any more. */
  discard(files: Iterable<string>): void {
    for (const file of new Set(files)) {
      if (this.#held.has(file)) this.#doomed.add(file)
      else this.#unlink(file)
    }
  }

  #unlink(file: string): void {
    try {
      unlinkSync(this.#path(file))
    } catch (error) {
      // Already gone is what was wanted; anything else leaves a file that the next sweep removes,
      // but must be heard of now.
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    }
  }

  #path(file: string): string {
    return join(this.#dir, file.slice(0, 2), file)
  }

  async #syncShard(file: string): Promise<void> {
    const handle = await open(join(this.#dir, file.slice(0, 2)), 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }
}

export type OpenForWriting = (path: string) => Promise<FileHandle>
const openNew: OpenForWriting = (path) => open(path, 'wx', 0o600)

/** Files of a device that has no room while it is full. */
export const openUnlessFull =
  (isFull: () => boolean): OpenForWriting =>
  async (path) => {
    if (isFull()) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    return openNew(path)
  }

function syncDirNow(dir: string): void {
  const fd = openSync(dir, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

const hex = (byte: number): string => byte.toString(16).padStart(2, '0')

function isNoSpace(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    (error.code === 'ENOSPC' || error.code === 'EDQUOT')
  )
}
