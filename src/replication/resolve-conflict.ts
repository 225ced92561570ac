import { writableObject, writableRun } from '../model/canonical.ts'
import { isCode } from '../model/errors.ts'
import type { JsonObject } from '../model/json.ts'
import { armKind } from '../model/kinds.ts'
import { formatObjectId, type ObjectId } from '../model/object-id.ts'
import { matchesRule } from '../plan/strategy-of.ts'
import { sealed } from '../workspace/sealing.ts'
import type { BlobInfo, BlobStoreName, Experiment, Run, Workspace } from '../workspace/workspace.ts'
import { conflictError, type Decision, resolutionCodes } from './decide-action.ts'
import { masked } from './field-changes.ts'
import { type Outcome, type Pass, reading, writing } from './pass-state.ts'
import type { Side } from './resolutions.ts'

/** Where a resolution puts bytes that would otherwise be lost; in the target's storage account. */
export const keptStore = 'container:holdfast-kept'

type Digests = Pick<Outcome, 'sourceDigest' | 'targetDigest'>

interface Verdict {
  readonly keep: Side
  /** For operators. */
  readonly by: string
}

/**
 * What a human decided about this very conflict, else what the plan rules for its kind and name. A
 * salvage follows neither: it never replaces what the new primary holds (I5).
 */
function verdictOn(pass: Pass, id: ObjectId, digests: Digests): Verdict | undefined {
  if (pass.mode === 'salvage') return undefined
  const decided = pass.resolutions.get(formatObjectId(id))
  // Keeping the source means its newest; keeping the target leaves one certain content behind.
  const holds =
    decided?.targetDigest === digests.targetDigest &&
    (decided?.keep === 'source' || decided?.sourceDigest === digests.sourceDigest)
  if (decided !== undefined && holds) return { keep: decided.keep, by: 'was decided' }
  const rule = pass.context.plan.conflicts.findLast((one) => matchesRule(one, id))
  return rule === undefined ? undefined : { keep: rule.keep, by: 'the plan rules' }
}

/** Both sides of a conflict, as they can be put aside. */
export interface Sides {
  readonly source: () => Promise<JsonObject>
  readonly target: () => Promise<JsonObject>
}

/** How a conflict goes on: with `outcome` it ends here, without one the target is updated. */
export interface Ended {
  readonly decision: Decision
  readonly outcome?: Pick<Outcome, 'state' | 'error'>
}

/** As decided by a human or the plan; what loses is put aside first (I3, I5). */
export async function endConflict(
  pass: Pass,
  id: ObjectId,
  conflict: Decision,
  digests: Digests,
  sides: Sides,
): Promise<Ended> {
  const verdict = verdictOn(pass, id, digests)
  if (verdict === undefined) return { decision: conflict, outcome: inConflict(pass, conflict) }
  const loser = verdict.keep === 'source' ? 'target' : 'source'
  const reason = `conflict: ${verdict.by} to keep the ${verdict.keep}'s; the ${loser}'s is put aside`
  if (pass.mode !== 'plan') await putAside(pass, id, loser, digests, sides)
  if (verdict.keep === 'source') return { decision: { action: 'update', reason } }
  const error = { code: resolutionCodes.targetKept, message: reason }
  return { decision: { action: 'skip', reason }, outcome: { state: 'skipped', error } }
}

export function inConflict(pass: Pass, conflict: Decision): Pick<Outcome, 'state' | 'error'> {
  pass.tally.conflicts += 1
  return { state: 'conflict', error: conflictError(conflict) }
}

async function putAside(
  pass: Pass,
  id: ObjectId,
  side: Side,
  digests: Digests,
  sides: Sides,
): Promise<void> {
  const store = pass.context.resolutions
  const digest = side === 'source' ? digests.sourceDigest : digests.targetDigest
  const object = formatObjectId(id)
  if (store === undefined || digest === null) return
  const known = await store.kept(pass.direction, object)
  if (known.some((one) => one.side === side && one.digest === digest)) return
  await store.keep(pass.direction, {
    ...{ object, kind: id.kind, side, digest, body: await withoutSecrets(pass, id, sides[side]) },
    at: pass.context.clock().toISOString(),
  })
}

/** What is had back is opened with the target's key; runs have nothing that could not be struck out (I9). */
async function withoutSecrets(
  { context: { target, epoch, signal } }: Pass,
  { kind }: ObjectId,
  document: () => Promise<JsonObject>,
): Promise<JsonObject> {
  if (armKind(kind) === undefined) return masked(await document())
  return sealed(target, await document(), { epoch, ...(signal === undefined ? {} : { signal }) })
}

/** Documents as a client may send them, so that they can be put back and hold no secret (I9). */
export function documentSides(id: ObjectId, source: JsonObject, target: JsonObject): Sides {
  return {
    source: async () => writableObject(id, source),
    target: async () => writableObject(id, target),
  }
}

export function runSides(source: Run, target: Run): Sides {
  const document = ({ experimentName, status, body }: Run) => ({
    ...{ experimentName, status },
    ...writableRun(body),
  })
  return { source: async () => document(source), target: async () => document(target) }
}

export function experimentSides(source: Experiment, target: Experiment): Sides {
  const document = ({ experimentId: _, ...rest }: Experiment): JsonObject => ({ ...rest })
  return { source: async () => document(source), target: async () => document(target) }
}

/** Bytes go into a container of their own beside those of the target. */
export function blobSides(
  pass: Pass,
  store: BlobStoreName,
  source: BlobInfo,
  target: BlobInfo,
): Sides {
  const { context } = pass
  return {
    source: () => copyAside(pass, store, context.source, source),
    target: () => copyAside(pass, store, context.target, target),
  }
}

async function copyAside(
  pass: Pass,
  store: BlobStoreName,
  from: Workspace,
  blob: BlobInfo,
): Promise<JsonObject> {
  const { target } = pass.context
  const name = `${from.name}/${store}/${blob.name}/${blob.etag.replaceAll('"', '')}`
  const url = await from.blobReadUrl(store, blob.name, reading(pass))
  const copy = { ...blob, name }
  await target.copyBlob(keptStore, copy, url, writing(pass)).catch(async (error: unknown) => {
    if (!isCode(error, 'blob.copy-unsupported')) throw error
    const options = { ...reading(pass), etag: blob.etag }
    const bytes = await from.readBlob(store, blob.name, options)
    return target.writeBlob(keptStore, copy, bytes, writing(pass))
  })
  return { member: target.name, store: keptStore, name, of: `${store}/${blob.name}` }
}
