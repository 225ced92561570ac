import { isDrillBlob } from '../model/drill.ts'
import { formatObjectId } from '../model/object-id.ts'
import type { BlobInfo, BlobStoreName } from '../workspace/workspace.ts'
import { type BlobPair, blobId, provenAsListed } from './blob-batch.ts'
import type { LedgerEntry } from './ledger.ts'
import { writeChanged } from './objects.ts'
import { at, pagesOf } from './paging.ts'
import { listFailure, type Pass, progressed, reading } from './pass-state.ts'
import type { PassWork } from './pass-work.ts'

/** What becomes of blobs that are not proven as they are listed. */
export type BlobHandler = (store: BlobStoreName, blobs: readonly BlobPair[]) => Promise<void>

/** Copies the bytes of every store, storage to storage; two paged listings are walked side by side. */
export async function passBlobs(pass: Pass, work: PassWork): Promise<void> {
  pass.phase = 'blobs'
  progressed(pass)
  const stores = await pass.context.source.listBlobStores(reading(pass))
  for (const store of stores)
    await passPlace(pass, store, '', (name, blobs) => work.addBlobs(name, blobs))
  await work.settled()
}

/** The blobs of a store whose names begin with `prefix`. */
export async function passPlace(
  pass: Pass,
  store: BlobStoreName,
  prefix: string,
  handle: BlobHandler,
): Promise<void> {
  try {
    await passStore(pass, store, prefix, handle)
  } catch (error) {
    const list = { kind: 'blob', path: [store] } as const
    await writeChanged(pass, [listFailure(pass, list, error)], new Map())
  }
}

async function passStore(
  pass: Pass,
  store: BlobStoreName,
  prefix: string,
  handle: BlobHandler,
): Promise<void> {
  const all = { ...reading(pass), ...(prefix === '' ? {} : { prefix }) }
  const { source, target, ledger } = pass.context
  const standing = new Cursor(
    pagesOf((cursor) => target.listBlobs(store, { ...all, ...at(cursor) })),
  )
  for await (const listed of pagesOf((cursor) =>
    source.listBlobs(store, { ...all, ...at(cursor) }),
  )) {
    const page = listed.filter(
      ({ name }) => !isDrillBlob(store, name) && !pass.urgent?.covers(store, name),
    )
    const pairs: BlobPair[] = []
    for (const blob of page) {
      const found = await standing.find(blob.name)
      // Beyond ASCII services disagree about the order, and then the walk side by side misses some.
      const there =
        found ??
        (isAscii(blob.name) ? found : await target.getBlob(store, blob.name, reading(pass)))
      pairs.push([blob, there])
    }
    const names = page.map((blob) => formatObjectId(blobId(store, blob.name)))
    for (const name of names) pass.seen?.add(name)
    const forward = await ledger.read(pass.direction, names)
    const known: LedgerEntry[] = []
    const asked: BlobPair[] = []
    for (const [i, pair] of pairs.entries()) {
      const entry = provenAsListed(pass, store, pair, forward.get(names[i] ?? ''))
      if (entry === undefined) asked.push(pair)
      else known.push(entry)
    }
    pass.tally.compared += known.length
    progressed(pass)
    await writeChanged(pass, known, forward)
    await handle(store, asked)
  }
}

/** A listing in name order, read only as far as the other listing has come. */
class Cursor {
  readonly #pages: AsyncGenerator<readonly BlobInfo[]>
  #page: readonly BlobInfo[] = []
  #index = 0
  #ended = false

  constructor(pages: AsyncGenerator<readonly BlobInfo[]>) {
    this.#pages = pages
  }

  async find(name: string): Promise<BlobInfo | undefined> {
    for (;;) {
      const current = this.#page[this.#index]
      if (current === undefined) {
        if (this.#ended) return undefined
        const next = await this.#pages.next()
        if (next.done === true) {
          this.#ended = true
          return undefined
        }
        this.#page = next.value
        this.#index = 0
        continue
      }
      const order = compareNames(current.name, name)
      if (order === 0) return current
      if (order > 0) return undefined
      this.#index += 1
    }
  }
}

/** Storage sorts names by their UTF-8 bytes, which differs from JavaScript's order beyond ASCII. */
function compareNames(a: string, b: string): number {
  if (isAscii(a) && isAscii(b)) return a < b ? -1 : a > b ? 1 : 0
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function isAscii(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the whole ASCII range is meant
  return /^[\u0000-\u007f]*$/.test(text)
}
