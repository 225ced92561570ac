import { createHash } from 'node:crypto'
import type { PlannedAction } from '../api/contract.ts'
import { digestJson } from '../model/canonical.ts'
import { isDrillBlob } from '../model/drill.ts'
import { isCode } from '../model/errors.ts'
import { formatObjectId, type ObjectId } from '../model/object-id.ts'
import type { BlobInfo, BlobStoreName, Workspace } from '../workspace/workspace.ts'
import { decideAction, isForeign, stillConflicts, younger } from './decide-action.ts'
import type { LedgerEntry } from './ledger.ts'
import { writeChanged } from './objects.ts'
import { at, pagesOf } from './paging.ts'
import {
  acted,
  entryFor,
  failureOf,
  forEach,
  keptFrom,
  listFailure,
  type Outcome,
  type Pass,
  progressed,
  reading,
  writeIntents,
  writing,
} from './pass-state.ts'
import { blobSides, endConflict } from './resolve-conflict.ts'
import { verifyCodes } from './verify-codes.ts'

/** Copies the bytes of every store, storage to storage; two paged listings are walked side by side. */
export async function passBlobs(pass: Pass): Promise<void> {
  pass.phase = 'blobs'
  progressed(pass)
  const stores = await pass.context.source.listBlobStores(reading(pass))
  for (const store of stores) await passPlace(pass, store, '')
}

/** The blobs of a store whose names begin with `prefix`. */
export async function passPlace(pass: Pass, store: BlobStoreName, prefix: string): Promise<void> {
  try {
    await passStore(pass, store, prefix)
  } catch (error) {
    const list = { kind: 'blob', path: [store] } as const
    await writeChanged(pass, [listFailure(pass, list, error)], new Map())
  }
}

async function passStore(pass: Pass, store: BlobStoreName, prefix: string): Promise<void> {
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
    const pairs: Array<readonly [BlobInfo, BlobInfo | undefined]> = []
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
    const [forward, backward] = await Promise.all([
      ledger.read(pass.direction, names),
      ledger.read(pass.backward, names),
    ])
    const entries = await forEach(pass, pairs, ([blob, there], i) =>
      passBlob(pass, store, blob, there, forward.get(names[i] ?? ''), backward.get(names[i] ?? '')),
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
  // A salvage looks for what is new here; how the other side went on is its own affair.
  const isKnown = forward?.state === 'proven' && forward.sourceVersion === source.etag
  if (pass.mode === 'salvage' && isKnown) return forward
  try {
    return entryFor(pass, id, await settle(pass, store, source, target, forward, backward))
  } catch (error) {
    const failure = failureOf(error)
    const state = isChange(failure.code) ? 'pending' : 'failed'
    pass.tally[state] += 1
    return entryFor(pass, id, {
      ...keptFrom(forward),
      state,
      sourceVersion: source.etag,
      bytes: source.sizeBytes,
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
    sourceDigest: digestOfBlob(source),
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
  if (forward !== undefined && isSourceDamaged(forward, source)) {
    pass.tally.failed += 1
    const { targetDigest, targetVersion, error } = forward
    const why = { code: verifyCodes.sourceDamaged, message: error?.message ?? '' }
    return { ...facts, targetDigest, targetVersion, state: 'failed', error: why }
  }
  const differences =
    target === undefined
      ? []
      : isTargetDamaged(forward, source, target)
        ? ['content']
        : await compare(pass, store, source, target)
  const equal = target !== undefined && differences.length === 0
  let decision = decideAction({
    desired: 'source',
    target: target === undefined ? undefined : equal ? 'source' : 'target',
    unchangedSinceProven:
      target === undefined ? undefined : wasLeftAlone(target, forward, backward),
  })
  if (decision.action === 'none')
    return {
      ...facts,
      state: 'proven',
      targetDigest: facts.sourceDigest,
      targetVersion: target?.etag ?? null,
    }
  const report = (action: PlannedAction['action'], reason: string) => {
    const object = formatObjectId(blobId(store, source.name))
    const bytes = source.sizeBytes
    acted(pass, { object, kind: 'blob', action, reason, bytes, digest: facts.sourceDigest })
  }
  if (decision.action === 'conflict' && target !== undefined) {
    const there = { targetDigest: digestOfBlob(target), targetVersion: target.etag }
    const seen = { ...facts, ...there }
    const sides = blobSides(pass, store, source, target)
    const ended = await endConflict(pass, blobId(store, source.name), decision, seen, sides)
    decision = ended.decision
    if (ended.outcome !== undefined) {
      report(decision.action, decision.reason)
      return { ...seen, ...ended.outcome }
    }
  }
  report('copy', decision.reason)
  if (pass.mode === 'plan')
    return { ...facts, state: 'proven', targetDigest: null, targetVersion: null }
  return copy(pass, store, source, target)
}

/** Bytes that do not match their own hash are not copied over others (see `verifyBlob`). */
function isSourceDamaged({ state, error, sourceVersion }: LedgerEntry, { etag }: BlobInfo) {
  const isKnown = state === 'failed' && sourceVersion === etag
  return isKnown && error?.code === verifyCodes.sourceDamaged
}

/** A verification has read other bytes there than its listing and hash say. */
function isTargetDamaged(row: LedgerEntry | undefined, source: BlobInfo, target: BlobInfo) {
  const isKnown = row?.sourceVersion === source.etag && row.targetVersion === target.etag
  return isKnown && row.state === 'failed' && row.error?.code === verifyCodes.notEqual
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
  if (forward !== undefined && isForeign(forward)) return stillConflicts(forward)
  if (forward?.targetVersion === target.etag) return true
  // A copy that broke off before its row was written left our content behind; it is ours to replace.
  if (forward?.state === 'pending' || forward?.state === 'failed')
    if (forward.sourceDigest === digestOfBlob(target)) return true
  return forward?.targetVersion === null ? undefined : false
}

async function copy(
  pass: Pass,
  store: BlobStoreName,
  source: BlobInfo,
  target: BlobInfo | undefined,
): Promise<Outcome> {
  // Intent first, as for objects: what is there now, and what will be there.
  const intent = {
    state: 'pending',
    sourceDigest: digestOfBlob(source),
    targetDigest: target === undefined ? null : digestOfBlob(target),
    sourceVersion: source.etag,
    targetVersion: target?.etag ?? null,
    bytes: source.sizeBytes,
  } as const
  const id = blobId(store, source.name)
  await writeIntents(pass, [entryFor(pass, id, intent)])
  // A copy cannot be conditional, so the last look is right before it (I3).
  const now = await pass.context.target.getBlob(store, source.name, reading(pass))
  if (now?.etag !== target?.etag) {
    pass.tally.pending += 1
    return {
      ...intent,
      // What is there now is not what was compared: it must not count as ours.
      ...(target === undefined ? { sourceDigest: null } : {}),
      error: { code: 'blob.changed', message: 'changed at the target while it was compared' },
    }
  }
  try {
    return await write(pass, store, source, target === undefined)
  } catch (error) {
    const failure = failureOf(error)
    const state = isChange(failure.code) ? 'pending' : 'failed'
    pass.tally[state] += 1
    return { ...intent, state, error: failure }
  }
}

/** A blob that changes while it is copied is no failure: the next pass finds its new content. */
function isChange(code: string): boolean {
  return code === 'blob.changed' || code === 'blob.not-found' || code === 'object.not-found'
}

async function write(
  pass: Pass,
  store: BlobStoreName,
  source: BlobInfo,
  isNew: boolean,
): Promise<Outcome> {
  const { source: from, target: to } = pass.context
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
    sourceDigest: digestOfBlob(source),
    sourceVersion: source.etag,
    bytes: source.sizeBytes,
    targetVersion: written.etag,
  }
  const differences = await compare(pass, store, source, written)
  if (differences.length === 0)
    return { ...facts, state: 'proven', targetDigest: facts.sourceDigest }
  pass.tally.failed += 1
  return {
    ...facts,
    state: 'failed',
    targetDigest: digestOfBlob(written),
    error: {
      code: 'blob.not-equal',
      message: `the target differs after the copy in ${differences.join(', ')}`,
    },
  }
}

/**
 * Names what differs of size, type, metadata and hash; where a service holds no hash, the bytes of
 * both sides are read.
 */
async function compare(
  pass: Pass,
  store: BlobStoreName,
  source: BlobInfo,
  target: BlobInfo,
): Promise<string[]> {
  const differences = [
    ...(source.sizeBytes === target.sizeBytes ? [] : ['size']),
    ...(metadataOf(source) === metadataOf(target) ? [] : ['metadata']),
    ...(contentTypeOf(source) === contentTypeOf(target) ? [] : ['content type']),
  ]
  if (differences.length > 0) return differences
  if (source.contentMd5 !== undefined && target.contentMd5 !== undefined)
    return source.contentMd5 === target.contentMd5 ? [] : ['hash']
  const [a, b] = await Promise.all([
    hashBytes(pass.context.source, store, source, pass),
    hashBytes(pass.context.target, store, target, pass),
  ])
  return a === b ? [] : ['content']
}

function contentTypeOf({ contentType = 'application/octet-stream' }: BlobInfo): string {
  return contentType
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
export function digestOfBlob(blob: BlobInfo): string {
  return digestJson({
    size: blob.sizeBytes,
    content: blob.contentMd5 ?? `etag ${blob.etag}`,
    type: contentTypeOf(blob),
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
  if (isAscii(a) && isAscii(b)) return a < b ? -1 : a > b ? 1 : 0
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function isAscii(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the whole ASCII range is meant
  return /^[\u0000-\u007f]*$/.test(text)
}
