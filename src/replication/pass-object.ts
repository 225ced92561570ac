import { canonicalObject } from '../model/canonical.ts'
import type { JsonObject } from '../model/json.ts'
import { isTrackingKind } from '../model/kinds.ts'
import { formatObjectId, type ObjectId } from '../model/object-id.ts'
import type { WorkspaceObject } from '../workspace/workspace.ts'
import { applyObject, sameSecrets } from './apply-object.ts'
import { capture, define, standingIn } from './capture-object.ts'
import { objectSides } from './conflict-sides.ts'
import { isCopiedBack } from './copied-back.ts'
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
import {
  acted,
  entryFor,
  failureOf,
  keptFrom,
  type Outcome,
  type Pass,
  progressed,
  reading,
} from './pass-state.ts'
import { type DecidedUpdate, endConflict } from './resolve-conflict.ts'
import type { Standing } from './scope.ts'
import { withSourceGone } from './source-gone.ts'
import { earlierVersion, waitsFor } from './waits-for.ts'

/** What else is known of an object of the source. */
export interface Known {
  readonly target: WorkspaceObject | undefined
  readonly forward: LedgerEntry | undefined
  /** Of the way back; only what differs has to be told from it. */
  readonly backward: () => Promise<LedgerEntry | undefined>
  readonly defined: Definition | undefined
}

/** Undefined: a salvage finds nothing of its own at the source. */
export async function passObject(
  pass: Pass,
  source: WorkspaceObject,
  known: Known,
): Promise<LedgerEntry | undefined> {
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
): Promise<LedgerEntry | undefined> {
  const { id } = source
  if (pass.mode === 'salvage') return await salvageObject(pass, source, known)
  const desired = desiredForm(pass, source)
  if (standing.is === 'captured') return await capture(pass, source, desired, known.defined)
  // A definition from a time with another strategy must not come back at the failover.
  if (desired.whole !== desired.body || known.defined !== undefined)
    await define(pass, id, desired.whole, known.defined)
  return entryFor(pass, id, await settle(pass, source, desired, known))
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
  const leftAlone = async () =>
    target === undefined || targetDigest === undefined
      ? undefined
      : await wasLeftAlone(pass, source, target, targetDigest, known)
  // Nothing has to be told from it then, and most objects are.
  const isEqual = targetDigest === desired.digest
  let decision = decideAction({
    desired: desired.digest,
    target: targetDigest,
    unchangedSinceProven: isEqual ? undefined : await leftAlone(),
    archivesOnly: !isEqual && archivesOnly(id, desired.body, target),
  })
  // A salvage never touches the keys that clients of the new primary use.
  if (decision.action === 'none' && pass.mode !== 'salvage' && !(await sameSecrets(pass, id)))
    decision =
      (await leftAlone()) === undefined
        ? { action: 'conflict', reason: foreignReason }
        : { action: 'update', reason: 'credentials differ' }
  if (decision.action === 'none') return { ...facts, state: 'proven' }
  let update: DecidedUpdate | undefined
  if (decision.action === 'conflict' && target !== undefined) {
    const ended = await endConflict(pass, id, decision, facts, objectSides(pass, source, target))
    decision = ended.decision
    update = ended.update
    if (ended.outcome !== undefined) {
      report(pass, id, decision, desired, target)
      return { ...facts, ...ended.outcome }
    }
  }
  if (desired.stranded.length > 0) {
    pass.tally.failed += 1
    const stranded: Outcome = {
      ...facts,
      ...keptFrom(forward),
      state: 'failed',
      error: { code: 'reference.stranded', message: desired.stranded.join('; ').slice(0, 500) },
    }
    return update === undefined ? stranded : update.after(stranded)
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
  await update?.before()
  const outcome = await applyObject(pass, source, desired, target, decision)
  return update === undefined ? outcome : update.after(outcome)
}

async function wasLeftAlone(
  pass: Pass,
  source: WorkspaceObject,
  target: WorkspaceObject,
  targetDigest: string,
  { forward, defined, ...known }: Known,
): Promise<boolean | undefined> {
  // What the failover made of it is our doing, too.
  if (pass.mode === 'salvage' && defined?.digest === targetDigest) return true
  // Begun by us and broken off: it says so itself, and nobody was ever told that it is there.
  if (isBegun(forward) && target.origin?.member === pass.context.source.name) return true
  const backward = await known.backward()
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
): Promise<LedgerEntry | undefined> {
  const { forward, target } = known
  const stands = digestOf(source.id, source.body)
  const isStanding = ({ targetDigest }: LedgerEntry) => targetDigest === stands
  const rows = { forward, backward: await known.backward() }
  if (isCopiedBack(pass, formatObjectId(source.id), rows, isStanding)) return undefined
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
