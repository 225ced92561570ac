import type { PlannedAction } from '../api/contract.ts'
import { HoldfastError } from '../model/errors.ts'
import { ownImage } from '../model/images.ts'
import { formatObjectId, type ObjectId } from '../model/object-id.ts'
import type { WorkspaceObject } from '../workspace/workspace.ts'
import type { Digests, Sides } from './conflict-sides.ts'
import { isCopiedBack } from './copied-back.ts'
import { type Decision, decideAction, isAsCopiedBack, isAsLeft, younger } from './decide-action.ts'
import { copyContent, findDamage, type ImageContent, readContent } from './image-content.ts'
import type { LedgerEntry } from './ledger.ts'
import { digestOf } from './object-forms.ts'
import { writeChanged } from './objects.ts'
import { at, pagesAhead } from './paging.ts'
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
} from './pass-state.ts'
import { type DecidedUpdate, endConflict } from './resolve-conflict.ts'
import type { Failure } from './run-content.ts'
import { verifyCodes } from './verify-codes.ts'

/** What the service built for environments; the secondary need not build it again. */
export async function passBuiltImages(pass: Pass): Promise<void> {
  if (!hasImages(pass)) return
  pass.phase = 'image'
  progressed(pass)
  const { source } = pass.context
  try {
    for await (const page of pagesAhead((cursor) =>
      source.listObjects('image', { ...reading(pass), ...at(cursor) }),
    ))
      await passImages(
        pass,
        page.map(({ id }) => id),
        true,
      )
  } catch (error) {
    // `findNotProtected` says so; the secondary builds them again when they are needed.
    if (failureOf(error).code === 'workspace.forbidden') return
    const entry = listFailure(pass, { kind: 'image', path: [] }, error)
    await writeChanged(pass, [entry], new Map())
  }
}

/** The images of these environments, before they are: none of them leads to an image that is not there. */
export async function passNamedImages(pass: Pass, page: readonly WorkspaceObject[]): Promise<void> {
  if (!hasImages(pass)) return
  const named = page.flatMap(({ id: { kind }, body: { properties } }) => {
    const image = (properties as { image?: unknown } | undefined)?.image
    const isNamed = kind === 'environment' && typeof image === 'string'
    return isNamed ? (ownImage(image, pass.from) ?? []) : []
  })
  await passImages(pass, named, false)
}

/** Both sides know of images; a tracking server does not. */
const hasImages = ({ from, context: { source, target } }: Pass): boolean =>
  from.imageRegistry !== undefined &&
  source.capabilities.kinds.has('image') &&
  target.capabilities.kinds.has('image')

async function passImages(pass: Pass, ids: readonly ObjectId[], isBuilt: boolean): Promise<void> {
  const fresh = new Map(ids.map((id) => [formatObjectId(id), id]))
  for (const object of fresh.keys()) if (pass.images.has(object)) fresh.delete(object)
  if (fresh.size === 0) return
  const objects = [...fresh.keys()]
  for (const object of objects) {
    pass.images.add(object)
    pass.seen?.add(object)
  }
  const { ledger } = pass.context
  const [forward, backward] = await Promise.all([
    ledger.read(pass.direction, objects),
    ledger.read(pass.backward, objects),
  ])
  const found = await forEach(pass, [...fresh.values()], (id, i) => {
    const object = objects[i] ?? ''
    const rows = { forward: forward.get(object), backward: backward.get(object) }
    return passImage(pass, id, rows, isBuilt)
  })
  const entries = found.filter((entry) => entry !== undefined)
  // An environment that names one of these means that content, and asks for it again.
  for (const { object, error } of entries)
    if (error?.code === builtThere.error.code) pass.images.delete(object)
  await writeChanged(pass, entries, forward)
}

interface Rows {
  readonly forward: LedgerEntry | undefined
  readonly backward: LedgerEntry | undefined
}

/** Undefined: a salvage finds nothing of its own at the source. */
async function passImage(
  pass: Pass,
  id: ObjectId,
  rows: Rows,
  isBuilt: boolean,
): Promise<LedgerEntry | undefined> {
  pass.tally.compared += 1
  const { source, target } = pass.context
  try {
    const [here, there] = await Promise.all([
      source.getObject(id, reading(pass)),
      target.getObject(id, reading(pass)),
    ])
    if (here === undefined) return notThere(pass, id)
    const stands = digestOf(id, here.body)
    const isStanding = ({ targetDigest }: LedgerEntry) => targetDigest === stands
    if (isCopiedBack(pass, formatObjectId(id), rows, isStanding)) return undefined
    return entryFor(pass, id, await settle(pass, here, there, rows, isBuilt))
  } catch (error) {
    const failure = failureOf(error)
    pass.tally.failed += 1
    const kept = keptFrom(rows.forward)
    const { sourceVersion = null, bytes = 0 } = rows.forward ?? {}
    return entryFor(pass, id, { ...kept, sourceVersion, bytes, state: 'failed', error: failure })
  } finally {
    progressed(pass)
  }
}

/** Named, and not in the registry of the source: nobody could pull it there, either. */
function notThere(pass: Pass, id: ObjectId): LedgerEntry {
  const message = `not in the container registry of ${pass.context.source.name}, which it is named in`
  acted(pass, { object: formatObjectId(id), kind: id.kind, action: 'skip', reason: message })
  return entryFor(pass, id, {
    state: 'skipped',
    ...{ sourceDigest: null, targetDigest: null, sourceVersion: null, targetVersion: null },
    error: { code: 'image.not-at-source', message },
  })
}

async function settle(
  pass: Pass,
  source: WorkspaceObject,
  target: WorkspaceObject | undefined,
  rows: Rows,
  isBuilt: boolean,
): Promise<Outcome> {
  const { id } = source
  const sourceDigest = digestOf(id, source.body)
  const targetDigest = target === undefined ? null : digestOf(id, target.body)
  const facts = {
    ...{ sourceDigest, targetDigest },
    ...{ sourceVersion: sourceDigest, targetVersion: targetDigest },
  }
  const { forward } = rows
  // A salvage looks for what is new here; how the other side went on is its own affair.
  if (pass.mode === 'salvage' && forward?.state === 'proven')
    if (forward.sourceDigest === sourceDigest) {
      const { targetDigest, targetVersion, bytes } = forward
      return { ...facts, targetDigest, targetVersion, bytes, state: 'proven' }
    }
  const isDamaged = wasFoundDamaged(forward, targetDigest)
  let decision: Decision = isDamaged
    ? { action: 'update', reason: 'damaged at the target' }
    : decideAction({
        desired: sourceDigest,
        target: targetDigest ?? undefined,
        unchangedSinceProven: targetDigest === null ? undefined : wasLeftAlone(targetDigest, rows),
      })
  if (decision.action === 'none')
    return { ...facts, state: 'proven', bytes: await sizeOf(pass, id, sourceDigest, forward) }
  if (pass.to.imageRegistry === undefined) throw noRegistry(pass)
  if (decision.action === 'conflict' && isBuilt) return { ...facts, ...builtThere }
  const [repository = '', reference = ''] = id.path
  const content = await readContent(pass, pass.context.source, repository, reference)
  const report = ({ action, reason }: { action: PlannedAction['action']; reason: string }) =>
    acted(pass, {
      ...{ object: formatObjectId(id), kind: id.kind, action, reason },
      ...{ bytes: content.sizeBytes, digest: sourceDigest },
    })
  let update: DecidedUpdate | undefined
  if (decision.action === 'conflict' && target !== undefined) {
    const ended = await endConflict(pass, id, decision, facts, sidesOf(pass, source, target))
    decision = ended.decision
    update = ended.update
    if (ended.outcome !== undefined) {
      report(decision)
      return { ...facts, ...ended.outcome, bytes: content.sizeBytes }
    }
  }
  report({ action: 'copy', reason: decision.reason })
  if (pass.mode === 'plan') return { ...facts, state: 'proven', bytes: content.sizeBytes }
  await update?.before()
  const outcome = await copy(pass, id, content, { ...facts, bytes: content.sizeBytes }, isDamaged)
  return update === undefined ? outcome : update.after(outcome)
}

function sidesOf(pass: Pass, source: WorkspaceObject, target: WorkspaceObject): Sides {
  const { context } = pass
  const { id } = source
  const [here, there] = [digestOf(id, source.body), digestOf(id, target.body)]
  return {
    // Nothing of the loser is put aside: an image keeps its digest when its tag leads elsewhere.
    documents: { source: async () => source.body, target: async () => target.body },
    now: async (side) => {
      const found = await context[side].getObject(id, reading(pass))
      if (found === undefined) return undefined
      const digest = digestOf(id, found.body)
      return { digest, version: digest }
    },
    turned: () => ({ sourceDigest: there, targetDigest: here }),
    giveBack: (back) => giveImage(back, id, { sourceDigest: there, targetDigest: here }),
  }
}

async function giveImage(back: Pass, id: ObjectId, digests: Digests): Promise<Failure | undefined> {
  const [repository = '', reference = ''] = id.path
  const content = await readContent(back, back.context.source, repository, reference)
  const { sourceDigest: sourceVersion, targetDigest: targetVersion } = digests
  const facts = { ...digests, sourceVersion, targetVersion, bytes: content.sizeBytes }
  const { state, error } = await copy(back, id, content, facts, false)
  return state === 'proven' ? undefined : error
}

/** The same definition was built at both sides, and no two builds have one digest. */
const builtThere = {
  state: 'skipped',
  error: { code: 'image.built-there', message: 'the target has built its own' },
} as const

function noRegistry({ context: { target } }: Pass): HoldfastError {
  return new HoldfastError('image.no-registry', `${target.name} has no container registry`, {
    ...{ kind: 'operator', place: target.name },
    hint: 'Give the workspace a container registry (az ml workspace update --container-registry).',
  })
}

/** A verification has read other bytes there than its digest says. */
function wasFoundDamaged(forward: LedgerEntry | undefined, targetDigest: string | null): boolean {
  const isFailed = forward?.state === 'failed' && forward.error?.code === verifyCodes.notEqual
  return isFailed && targetDigest !== null && forward.targetDigest === targetDigest
}

function wasLeftAlone(targetDigest: string, { forward, backward }: Rows): boolean | undefined {
  const which = younger(forward, backward)
  if (which === undefined) return undefined
  return which === 'forward'
    ? isAsLeft(forward, targetDigest)
    : isAsCopiedBack(backward, [targetDigest])
}

/** Known from the copy; only of what was there before anybody looked is it read. */
async function sizeOf(
  pass: Pass,
  id: ObjectId,
  digest: string,
  forward: LedgerEntry | undefined,
): Promise<number> {
  if (forward?.sourceDigest === digest && forward.bytes > 0) return forward.bytes
  const [repository = ''] = id.path
  return (await readContent(pass, pass.context.source, repository, digest)).sizeBytes
}

/** Intent first, then the bytes, then the re-read of what the target's registry says (I2, I4). */
async function copy(
  pass: Pass,
  id: ObjectId,
  content: ImageContent,
  facts: Omit<Outcome, 'state'>,
  isDamaged: boolean,
): Promise<Outcome> {
  const { target } = pass.context
  const [repository = '', reference = ''] = id.path
  // A damaged one stays what its row says until it is mended.
  if (!isDamaged) await writeIntents(pass, [entryFor(pass, id, { ...facts, state: 'pending' })])
  // A tag cannot be moved on condition, so the last look is right before it (I3).
  const now = await target.getObject(id, reading(pass))
  if ((now === undefined ? null : digestOf(id, now.body)) !== facts.targetDigest) {
    pass.tally.pending += 1
    const message = 'changed at the target while it was compared'
    const sourceDigest = facts.targetDigest === null ? null : facts.sourceDigest
    return { ...facts, sourceDigest, state: 'pending', error: { code: 'image.changed', message } }
  }
  try {
    await copyContent(pass, repository, reference, content, isDamaged)
    const written = await target.getObject(id, reading(pass))
    const targetDigest = written === undefined ? null : digestOf(id, written.body)
    const damage = isDamaged ? await findDamage(pass, target, repository, content) : undefined
    const proof = { ...facts, targetDigest, targetVersion: targetDigest }
    if (targetDigest === facts.sourceDigest && damage === undefined) {
      pass.tally[facts.targetDigest === null ? 'created' : 'updated'] += 1
      return { ...proof, state: 'proven' }
    }
    pass.tally.failed += 1
    const what = damage === undefined ? `the target has ${targetDigest}` : `${damage} is damaged`
    const message = `after the copy ${what}`
    const code = damage === undefined ? 'image.not-equal' : verifyCodes.notEqual
    return { ...proof, state: 'failed', error: { code, message } }
  } catch (error) {
    const failure = failureOf(error)
    pass.tally.failed += 1
    return { ...facts, state: 'failed', error: failure }
  }
}
