import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readdir, rename, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { BlobPlace } from '../blob-address.ts'
import { AzureError, type BlobEngine } from '../context.ts'

/** Blobs of one place as files: a single blob, or everything below a prefix. Resolves with their count. */
export async function materialise(
  blobs: BlobEngine,
  place: BlobPlace,
  folder: string,
): Promise<number> {
  const prefix = place.path === '' || place.path.endsWith('/') ? place.path : `${place.path}/`
  let count = 0
  let afterName: string | undefined
  for (;;) {
    const page = blobs.list(place.account, place.container, {
      prefix,
      limit: 500,
      ...(afterName === undefined ? {} : { afterName }),
    })
    for (const blob of page) {
      await download(
        blobs,
        { ...place, path: blob.name },
        inside(folder, blob.name.slice(prefix.length)),
      )
      count += 1
    }
    afterName = page.at(-1)?.name
    if (page.length < 500) return count
  }
}

/** One blob, or one file of a prefix that names exactly one blob; undefined when there is none. */
export async function materialiseFile(
  blobs: BlobEngine,
  place: BlobPlace,
  folder: string,
): Promise<string | undefined> {
  if (!blobs.head(place.account, place.container, place.path)) return undefined
  const file = inside(folder, basename(place.path))
  await download(blobs, place, file)
  return file
}

async function download(blobs: BlobEngine, place: BlobPlace, file: string): Promise<void> {
  const opened = blobs.open(place.account, place.container, place.path)
  if (!opened) return
  await mkdir(dirname(file), { recursive: true })
  // Never half a file under its own name: a training script may look at any moment.
  const part = `${file}.part.tmp`
  await pipeline(Readable.from(opened.content), createWriteStream(part))
  await rename(part, file)
}

/** A blob name may hold `..`; a file must stay in its folder. */
export function inside(folder: string, name: string): string {
  const root = resolve(folder)
  const file = resolve(root, ...name.split('/'))
  if (file !== root && !file.startsWith(root + sep)) {
    throw new AzureError(400, 'UserError', `The blob name '${name}' would leave its folder.`)
  }
  return file
}

interface Seen {
  readonly mark: string
  uploaded: string | undefined
}

/**
 * Copies a folder of a running job into the blob store, changed files only. A file is taken when it
 * looked the same twice in a row, so that one that is being written is left alone; names that end in
 * `.tmp` and dotfiles are never taken.
 */
export class FolderUpload {
  readonly #blobs: BlobEngine
  readonly #folder: string
  readonly #place: BlobPlace
  #seen = new Map<string, Seen>()

  constructor(blobs: BlobEngine, folder: string, place: BlobPlace) {
    this.#blobs = blobs
    this.#folder = folder
    this.#place = place
  }

  /** What is there before the job starts counts as uploaded: it came from the blob store. */
  async adopt(): Promise<void> {
    for (const [name, mark] of await this.#marks()) this.#seen.set(name, { mark, uploaded: mark })
  }

  /** `final`: the writer is gone, so every changed file is complete. Resolves with files uploaded. */
  async pass(final = false): Promise<number> {
    const marks = await this.#marks()
    let count = 0
    const seen = new Map<string, Seen>()
    for (const [name, mark] of marks) {
      const before = this.#seen.get(name)
      const settled = final || before?.mark === mark
      const entry: Seen = { mark, uploaded: before?.uploaded }
      if (settled && entry.uploaded !== mark) {
        if (await this.#upload(name)) {
          entry.uploaded = mark
          count += 1
        }
      }
      seen.set(name, entry)
    }
    this.#seen = seen
    return count
  }

  async #upload(name: string): Promise<boolean> {
    const prefix =
      this.#place.path === '' || this.#place.path.endsWith('/')
        ? this.#place.path
        : `${this.#place.path}/`
    try {
      await this.#blobs.put(
        this.#place.account,
        this.#place.container,
        `${prefix}${name}`,
        createReadStream(join(this.#folder, ...name.split('/'))),
      )
      return true
    } catch (error) {
      // The job may delete its own file between the look and the read; then there is nothing to keep.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw error
    }
  }

  async #marks(): Promise<Map<string, string>> {
    const marks = new Map<string, string>()
    for (const name of await filesBelow(this.#folder, '')) {
      const info = await stat(join(this.#folder, ...name.split('/')), { bigint: true }).catch(
        () => undefined,
      )
      if (info) marks.set(name, `${info.mtimeNs}-${info.size}-${info.ino}`)
    }
    return marks
  }
}

async function filesBelow(root: string, prefix: string): Promise<string[]> {
  const entries = await readdir(join(root, ...prefix.split('/')), { withFileTypes: true }).catch(
    () => [],
  )
  const names: string[] = []
  for (const entry of entries) {
    if (entry.name.startsWith('.') || entry.name.endsWith('.tmp') || entry.name === '__pycache__')
      continue
    const name = prefix === '' ? entry.name : `${prefix}/${entry.name}`
    if (entry.isDirectory()) names.push(...(await filesBelow(root, name)))
    else if (entry.isFile()) names.push(name)
  }
  return names
}
