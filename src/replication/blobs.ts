import { isDrillBlob } from '../model/drill.ts'
import { formatObjectId } from '../model/object-id.ts'
import type { PriorityRule } from '../plan/continuity-plan.ts'
import { last, literalStart, priorityOf } from '../plan/priority-of.ts'
import type { BlobInfo, BlobStoreName } from '../workspace/workspace.ts'
import { type BlobPair, blobId, provenAsListed } from './blob-batch.ts'
import type { LedgerEntry } from './ledger.ts'
import { writeChanged } from './objects.ts'
import { at, pagesAhead } from './paging.ts'
import { listFailure, type Pass, progressed, reading } from './pass-state.ts'
import type { PassWork } from './pass-work.ts'

interface BlobPlace {
  readonly store: BlobStoreName
  readonly prefix: string
}

/** What becomes of blobs that are not proven as they are listed. */
export type BlobHandler = (store: BlobStoreName, blobs: readonly BlobPair[]) => Promise<void>

/** Copies the bytes of every store, storage to storage; two paged listings are walked side by side. */
export async function passBlobs(pass: Pass, work: PassWork): Promise<void> {
  pass.phase = 'blobs'
  progressed(pass)
  const stores = await pass.context.source.listBlobStores(reading(pass))
  const rules = pass.context.plan.priority ?? []
  for (const [rank, rule] of rules.entries()) {
    if (rule.kind !== 'blob') continue
    for (const place of placesOf(rule, stores)) await passPlace(pass, place, handlerOf(work), rank)
    await work.settled()
  }
  for (const store of stores) await passPlace(pass, { store, prefix: '' }, handlerOf(work), last)
  await work.settled()
}

const handlerOf =
  (work: PassWork): BlobHandler =>
  (store, blobs) =>
    work.addBlobs(store, blobs)

/** Where the blobs of a rule can be: what its glob begins with is store and prefix. */
function placesOf({ name = '' }: PriorityRule, stores: readonly BlobStoreName[]): BlobPlace[] {
  const [first = '', ...rest] = literalStart(name).split('/')
  const isWhole = rest.length > 0
  return stores
    .filter((store) => (isWhole ? store === first : store.startsWith(first)))
    .map((store) => ({ store, prefix: rest.join('/') }))
}

/** The blobs of a store whose names begin with `prefix`; only those of one priority, where it is given. */
export async function passPlace(
  pass: Pass,
  place: BlobPlace,
  handle: BlobHandler,
  rank?: number,
): Promise<void> {
  try {
    await passStore(pass, place, handle, rank)
  } catch (error) {
    const list = { kind: 'blob', path: [place.store] } as const
    await writeChanged(pass, [listFailure(pass, list, error)], new Map())
  }
}

async function passStore(
  pass: Pass,
  { store, prefix }: BlobPlace,
  handle: BlobHandler,
  rank: number | undefined,
): Promise<void> {
  const { plan } = pass.context
  const isWanted = ({ name }: BlobInfo): boolean =>
    !isDrillBlob(store, name) &&
    !pass.urgent?.covers(store, name) &&
    (rank === undefined || priorityOf(plan, blobId(store, name)) === rank)
  const all = { ...reading(pass), ...(prefix === '' ? {} : { prefix }) }
  const { source, target, ledger } = pass.context
  const standing = new Cursor(
    pagesAhead((cursor) => target.listBlobs(store, { ...all, ...at(cursor) })),
  )
  for await (const listed of pagesAhead((cursor) =>
    source.listBlobs(store, { ...all, ...at(cursor) }),
  )) {
    const page = listed.filter(isWanted)
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
