import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, mkdirSync, rmSync, statSync } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { OpenForWriting } from '../blob/content-files.ts'
import { registryError } from './registry-error.ts'

/** Bytes that arrive, maybe in pieces; nobody can read them before `finish`. */
interface Upload {
  readonly registry: string
  readonly repository: string
  readonly file: string
  sizeBytes: number
}

/**
 * The bytes of layers and configurations, named by their digest within their registry. An upload is
 * written beside them, fsynced, compared with the digest that its sender names, and only then renamed.
 * A second upload of the same digest replaces the first: bytes that were damaged on disk are mended.
 */
export class LayerFiles {
  readonly #dir: string
  readonly #open: OpenForWriting
  readonly #uploads = new Map<string, Upload>()

  constructor(dir: string, openForWriting: OpenForWriting) {
    this.#dir = dir
    this.#open = openForWriting
    // Uploads live as long as the process: their senders begin anew, as after any lost connection.
    rmSync(this.#uploadDir, { recursive: true, force: true })
    mkdirSync(this.#uploadDir, { recursive: true, mode: 0o700 })
  }

  get #uploadDir(): string {
    return join(this.#dir, 'uploads')
  }

  begin(registry: string, repository: string): string {
    const id = randomUUID()
    const file = join(this.#uploadDir, id)
    this.#uploads.set(id, { registry, repository, file, sizeBytes: 0 })
    return id
  }

  /** Throws BLOB_UPLOAD_UNKNOWN. */
  received(registry: string, repository: string, id: string): number {
    return this.#find(registry, repository, id).sizeBytes
  }

  /** Adds bytes, at this offset when one is given. Gives how many there are now. */
  async append(
    registry: string,
    repository: string,
    id: string,
    content: AsyncIterable<Uint8Array>,
    offset?: number,
  ): Promise<number> {
    const upload = this.#find(registry, repository, id)
    if (offset !== undefined && offset !== upload.sizeBytes)
      throw registryError(416, 'BLOB_UPLOAD_INVALID', `The next byte is ${upload.sizeBytes}.`)
    const handle =
      upload.sizeBytes === 0 ? await this.#create(upload) : await open(upload.file, 'a')
    try {
      for await (const piece of content) {
        await handle.appendFile(piece)
        upload.sizeBytes += piece.byteLength
      }
      await handle.sync()
    } finally {
      await handle.close()
    }
    return upload.sizeBytes
  }

  /** Again from the start, when nothing of it has arrived before. */
  async #create({ file }: Upload): Promise<FileHandle> {
    await rm(file, { force: true })
    return this.#open(file)
  }

  /** Throws DIGEST_INVALID when the bytes have another one. */
  async finish(registry: string, repository: string, id: string, digest: string): Promise<number> {
    const { file, sizeBytes } = this.#find(registry, repository, id)
    if (sizeBytes === 0) await this.append(registry, repository, id, Readable.from([]))
    if ((await digestOfFile(file)) !== digest) {
      await this.cancel(registry, repository, id)
      throw registryError(400, 'DIGEST_INVALID', 'The bytes have another digest.')
    }
    mkdirSync(join(this.#dir, 'layers', registry), { recursive: true, mode: 0o700 })
    await rename(file, this.#path(registry, digest))
    await syncFolder(join(this.#dir, 'layers', registry))
    this.#uploads.delete(id)
    return sizeBytes
  }

  async cancel(registry: string, repository: string, id: string): Promise<void> {
    const { file } = this.#find(registry, repository, id)
    this.#uploads.delete(id)
    await rm(file, { force: true })
  }

  /** Of the bytes as they are on disk now, damaged ones included. Undefined: they are gone. */
  sizeBytes(registry: string, digest: string): number | undefined {
    return statSync(this.#path(registry, digest), { throwIfNoEntry: false })?.size
  }

  /** Both ends are included. */
  read(registry: string, digest: string, range: { start: number; end: number }) {
    return createReadStream(this.#path(registry, digest), range)
  }

  /** Of a registry that is deleted. */
  forget(registry: string): void {
    rmSync(join(this.#dir, 'layers', registry), { recursive: true, force: true })
  }

  #find(registry: string, repository: string, id: string): Upload {
    const upload = this.#uploads.get(id)
    if (upload?.registry === registry && upload.repository === repository) return upload
    throw registryError(404, 'BLOB_UPLOAD_UNKNOWN', 'There is no such upload.')
  }

  #path(registry: string, digest: string): string {
    return join(this.#dir, 'layers', registry, digest.replace(':', '-'))
  }
}

async function digestOfFile(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(file)) hash.update(piece as Uint8Array)
  return `sha256:${hash.digest('hex')}`
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
