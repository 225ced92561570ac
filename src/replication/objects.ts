import { canonicalObject } from '../model/canonical.ts'
import { isObject } from '../model/field-path.ts'
import type { JsonObject } from '../model/json.ts'
import {
  armKind,
  armKinds,
  isMintedKind,
  isTrackingKind,
  type Kind,
  type ListedKind,
  trackingKinds,
} from '../model/kinds.ts'
import { formatObjectId, type ObjectId, parseObjectId } from '../model/object-id.ts'
import { referencesOf } from '../model/references.ts'
import type { WorkspaceObject } from '../workspace/workspace.ts'
import { applyObject, finishDeferred, sameSecrets } from './apply-object.ts'
import {
  type Decision,
  decideAction,
  foreignReason,
  isAsCopiedBack,
  isAsLeft,
  younger,
} from './decide-action.ts'
import type { Definition } from './definitions.ts'
import { fieldChanges } from './field-changes.ts'
import type { LedgerEntry } from './ledger.ts'
import {
  type Desired,
  desiredForm,
  digestOf,
  digestsAsSource,
  salvagedForm,
  versionOf,
} from './object-forms.ts'
import { at, pagesOf } from './paging.ts'
import {
  acted,
  entryFor,
  failureOf,
  forEach,
  isSameEntry,
  keptFrom,
  listFailure,
  namesThere,
  type Outcome,
  oneByOne,
  type Pass,
  progressed,
  reading,
} from './pass-state.ts'
import { documentSides, endConflict, inConflict } from './resolve-conflict.ts'
import { type Standing, standingOf } from './scope.ts'
import { withSourceGone } from './source-gone.ts'
import { isEndpoint } from './standing-form.ts'

/** Kinds of ARM documents a pass copies; jobs are captured and resubmitted, never put (design D5). */
const copiedKinds = armKinds.filter(({ kind }) => kind !== 'job')

/** Copies the ARM documents, wave after wave: an object's references are there before it is. */
export function passObjects(pass: Pass): Promise<void> {
  return passKinds(pass, copiedKinds)
}

/** What names runs; after them, and before their experiments are archived. */
export async function passTracking(pass: Pass): Promise<void> {
  await passKinds(pass, trackingKinds)
  if (pass.mode !== 'plan') await finishDeferred(pass)
}

async function passKinds(pass: Pass, listed: readonly ListedKind[]): Promise<void> {
  const seen = new Map<Kind, ObjectId[]>()
  for (const arm of listed) {
    pass.phase = arm.kind
    progressed(pass)
    const ids: ObjectId[] = []
    seen.set(arm.kind, ids)
    if (!pass.context.source.capabilities.kinds.has(arm.kind)) continue
    const parents = arm.parent === undefined ? [undefined] : (seen.get(arm.parent) ?? [])
    const early: Early[] = []
    const lists = await Promise.allSettled(
      parents.map((parent) => passCollection(pass, arm, parent, ids, early)),
    )
    // Only now is nothing under way any more that could write after the pass has ended.
    for (const list of lists) if (list.status === 'rejected') throw list.reason
    await passEarly(pass, early)
  }
}

/** An object that came before one of its own kind that it refers to, such as a component of components. */
interface Early {
  readonly source: WorkspaceObject
  readonly known: Known
}

const isEarly = ({ kind, error }: LedgerEntry): boolean =>
  error?.code === 'object.waiting' && error.message.startsWith(`waits for ${kind}/`)

/** Again, for as long as it brings some further; each round settles one level of nesting. */
async function passEarly(pass: Pass, early: readonly Early[]): Promise<void> {
  if (early.length === 0) return
  pass.tally.pending -= early.length
  pass.tally.compared -= early.length
  const entries = await forEach(pass, early, ({ source, known }) => passObject(pass, source, known))
  // The round before has written over the rows that `known` holds, so every one is written.
  await writeChanged(pass, entries, new Map())
  const again = early.filter((_, index) => isEarly(entries[index] as LedgerEntry))
  if (again.length < early.length) await passEarly(pass, again)
}

/** One list of the source against the same list of the target. */
async function passCollection(
  pass: Pass,
  arm: ListedKind,
  parent: ObjectId | undefined,
  ids: ObjectId[],
  early: Early[],
): Promise<void> {
  const { source, target, ledger } = pass.context
  const options = { ...reading(pass), ...(parent === undefined ? {} : { parent }) }
  try {
    const standing = new Map<string, WorkspaceObject>()
    for await (const page of pagesOf((cursor) =>
      pass.limit(() => target.listObjects(arm.kind, { ...options, ...at(cursor) })),
    )) {
      for (const object of page) standing.set(formatObjectId(object.id), object)
    }
    const inOrder = areAgeOrdered(arm, parent)
    for await (const listed of pagesOf((cursor) =>
      pass.limit(() => source.listObjects(arm.kind, { ...options, ...at(cursor) })),
    )) {
      const page = inOrder ? byAge(listed) : listed
      const names = page.map((object) => formatObjectId(object.id))
      for (const name of names) pass.seen?.add(name)
      const [forward, backward, defined] = await Promise.all([
        ledger.read(pass.direction, names),
        readBackward(pass, page),
        pass.mode !== 'plan'
          ? pass.context.definitions.read(pass.direction, names)
          : new Map<string, Definition>(),
      ])
      ids.push(...page.map(({ id }) => id))
      const entries = await (inOrder ? oneByOne : forEach)(pass, page, async (object, i) => {
        const name = names[i] ?? ''
        const known = {
          target: standing.get(name),
          forward: forward.get(name),
          backward: backward.get(name),
          defined: defined.get(name),
        }
        const entry = await passObject(pass, object, known)
        if (isEarly(entry)) early.push({ source: object, known })
        return entry
      })
      await writeChanged(pass, entries, forward)
    }
  } catch (error) {
    const entry = listFailure(pass, { kind: arm.kind, path: parent?.path ?? [] }, error)
    await writeChanged(pass, [entry], new Map())
  }
}

/** The rows of the way back, which name what has ids of its own there as the other side does. */
async function readBackward(
  pass: Pass,
  page: readonly WorkspaceObject[],
): Promise<Map<string, LedgerEntry>> {
  const minted = page.filter(({ id }) => isMintedKind(id.kind)).map(({ id }) => id.path[0] ?? '')
  const there = minted.length === 0 ? new Map() : await namesThere(pass, minted)
  const named = page.map(({ id }) => {
    const path = isMintedKind(id.kind) ? id.path.map((name) => there.get(name) ?? name) : id.path
    return [formatObjectId(id), formatObjectId({ ...id, path })] as const
  })
  const rows = await pass.context.ledger.read(
    pass.backward,
    named.map(([, name]) => name),
  )
  return new Map(
    named.flatMap(([here, name]) => {
      const row = rows.get(name)
      return row === undefined ? [] : [[here, row] as const]
    }),
  )
}

const anonymous = new Set(['azureml_anonymous', 'CliV2AnonymousEnvironment'])

/** `@latest` is the version made last, so versions of one name are made in the order of their age. */
function areAgeOrdered(
  { kind, parent: container }: ListedKind,
  parent: ObjectId | undefined,
): boolean {
  // A tracking server gives out version numbers in order.
  if (kind === 'model-version') return true
  const isVersion = container?.endsWith('-container') === true && kind !== 'code'
  return isVersion && !anonymous.has(parent?.path[0] ?? '')
}

function byAge(objects: readonly WorkspaceObject[]): WorkspaceObject[] {
  const madeAt = ({ body: { systemData } }: WorkspaceObject): string =>
    isObject(systemData) && typeof systemData.createdAt === 'string' ? systemData.createdAt : ''
  return [...objects].sort((a, b) => (madeAt(a) < madeAt(b) ? -1 : madeAt(a) > madeAt(b) ? 1 : 0))
}

export async function writeChanged(
  pass: Pass,
  entries: readonly LedgerEntry[],
  known: ReadonlyMap<string, LedgerEntry>,
): Promise<void> {
  if (pass.mode === 'plan') return
  const changed = entries.filter(
    (entry) => pass.begun.delete(entry.object) || !isSameEntry(known.get(entry.object), entry),
  )
  if (changed.length > 0) await pass.context.ledger.write(pass.direction, changed)
}

/** What else is known of an object of the source. */
interface Known {
  readonly target: WorkspaceObject | undefined
  readonly forward: LedgerEntry | undefined
  readonly backward: LedgerEntry | undefined
  readonly defined: Definition | undefined
}

async function passObject(pass: Pass, source: WorkspaceObject, known: Known): Promise<LedgerEntry> {
  const { id } = source
  pass.tally.compared += 1
  const unknown = { ...keptFrom(known.forward), sourceVersion: versionOf(source) }
  try {
    const standing = standingIn(pass, source)
    if (standing.is === 'left') {
      pass.left.add(formatObjectId(id))
      return entryFor(pass, id, {
        ...unknown,
        state: 'skipped',
        error: { code: 'object.left', message: standing.reason },
      })
    }
    const row = provenAsListed(pass, source, known)
    if (row !== undefined) return row
    const whole = await wholeOf(pass, source, known)
    if (whole === undefined) return entryFor(pass, id, { ...unknown, ...goneMeanwhile })
    return await passWhole(pass, whole.source, whole.known, standing)
  } catch (error) {
    const failure = failureOf(error)
    pass.tally.failed += 1
    acted(pass, {
      object: formatObjectId(id),
      kind: id.kind,
      action: 'none',
      reason: failure.message,
    })
    return entryFor(pass, id, { ...unknown, state: 'failed', error: failure })
  } finally {
    progressed(pass)
  }
}

const goneMeanwhile = {
  state: 'skipped',
  error: { code: 'object.gone', message: 'not at the source any more' },
} as const

/** Both lists show what was proven: nothing to read. A full pass reads all the same. */
function provenAsListed(
  pass: Pass,
  source: WorkspaceObject,
  { forward, target }: Known,
): LedgerEntry | undefined {
  if (source.isSummary !== true) return undefined
  if (pass.context.full === true || forward?.state !== 'proven') return undefined
  if (target === undefined || forward.targetVersion !== versionOf(target)) return undefined
  if (forward.sourceVersion !== versionOf(source)) return undefined
  return unchanged(pass, forward)
}

/** Undefined: deleted since it was listed. */
async function wholeOf(
  pass: Pass,
  listed: WorkspaceObject,
  known: Known,
): Promise<{ source: WorkspaceObject; known: Known } | undefined> {
  if (listed.isSummary !== true) return { source: listed, known }
  const { id } = listed
  const { context } = pass
  const [source, target] = await Promise.all([
    context.source.getObject(id, reading(pass)),
    known.target === undefined ? undefined : context.target.getObject(id, reading(pass)),
  ])
  return source === undefined ? undefined : { source, known: { ...known, target } }
}

async function passWhole(
  pass: Pass,
  source: WorkspaceObject,
  known: Known,
  standing: Standing,
): Promise<LedgerEntry> {
  const { id } = source
  if (pass.mode === 'salvage') return await salvageObject(pass, source, known)
  const desired = desiredForm(pass, source)
  if (standing.is === 'captured') return await capture(pass, source, desired, known.defined)
  // A definition from a time with another strategy must not come back at the failover.
  if (desired.whole !== desired.body || known.defined !== undefined)
    await define(pass, id, desired.whole, known.defined)
  return entryFor(pass, id, await settle(pass, source, desired, known))
}

/** Also what the target does not take, and what is part of something left. */
function standingIn(pass: Pass, { id, body }: WorkspaceObject): Standing {
  const reason =
    pass.context.target.capabilities.leftBehind?.get(id.kind) ?? whyLeftWithParent(pass, id)
  if (reason !== undefined) return { is: 'left', reason }
  return standingOf(pass.context.plan, pass.map, id, body)
}

function whyLeftWithParent(pass: Pass, { kind, path }: ObjectId): string | undefined {
  const parent = armKind(kind)?.parent
  if (parent === undefined || !isEndpoint(parent)) return undefined
  const endpoint = formatObjectId({ kind: parent, path: path.slice(0, -1) })
  return pass.left.has(endpoint) ? `${endpoint} is left, so its deployments are` : undefined
}

/** Hot-cold: the definition is kept here and created at the failover. */
async function capture(
  pass: Pass,
  source: WorkspaceObject,
  desired: Desired,
  defined: Definition | undefined,
): Promise<LedgerEntry> {
  const object = formatObjectId(source.id)
  pass.captured.add(object)
  await define(pass, source.id, desired.whole, defined)
  acted(pass, {
    object,
    kind: source.id.kind,
    action: 'skip',
    reason: 'hot-cold: its definition is kept and created at the failover',
  })
  return entryFor(pass, source.id, {
    state: 'skipped',
    sourceDigest: desired.digest,
    targetDigest: null,
    sourceVersion: versionOf(source),
    targetVersion: null,
    error: { code: 'object.captured', message: 'hot-cold: created at the failover' },
  })
}

async function define(
  pass: Pass,
  id: ObjectId,
  body: JsonObject,
  defined: Definition | undefined,
): Promise<void> {
  const object = formatObjectId(id)
  const digest = digestOf(id, body)
  if (pass.mode !== 'replicate' || defined?.digest === digest) return
  await pass.context.definitions.write(pass.direction, [
    {
      object,
      kind: id.kind,
      body,
      digest,
      epoch: pass.context.epoch,
      at: pass.context.clock().toISOString(),
    },
  ])
}

async function settle(
  pass: Pass,
  source: WorkspaceObject,
  desired: Desired,
  known: Known,
): Promise<Outcome> {
  const { target, forward } = known
  const { id } = source
  const targetDigest = target === undefined ? undefined : digestOf(id, target.body)
  const facts = {
    sourceDigest: desired.digest,
    targetDigest: targetDigest ?? null,
    sourceVersion: versionOf(source),
    targetVersion: target === undefined ? null : versionOf(target),
  }
  const isOurs =
    target === undefined || targetDigest === undefined
      ? undefined
      : wasLeftAlone(pass, source, target, targetDigest, known)
  let decision = decideAction({
    desired: desired.digest,
    target: targetDigest,
    unchangedSinceProven: isOurs,
    archivesOnly: archivesOnly(id, desired.body, target),
  })
  // A salvage never touches the keys that clients of the new primary use.
  if (decision.action === 'none' && pass.mode !== 'salvage' && !(await sameSecrets(pass, id)))
    decision =
      isOurs === undefined
        ? { action: 'conflict', reason: foreignReason }
        : { action: 'update', reason: 'credentials differ' }
  if (decision.action === 'none') return { ...facts, state: 'proven' }
  const conflict = decision.action === 'conflict' ? decision : undefined
  if (conflict !== undefined && target !== undefined) {
    const sides = documentSides(id, source.body, target.body)
    const ended = await endConflict(pass, id, conflict, facts, sides)
    decision = ended.decision
    if (ended.outcome !== undefined) {
      report(pass, id, decision, desired, target)
      return { ...facts, ...ended.outcome }
    }
  }
  if (desired.stranded.length > 0) {
    pass.tally.failed += 1
    return {
      ...facts,
      ...keptFrom(forward),
      state: 'failed',
      error: { code: 'reference.stranded', message: desired.stranded.join('; ').slice(0, 500) },
    }
  }
  const waiting = waitsFor(pass, source) ?? earlierVersion(pass, id, target)
  if (waiting !== undefined) {
    pass.tally.pending += 1
    return {
      ...facts,
      ...keptFrom(forward),
      state: 'pending',
      error: {
        code: 'object.waiting',
        message: `waits for ${waiting}${pass.captured.has(waiting) ? ', which is hot-cold: give both one strategy' : ''}`,
      },
    }
  }
  if (decision.action === 'create') decision = await withSourceGone(pass, source, decision)
  report(pass, id, decision, desired, target)
  // A plan goes on as if it had been done, because what refers to it is then done, too (D7).
  if (pass.mode === 'plan') return { ...facts, state: 'proven' }
  const outcome = await applyObject(pass, source, desired, target, decision)
  // What the service lets nobody replace is not ours now: it stays the conflict that it was (I3).
  if (conflict === undefined || outcome.error?.code !== 'object.immutable') return outcome
  pass.tally.failed -= 1
  return { ...facts, ...inConflict(pass, conflict) }
}

function wasLeftAlone(
  pass: Pass,
  source: WorkspaceObject,
  target: WorkspaceObject,
  targetDigest: string,
  { forward, backward, defined }: Known,
): boolean | undefined {
  // What the failover made of it is our doing, too.
  if (pass.mode === 'salvage' && defined?.digest === targetDigest) return true
  // Begun by us and broken off: it says so itself, and nobody was ever told that it is there.
  if (isBegun(forward) && target.origin?.member === pass.context.source.name) return true
  const which = younger(forward, backward)
  if (which === undefined) return undefined
  // Its ids make the same content another digest there; the row holds the target's own version.
  if (which === 'backward' && isTrackingKind(source.id.kind))
    return backward?.state === 'proven' && backward.sourceVersion === versionOf(target)
  return which === 'forward'
    ? isAsLeft(forward, targetDigest)
    : isAsCopiedBack(backward, digestsAsSource(pass, target, source))
}

function isBegun(row: LedgerEntry | undefined): boolean {
  return row?.targetDigest === null && (row.state === 'pending' || row.state === 'failed')
}

/**
 * Salvage brings what the old primary had and nobody copied. What did not change there since it was
 * proven has nothing to bring, however the other side went on; a deletion there is such a change.
 * What was only captured then stands now, made from its definition, so it is no longer held back.
 */
async function salvageObject(
  pass: Pass,
  source: WorkspaceObject,
  known: Known,
): Promise<LedgerEntry> {
  const { forward, target } = known
  const wasCaptured = forward?.error?.code === 'object.captured'
  const desired = salvagedForm(pass, source, target)
  const settled = forward?.state === 'proven' || (wasCaptured && target !== undefined)
  const forms = [desired.digest, desiredForm(pass, source).digest]
  if (forward !== undefined && settled && forms.includes(forward.sourceDigest ?? ''))
    return unchanged(pass, forward)
  return entryFor(pass, source.id, await settle(pass, source, desired, known))
}

/** The row as it is: nothing was compared that could be more recent than it. */
function unchanged(pass: Pass, row: LedgerEntry): LedgerEntry {
  pass.unproven.delete(row.object)
  return row
}

function archivesOnly(
  id: ObjectId,
  desired: JsonObject,
  target: WorkspaceObject | undefined,
): boolean {
  if (target === undefined) return false
  const changes = fieldChanges(canonicalObject(id, target.body), canonicalObject(id, desired))
  return (
    changes.length === 1 && changes[0]?.path === 'properties.isArchived' && changes[0].to === true
  )
}

/** A reference that is not proven, or not standing at all, would make a broken object. */
function waitsFor(pass: Pass, source: WorkspaceObject): string | undefined {
  // An endpoint whose traffic follows later stands already: its deployments need not wait for it.
  const standing = new Set(pass.deferred.map(({ id }) => formatObjectId(id)))
  return referencesOf(source.id, source.body, pass.from)
    .map(formatObjectId)
    .find((object) => isAwaited(pass, object, standing))
}

/** A number that was passed over could never be given out again. */
function earlierVersion(
  pass: Pass,
  { kind, path: [name = '', number] }: ObjectId,
  target: WorkspaceObject | undefined,
): string | undefined {
  if (kind !== 'model-version' || target !== undefined) return undefined
  return [...pass.unproven].find(([object, state]) => {
    const id = parseObjectId(object)
    return (
      state !== 'conflict' &&
      id.kind === kind &&
      id.path[0] === name &&
      Number(id.path[1]) < Number(number)
    )
  })?.[0]
}

function isAwaited(pass: Pass, object: string, standing: ReadonlySet<string>): boolean {
  if (pass.captured.has(object)) return true
  const state = pass.unproven.get(object)
  if (state === undefined || standing.has(object)) return false
  // A container about which the sides disagree is there: it holds versions all the same.
  const { kind } = parseObjectId(object)
  const isContainer = kind === 'registered-model' || kind.endsWith('-container')
  return !(state === 'conflict' && isContainer)
}

function report(
  pass: Pass,
  id: ObjectId,
  decision: Decision,
  desired: Desired,
  target: WorkspaceObject | undefined,
): void {
  acted(pass, {
    object: formatObjectId(id),
    kind: id.kind,
    action: decision.action,
    reason: decision.reason,
    digest: desired.digest,
    ...(target === undefined
      ? {}
      : {
          changes: fieldChanges(
            canonicalObject(id, target.body),
            canonicalObject(id, desired.body),
          ),
        }),
  })
}
