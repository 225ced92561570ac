import { createHash } from 'node:crypto'
import { digestJson } from '../model/canonical.ts'
import { isCode } from '../model/errors.ts'
import { formatObjectId, type ObjectId } from '../model/object-id.ts'
import type { BlobInfo, BlobStoreName, Workspace } from '../workspace/workspace.ts'
import { decideAction, younger } from './decide-action.ts'
import type { LedgerEntry } from './ledger.ts'
import { writeChanged } from './objects.ts'
import { at, pagesOf } from './paging.ts'
import {
  acted,
  entryFor,
  failureOf,
  listFailure,
  type Outcome,
  type Pass,
  progressed,
  reading,
  writing,
} from './pass-state.ts'

/** Copies the bytes of every store, storage to storage; two paged listings are walked side by side. */
export async function passBlobs(pass: Pass): Promise<void> {
  pass.phase = 'blobs'
  progressed(pass)
  const stores = await pass.context.source.listBlobStores(reading(pass))
  for (const store of stores) {
    try {
      await passStore(pass, store)
    } catch (error) {
      await writeChanged(
        pass,
        [listFailure(pass, { kind: 'blob', path: [store, '*'] }, error)],
        new Map(),
      )
    }
  }
}

async function passStore(pass: Pass, store: BlobStoreName): Promise<void> {
  const { source, target, ledger } = pass.context
  const standing = new Cursor(
    pagesOf((cursor) => target.listBlobs(store, { ...reading(pass), ...at(cursor) })),
  )
  for await (const page of pagesOf((cursor) =>
    source.listBlobs(store, { ...reading(pass), ...at(cursor) }),
  )) {
    const pairs: Array<readonly [BlobInfo, BlobInfo | undefined]> = []
    for (const blob of page) pairs.push([blob, await standing.find(blob.name)])
    const names = page.map((blob) => formatObjectId(blobId(store, blob.name)))
    const [forward, backward] = await Promise.all([
      ledger.read(pass.direction, names),
      ledger.read(pass.backward, names),
    ])
    const entries = await Promise.all(
      pairs.map(([blob, there], i) =>
        pass.limit(() =>
          passBlob(
            pass,
            store,
            blob,
            there,
            forward.get(names[i] ?? ''),
            backward.get(names[i] ?? ''),
          ),
        ),
      ),
    )
    await writeChanged(pass, entries, forward)
  }
}

function blobId(store: BlobStoreName, name: string): ObjectId {
  return { kind: 'blob', path: [store, name] }
}

async function passBlob(
  pass: Pass,
  store: BlobStoreName,
  source: BlobInfo,
  target: BlobInfo | undefined,
  forward: LedgerEntry | undefined,
  backward: LedgerEntry | undefined,
): Promise<LedgerEntry> {
  const id = blobId(store, source.name)
  pass.tally.compared += 1
  try {
    return entryFor(pass, id, await settle(pass, store, source, target, forward, backward))
  } catch (error) {
    const failure = failureOf(error)
    // A blob that changes while it is copied is no failure: the next pass finds its new content.
    const state =
      failure.code === 'blob.changed' || failure.code === 'blob.not-found' ? 'pending' : 'failed'
    pass.tally[state] += 1
    return entryFor(pass, id, {
      state,
      sourceDigest: digestOf(source),
      targetDigest: null,
      sourceVersion: source.etag,
      targetVersion: null,
      error: failure,
    })
  } finally {
    progressed(pass)
  }
}

async function settle(
  pass: Pass,
  store: BlobStoreName,
  source: BlobInfo,
  target: BlobInfo | undefined,
  forward: LedgerEntry | undefined,
  backward: LedgerEntry | undefined,
): Promise<Outcome> {
  const facts = {
    sourceDigest: digestOf(source),
    sourceVersion: source.etag,
    bytes: source.sizeBytes,
  }
  const untouched =
    forward?.state === 'proven' &&
    forward.sourceVersion === source.etag &&
    forward.targetVersion === target?.etag
  if (untouched && target !== undefined)
    return {
      ...facts,
      state: 'proven',
      targetDigest: forward.targetDigest,
      targetVersion: target.etag,
    }
  const equal = target !== undefined && (await sameContent(pass, store, source, target))
  let decision = decideAction({
    desired: 'source',
    target: target === undefined ? undefined : equal ? 'source' : 'target',
    unchangedSinceProven:
      target === undefined ? undefined : wasLeftAlone(target, forward, backward),
  })
  if (
    pass.mode === 'salvage' &&
    decision.action === 'conflict' &&
    forward?.state === 'proven' &&
    forward.sourceVersion === source.etag
  ) {
    decision = { action: 'none', reason: 'nothing new at the old primary' }
  }
  if (decision.action === 'none')
    return {
      ...facts,
      state: 'proven',
      targetDigest: equal ? facts.sourceDigest : ((target && digestOf(target)) ?? null),
      targetVersion: target?.etag ?? null,
    }
  const object = formatObjectId(blobId(store, source.name))
  acted(pass, {
    object,
    kind: 'blob',
    action: decision.action === 'conflict' ? 'conflict' : 'copy',
    reason: decision.reason,
    bytes: source.sizeBytes,
  })
  if (decision.action === 'conflict') {
    pass.tally.conflicts += 1
    return {
      ...facts,
      state: 'conflict',
      targetDigest: target === undefined ? null : digestOf(target),
      targetVersion: target?.etag ?? null,
      error: { code: 'blob.conflict', message: decision.reason },
    }
  }
  if (pass.mode === 'plan')
    return { ...facts, state: 'pending', targetDigest: null, targetVersion: null }
  return copy(pass, store, source, decision.action === 'create')
}

function wasLeftAlone(
  target: BlobInfo,
  forward: LedgerEntry | undefined,
  backward: LedgerEntry | undefined,
): boolean | undefined {
  const which = younger(forward, backward)
  if (which === undefined) return undefined
  if (which === 'backward')
    return backward?.state === 'proven' && backward.sourceVersion === target.etag
  if (forward?.targetVersion === target.etag) return true
  // A copy that broke off before its row was written left our content behind; it is ours to replace.
  if (forward?.state === 'pending' || forward?.state === 'failed')
    return forward.sourceDigest === digestOf(target)
  return forward?.targetVersion === null ? undefined : false
}

async function copy(
  pass: Pass,
  store: BlobStoreName,
  source: BlobInfo,
  isNew: boolean,
): Promise<Outcome> {
  const { source: from, target: to } = pass.context
  // Intent first, as for objects: after a crash the copy is recognised as ours.
  const id = blobId(store, source.name)
  await pass.context.ledger.write(pass.direction, [
    entryFor(pass, id, {
      state: 'pending',
      sourceDigest: digestOf(source),
      targetDigest: null,
      sourceVersion: source.etag,
      targetVersion: null,
      bytes: source.sizeBytes,
    }),
  ])
  const url = await from.blobReadUrl(store, source.name, reading(pass))
  const written = await to
    .copyBlob(store, source, url, writing(pass))
    .catch(async (error: unknown) => {
      if (!isCode(error, 'blob.copy-unsupported')) throw error
      return to.writeBlob(
        store,
        source,
        await from.readBlob(store, source.name, { ...reading(pass), etag: source.etag }),
        writing(pass),
      )
    })
  pass.tally.bytesCopied += source.sizeBytes
  if (isNew) pass.tally.created += 1
  else pass.tally.updated += 1
  const facts = {
    sourceDigest: digestOf(source),
    sourceVersion: source.etag,
    bytes: source.sizeBytes,
    targetVersion: written.etag,
  }
  if (await sameContent(pass, store, source, written))
    return { ...facts, state: 'proven', targetDigest: facts.sourceDigest }
  pass.tally.failed += 1
  return {
    ...facts,
    state: 'failed',
    targetDigest: digestOf(written),
    error: { code: 'blob.not-equal', message: 'size, hash or metadata differ after the copy' },
  }
}

/** Size, metadata and hash; where a service holds no hash, the bytes of both sides are read. */
async function sameContent(
  pass: Pass,
  store: BlobStoreName,
  source: BlobInfo,
  target: BlobInfo,
): Promise<boolean> {
  if (source.sizeBytes !== target.sizeBytes || metadataOf(source) !== metadataOf(target))
    return false
  if (source.contentMd5 !== undefined && target.contentMd5 !== undefined)
    return source.contentMd5 === target.contentMd5
  const [a, b] = await Promise.all([
    hashBytes(pass.context.source, store, source, pass),
    hashBytes(pass.context.target, store, target, pass),
  ])
  return a === b
}

async function hashBytes(
  workspace: Workspace,
  store: BlobStoreName,
  blob: BlobInfo,
  pass: Pass,
): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of await workspace.readBlob(store, blob.name, {
    ...reading(pass),
    etag: blob.etag,
  }))
    hash.update(chunk)
  return hash.digest('hex')
}

function metadataOf(blob: BlobInfo): string {
  return JSON.stringify(Object.entries(blob.metadata).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Of what the listing says; the etag stands in for a hash that the service does not hold. */
function digestOf(blob: BlobInfo): string {
  return digestJson({
    size: blob.sizeBytes,
    content: blob.contentMd5 ?? `etag ${blob.etag}`,
    metadata: metadataOf(blob),
  })
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
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the whole ASCII range is meant
  if (/^[\u0000-\u007f]*$/.test(a) && /^[\u0000-\u007f]*$/.test(b))
    return a < b ? -1 : a > b ? 1 : 0
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
