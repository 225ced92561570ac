import { createHash } from 'node:crypto'
import type { PlannedAction } from '../api/contract.ts'
import { digestJson } from '../model/canonical.ts'
import { isCode } from '../model/errors.ts'
import { formatObjectId, type ObjectId } from '../model/object-id.ts'
import type { BlobInfo, BlobStoreName, Workspace } from '../workspace/workspace.ts'
import { blobDocuments, type Sides } from './conflict-sides.ts'
import { isCopiedBack } from './copied-back.ts'
import { decideAction, isForeign, stillConflicts, younger } from './decide-action.ts'
import type { LedgerEntry } from './ledger.ts'
import { writeChanged } from './objects.ts'
import {
  acted,
  entryFor,
  failureOf,
  forEach,
  keptFrom,
  type Outcome,
  type Pass,
  progressed,
  reading,
  writeIntents,
  writing,
} from './pass-state.ts'
import { type DecidedUpdate, endConflict } from './resolve-conflict.ts'
import type { Failure } from './run-content.ts'
import { verifyCodes } from './verify-codes.ts'

export function blobId(store: BlobStoreName, name: string): ObjectId {
  return { kind: 'blob', path: [store, name] }
}

/** Both sides of a blob as they were listed, or read. */
export type BlobPair = readonly [source: BlobInfo, target: BlobInfo | undefined]

/** What comes of these blobs. Without `listed` both sides are looked at anew. */
export async function performBlobs(
  pass: Pass,
  store: BlobStoreName,
  names: readonly string[],
  listed?: readonly BlobPair[],
): Promise<void> {
  const { ledger } = pass.context
  const objects = names.map((name) => formatObjectId(blobId(store, name)))
  const [forward, backward] = await Promise.all([
    ledger.read(pass.direction, objects),
    ledger.read(pass.backward, objects),
  ])
  const entries = await forEach(pass, names, (name, i) => {
    const object = objects[i] ?? ''
    const rows = { forward: forward.get(object), backward: backward.get(object) }
    return passBlob(pass, store, name, listed?.[i], rows)
  })
  await writeChanged(
    pass,
    entries.filter((entry) => entry !== undefined),
    forward,
  )
}

interface Rows {
  readonly forward: LedgerEntry | undefined
  readonly backward: LedgerEntry | undefined
}

/** Undefined: it is gone at the source since it was listed, or a salvage finds nothing of its own there. */
async function passBlob(
  pass: Pass,
  store: BlobStoreName,
  name: string,
  listed: BlobPair | undefined,
  { forward, backward }: Rows,
): Promise<LedgerEntry | undefined> {
  const id = blobId(store, name)
  pass.tally.compared += 1
  let source = listed?.[0]
  try {
    const [here, there] = listed ?? (await readPair(pass, store, name))
    source = here
    if (here === undefined) return undefined
    const isStanding = ({ targetVersion }: LedgerEntry) => targetVersion === here.etag
    if (isCopiedBack(pass, formatObjectId(id), { forward, backward }, isStanding)) return undefined
    return entryFor(pass, id, await settle(pass, store, here, there, forward, backward))
  } catch (error) {
    const failure = failureOf(error)
    const state = isChange(failure.code) ? 'pending' : 'failed'
    pass.tally[state] += 1
    return entryFor(pass, id, {
      ...keptFrom(forward),
      state,
      sourceVersion: source?.etag ?? forward?.sourceVersion ?? null,
      bytes: source?.sizeBytes ?? 0,
      error: failure,
    })
  } finally {
    progressed(pass)
  }
}

function readPair(pass: Pass, store: BlobStoreName, name: string) {
  const { source, target } = pass.context
  return Promise.all([
    source.getBlob(store, name, reading(pass)),
    target.getBlob(store, name, reading(pass)),
  ])
}

/** Both listings show what was proven, so there is nothing to compare; its row as it is now. */
export function provenAsListed(
  pass: Pass,
  store: BlobStoreName,
  [source, target]: BlobPair,
  forward: LedgerEntry | undefined,
): LedgerEntry | undefined {
  if (forward?.state !== 'proven' || forward.sourceVersion !== source.etag) return undefined
  // A salvage looks for what is new here; how the other side went on is its own affair.
  if (pass.mode === 'salvage') return forward
  if (target === undefined || forward.targetVersion !== target.etag) return undefined
  return entryFor(pass, blobId(store, source.name), {
    state: 'proven',
    sourceDigest: digestOfBlob(source),
    targetDigest: forward.targetDigest,
    sourceVersion: source.etag,
    targetVersion: target.etag,
    bytes: source.sizeBytes,
  })
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
  let update: DecidedUpdate | undefined
  if (decision.action === 'conflict' && target !== undefined) {
    const there = { targetDigest: digestOfBlob(target), targetVersion: target.etag }
    const seen = { ...facts, ...there }
    const sides = sidesOf(pass, store, source, target)
    const ended = await endConflict(pass, blobId(store, source.name), decision, seen, sides)
    decision = ended.decision
    update = ended.update
    if (ended.outcome !== undefined) {
      report(decision.action, decision.reason)
      return { ...seen, ...ended.outcome }
    }
  }
  report('copy', decision.reason)
  if (pass.mode === 'plan')
    return { ...facts, state: 'proven', targetDigest: null, targetVersion: null }
  await update?.before()
  const outcome = await copy(pass, store, source, target)
  return update === undefined ? outcome : update.after(outcome)
}

function sidesOf(pass: Pass, store: BlobStoreName, source: BlobInfo, target: BlobInfo): Sides {
  const { context } = pass
  return {
    documents: blobDocuments(pass, store, source, target),
    now: async (side) => {
      const found = await context[side].getBlob(store, source.name, reading(pass))
      if (found === undefined) return undefined
      // Without a hash of the service's the same bytes have another digest at either side.
      const isGiven = side === 'source' && (await compare(pass, store, found, target)).length === 0
      return { digest: digestOfBlob(isGiven ? target : found), version: found.etag }
    },
    turned: () => ({ sourceDigest: digestOfBlob(target), targetDigest: digestOfBlob(source) }),
    giveBack: (back) => giveBlob(back, store, target, source),
  }
}

async function giveBlob(
  back: Pass,
  store: BlobStoreName,
  from: BlobInfo,
  own: BlobInfo,
): Promise<Failure | undefined> {
  const { state, error } = await copy(back, store, from, own)
  return state === 'proven' ? undefined : error
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
