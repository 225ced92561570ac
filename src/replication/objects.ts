import { canonicalObject } from '../model/canonical.ts'
import type { JsonObject } from '../model/json.ts'
import { type ArmKind, armKinds, type Kind } from '../model/kinds.ts'
import { formatObjectId, type ObjectId } from '../model/object-id.ts'
import { referencesOf } from '../model/references.ts'
import type { WorkspaceObject } from '../workspace/workspace.ts'
import { applyObject, sameSecrets } from './apply-object.ts'
import { type Decision, decideAction, isAsCopiedBack, isAsLeft, younger } from './decide-action.ts'
import { fieldChanges } from './field-changes.ts'
import type { LedgerEntry } from './ledger.ts'
import { type Desired, desiredForm, digestAsSource, digestOf, versionOf } from './object-forms.ts'
import { at, pagesOf } from './paging.ts'
import {
  acted,
  entryFor,
  failureOf,
  isSameEntry,
  listFailure,
  type Outcome,
  type Pass,
  progressed,
  reading,
} from './pass-state.ts'
import { standingOf } from './scope.ts'

/** Kinds of ARM documents a pass copies; jobs are captured and resubmitted, never put (design D5). */
const copiedKinds = armKinds.filter(({ kind }) => kind !== 'job')

/** Copies the ARM documents, wave after wave: an object's references are there before it is. */
export async function passObjects(pass: Pass): Promise<void> {
  const seen = new Map<Kind, ObjectId[]>()
  for (const arm of copiedKinds) {
    pass.phase = arm.kind
    progressed(pass)
    const ids: ObjectId[] = []
    seen.set(arm.kind, ids)
    if (!pass.context.source.capabilities.kinds.has(arm.kind)) continue
    const parents = arm.parent === undefined ? [undefined] : (seen.get(arm.parent) ?? [])
    await Promise.all(parents.map((parent) => passCollection(pass, arm, parent, ids)))
  }
}

/** One list of the source against the same list of the target. */
async function passCollection(
  pass: Pass,
  arm: ArmKind,
  parent: ObjectId | undefined,
  ids: ObjectId[],
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
    for await (const page of pagesOf((cursor) =>
      pass.limit(() => source.listObjects(arm.kind, { ...options, ...at(cursor) })),
    )) {
      const names = page.map((object) => formatObjectId(object.id))
      const [forward, backward] = await Promise.all([
        ledger.read(pass.direction, names),
        ledger.read(pass.backward, names),
      ])
      const entries = await Promise.all(
        page.map((object, i) => {
          ids.push(object.id)
          const name = names[i] ?? ''
          return pass.limit(() =>
            passObject(pass, object, standing.get(name), forward.get(name), backward.get(name)),
          )
        }),
      )
      await writeChanged(pass, entries, forward)
    }
  } catch (error) {
    const id: ObjectId = { kind: arm.kind, path: [...(parent?.path ?? []), '*'] }
    const entry = listFailure(pass, id, error)
    await writeChanged(pass, [entry], new Map())
  }
}

export async function writeChanged(
  pass: Pass,
  entries: readonly LedgerEntry[],
  known: ReadonlyMap<string, LedgerEntry>,
): Promise<void> {
  if (pass.mode === 'plan') return
  const changed = entries.filter((entry) => !isSameEntry(known.get(entry.object), entry))
  if (changed.length > 0) await pass.context.ledger.write(pass.direction, changed)
}

async function passObject(
  pass: Pass,
  source: WorkspaceObject,
  target: WorkspaceObject | undefined,
  forward: LedgerEntry | undefined,
  backward: LedgerEntry | undefined,
): Promise<LedgerEntry> {
  const { id } = source
  pass.tally.compared += 1
  const unknown = {
    sourceDigest: null,
    targetDigest: null,
    sourceVersion: versionOf(source),
    targetVersion: null,
  }
  try {
    const standing = standingOf(pass.context.plan, pass.map, id, source.body)
    if (standing.is === 'left')
      return entryFor(pass, id, {
        ...unknown,
        state: 'skipped',
        error: { code: 'object.left', message: standing.reason },
      })
    const desired = desiredForm(pass, source)
    if (standing.is === 'captured') return await capture(pass, source, desired)
    if (pass.mode === 'replicate' && desired.whole !== desired.body)
      await define(pass, id, desired.whole)
    const outcome = await settle(pass, source, desired, target, forward, backward)
    return entryFor(pass, id, outcome)
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

/** Hot-cold: the definition is kept here and created at the failover. */
async function capture(
  pass: Pass,
  source: WorkspaceObject,
  desired: Desired,
): Promise<LedgerEntry> {
  const object = formatObjectId(source.id)
  pass.captured.add(object)
  if (pass.mode === 'replicate') await define(pass, source.id, desired.whole)
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

async function define(pass: Pass, id: ObjectId, body: JsonObject): Promise<void> {
  const object = formatObjectId(id)
  const digest = digestOf(id, body)
  const known = (await pass.context.definitions.read(pass.direction, [object])).get(object)
  if (known?.digest === digest) return
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
  target: WorkspaceObject | undefined,
  forward: LedgerEntry | undefined,
  backward: LedgerEntry | undefined,
): Promise<Outcome> {
  const { id } = source
  const targetDigest = target === undefined ? undefined : digestOf(id, target.body)
  const facts = {
    sourceDigest: desired.digest,
    targetDigest: targetDigest ?? null,
    sourceVersion: versionOf(source),
    targetVersion: target === undefined ? null : versionOf(target),
  }
  let decision = decideAction({
    desired: desired.digest,
    target: targetDigest,
    unchangedSinceProven:
      target === undefined || targetDigest === undefined
        ? undefined
        : wasLeftAlone(pass, target, targetDigest, forward, backward),
    archivesOnly: archivesOnly(id, desired.body, target),
  })
  if (decision.action === 'none' && !(await sameSecrets(pass, id)))
    decision = { action: 'update', reason: 'credentials differ' }
  if (pass.mode === 'salvage') decision = forSalvage(decision, desired.digest, forward)
  if (decision.action === 'none') return { ...facts, state: 'proven' }
  if (decision.action === 'conflict') {
    pass.tally.conflicts += 1
    report(pass, id, decision, desired, target)
    return {
      ...facts,
      state: 'conflict',
      error: { code: 'object.conflict', message: decision.reason },
    }
  }
  if (desired.stranded.length > 0) {
    pass.tally.failed += 1
    return {
      ...facts,
      state: 'failed',
      error: { code: 'reference.stranded', message: desired.stranded.join('; ').slice(0, 500) },
    }
  }
  const waiting = waitsFor(pass, source)
  if (waiting !== undefined) {
    pass.tally.pending += 1
    return {
      ...facts,
      state: 'pending',
      error: { code: 'object.waiting', message: `waits for ${waiting}` },
    }
  }
  report(pass, id, decision, desired, target)
  if (pass.mode === 'plan') return { ...facts, state: 'pending' }
  return applyObject(pass, source, desired, target, decision.action)
}

function wasLeftAlone(
  pass: Pass,
  target: WorkspaceObject,
  targetDigest: string,
  forward: LedgerEntry | undefined,
  backward: LedgerEntry | undefined,
): boolean | undefined {
  const which = younger(forward, backward)
  if (which === undefined) return undefined
  return which === 'forward'
    ? isAsLeft(forward, targetDigest)
    : isAsCopiedBack(backward, digestAsSource(pass, target))
}

/**
 * Salvage brings what the old primary had and nobody copied. What did not change there since it was
 * proven has nothing to bring, however the other side went on.
 */
function forSalvage(
  decision: Decision,
  desiredDigest: string,
  forward: LedgerEntry | undefined,
): Decision {
  if (decision.action === 'create' || decision.action === 'none') return decision
  const unchangedAtSource = forward?.state === 'proven' && forward.sourceDigest === desiredDigest
  return unchangedAtSource ? { action: 'none', reason: 'nothing new at the old primary' } : decision
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
    .find(
      (object) => (pass.unproven.has(object) && !standing.has(object)) || pass.captured.has(object),
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
