import { canonicalObject, digestJson } from '../model/canonical.ts'
import type { JsonObject } from '../model/json.ts'
import type { ObjectId } from '../model/object-id.ts'
import { relocateObject } from '../model/relocate.ts'
import { strategyOf } from '../plan/strategy-of.ts'
import type { WorkspaceObject } from '../workspace/workspace.ts'
import type { Pass } from './pass-state.ts'
import {
  isEndpoint,
  isScheduleOn,
  standingForm,
  withHeldBackOf,
  withRoutingOf,
  withSchedule,
} from './standing-form.ts'

/** An object of the source as it is to be at the target. */
export interface Desired {
  /** As it is to stand while the target is secondary; ready to be put. */
  readonly body: JsonObject
  readonly digest: string
  /** As it is to be when the target becomes primary; the same object when nothing is held back. */
  readonly whole: JsonObject
  /** References that belong to the source alone and cannot be moved. */
  readonly stranded: readonly string[]
}

export function desiredForm(pass: Pass, { id, body }: WorkspaceObject): Desired {
  return formAt(pass, id, body, pass.from, pass.to, pass.map)
}

/**
 * The form a salvage brings: whole, for the target is primary now, but with schedules off, which may
 * run elsewhere already. Traffic is the target's own business: a fence may have taken the source's.
 */
export function salvagedForm(
  pass: Pass,
  source: WorkspaceObject,
  target: WorkspaceObject | undefined,
): Desired {
  const { id, body } = source
  const { whole, stranded } = formAt(pass, id, body, pass.from, pass.to, pass.map)
  const salvaged = withTargetsOwn(id, whole, target?.body)
  return { body: salvaged, digest: digestOf(id, salvaged), whole: salvaged, stranded }
}

function withTargetsOwn(id: ObjectId, whole: JsonObject, target: JsonObject | undefined) {
  if (isEndpoint(id.kind) && target !== undefined) return withRoutingOf(whole, target)
  if (id.kind !== 'schedule') return whole
  return isScheduleOn(target) ? withSchedule(whole, true) : withSchedule(whole, false)
}

/** What `from` would make of `own` on the way back: whole, with what only a primary has as `own` has it. */
export function formGivenBack(
  pass: Pass,
  { id, body }: WorkspaceObject,
  own: WorkspaceObject,
): Desired {
  const { whole, stranded } = formAt(pass, id, body, pass.from, pass.to, pass.map)
  const given = withHeldBackOf(id, whole, own.body, strategyOf(pass.context.plan, id))
  return { body: given, digest: digestOf(id, given), whole: given, stranded }
}

function formAt(
  pass: Pass,
  id: ObjectId,
  body: JsonObject,
  from: Pass['from'],
  to: Pass['to'],
  map: Pass['map'],
): Desired {
  const relocated = relocateObject(id, body, from, to, map)
  const standing = standingForm(id, relocated.body, strategyOf(pass.context.plan, id))
  return {
    body: standing,
    digest: digestOf(id, standing),
    whole: relocated.body,
    stranded: relocated.unresolved
      // Elsewhere is elsewhere for both members; only what lies with the source cannot follow.
      .filter(({ reason }) => reason === 'unmapped-container')
      .map(({ path, reason }) => `${path}: ${reason}`),
  }
}

/**
 * Digests of what the target holds, seen as a source of the way back: as replication brought it to
 * where the source is now, and as a salvage did.
 */
export function digestsAsSource(
  pass: Pass,
  target: WorkspaceObject,
  source: WorkspaceObject,
): string[] {
  const { id, body } = target
  const { digest, whole } = formAt(pass, id, body, pass.to, pass.from, pass.backMap)
  return [digest, digestOf(id, withTargetsOwn(id, whole, source.body))]
}

export function digestOf(id: ObjectId, body: JsonObject): string {
  // An image is what its registry says it is: a digest that anybody can compare with the rows.
  if (id.kind === 'image') return String(body.digest)
  return digestJson(canonicalObject(id, body))
}

/** What the service offers to see a change: an etag, else the time of the last change. */
export function versionOf(object: { etag?: string; modifiedAt?: string }): string | null {
  return object.etag ?? object.modifiedAt ?? null
}
