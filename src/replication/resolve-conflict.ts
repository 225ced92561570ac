import type { JsonObject } from '../model/json.ts'
import { armKind } from '../model/kinds.ts'
import { formatObjectId, type ObjectId } from '../model/object-id.ts'
import { matchesRule } from '../plan/strategy-of.ts'
import { sealed } from '../workspace/sealing.ts'
import type { Digests, Sides } from './conflict-sides.ts'
import { apartCode, apartReason, conflictError, type Decision } from './decide-action.ts'
import { masked } from './field-changes.ts'
import { turned } from './give-back.ts'
import { failureOf, type Outcome, type Pass } from './pass-state.ts'
import type { Keep, Resolution, Side } from './resolutions.ts'
import type { Failure } from './run-content.ts'

export interface Verdict {
  readonly keep: Keep
  /** For operators. */
  readonly by: string
  /** By a human; undefined: by a rule of the plan. */
  readonly decided?: Resolution
}

/** What a human decided about this very conflict, else what the plan rules for its kind and name. */
export function verdictOn(pass: Pass, id: ObjectId, digests: Digests): Verdict | undefined {
  const decided = pass.resolutions.get(formatObjectId(id))
  // Keeping the source means its newest; the others leave one certain content behind.
  const holds =
    decided?.targetDigest === digests.targetDigest &&
    (decided?.keep === 'source' || decided?.sourceDigest === digests.sourceDigest)
  if (decided !== undefined && holds) return { keep: decided.keep, by: 'it was decided', decided }
  const rule = pass.context.plan.conflicts.findLast((one) => matchesRule(one, id))
  return rule === undefined ? undefined : { keep: rule.keep, by: 'the plan rules' }
}

/** How a conflict goes on: with `outcome` it ends here, without one the target is updated. */
export interface Ended {
  readonly decision: Decision
  readonly outcome?: Pick<Outcome, 'state' | 'error'> & Partial<Outcome>
  readonly update?: DecidedUpdate
}

/** Of a target that was decided to lose what it holds. */
export interface DecidedUpdate {
  /** Right before the write: puts aside what it holds. */
  readonly before: () => Promise<void>
  /** What came of it: a write that failed leaves the conflict, with the reason (I8). */
  readonly after: (outcome: Outcome) => Promise<Outcome>
}

interface Decided {
  readonly pass: Pass
  readonly id: ObjectId
  readonly conflict: Decision
  readonly digests: Digests
  readonly sides: Sides
  readonly verdict: Verdict
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
  // A salvage never replaces what either side holds (I5).
  const isIdle = pass.mode === 'salvage' && verdict?.keep !== 'both'
  if (verdict === undefined || isIdle)
    return { decision: conflict, outcome: inConflict(pass, conflict) }
  const decided = { pass, id, conflict, digests, sides, verdict }
  if (verdict.keep === 'both') return staysApart(decided)
  const { fixed = [] } = sides
  if (fixed.length > 0)
    return { decision: conflict, outcome: undone(decided, fixedFailure(id, fixed)) }
  return verdict.keep === 'source' ? keepSource(decided) : keepTarget(decided)
}

function keepSource(decided: Decided): Ended {
  let isNew = false
  return {
    decision: decisionFor(decided, 'source'),
    update: {
      before: async () => {
        if (decided.pass.mode !== 'plan') isNew = await putAside(decided, 'target')
      },
      after: async (outcome) => {
        if (outcome.state !== 'failed' || outcome.error === undefined) return outcome
        decided.pass.tally.failed -= 1
        return { ...outcome, ...(await failed(decided, 'target', isNew, outcome.error)) }
      },
    },
  }
}

/** The source takes the target's content, and both are looked at again (I4). */
async function keepTarget(decided: Decided): Promise<Ended> {
  const { pass, digests, sides } = decided
  const decision = decisionFor(decided, 'target')
  if (pass.mode === 'plan') return { decision, outcome: { state: 'proven' } }
  const isNew = await putAside(decided, 'source')
  const failure = await givenBack(decided)
  const held = failure === undefined ? await sides.now('source') : undefined
  if (held === undefined || held.digest !== digests.targetDigest) {
    const why = failure ?? { code: 'object.not-equal', message: 'it holds something else after it' }
    return { decision, outcome: await failed(decided, 'source', isNew, why) }
  }
  pass.tally.updated += 1
  const seen = { sourceDigest: held.digest, sourceVersion: held.version }
  return { decision, outcome: { state: 'proven', ...seen } }
}

async function givenBack({ pass, sides }: Decided): Promise<Failure | undefined> {
  try {
    return await sides.giveBack(turned(pass))
  } catch (error) {
    return failureOf(error)
  }
}

/** Both stay as they are, and after a move, too: the decision is noted for the way back. */
async function staysApart({ pass, digests, sides, verdict }: Decided): Promise<Ended> {
  const { source, target, resolutions } = pass.context
  const reason = `${apartReason}: ${source.name} and ${target.name} each keep their own`
  if (pass.mode === 'replicate' && verdict.decided !== undefined)
    await resolutions?.resolve(pass.backward, { ...verdict.decided, ...sides.turned(turned(pass)) })
  return {
    decision: { action: 'skip', reason },
    outcome: { state: 'apart', ...digests, error: { code: apartCode, message: reason } },
  }
}

function decisionFor({ pass: { context }, verdict }: Decided, keep: Side): Decision {
  const [winner, loser] = [context[keep].name, context[other(keep)].name]
  const reason = `conflict: ${verdict.by} to keep the content of ${winner}; that of ${loser} is put aside`
  return { action: 'update', reason }
}

const other = (side: Side): Side => (side === 'source' ? 'target' : 'source')

/** The conflict stays. A decision that was tried holds for what its trial left, and is tried again. */
async function failed(
  decided: Decided,
  loser: Side,
  isNew: boolean,
  failure: Failure,
): Promise<Pick<Outcome, 'state' | 'error'> & Partial<Outcome>> {
  const { pass, id, digests, sides, verdict } = decided
  const key = `${loser}Digest` as const
  const held = await sides.now(loser).catch((error: unknown) => {
    failureOf(error)
    return undefined
  })
  const before = digests[key]
  const object = formatObjectId(id)
  const store = pass.context.resolutions
  if (isNew && before !== null && held?.digest === before)
    await store?.discard(pass.direction, { object, side: loser, digest: before })
  const standing = { ...digests, ...(held === undefined ? {} : { [key]: held.digest }) }
  if (verdict.decided !== undefined && standing[key] !== before)
    await store?.resolve(pass.direction, { ...verdict.decided, [key]: standing[key] })
  return { ...standing, ...undone(decided, failure) }
}

function undone({ pass, conflict, verdict }: Decided, { code, message }: Failure) {
  const winner = pass.context[verdict.keep === 'target' ? 'target' : 'source'].name
  const reason = `${verdict.by} to keep the content of ${winner}, and it could not be written: ${message} (${code})`
  const outcome = inConflict(pass, conflict)
  return { ...outcome, error: { ...outcome.error, message: `${conflict.reason}; ${reason}` } }
}

/** Said of a conflict that no decision for one side can end. */
export function fixedFailure({ kind }: ObjectId, fixed: readonly string[]): Failure {
  const message = `${fixed.join(', ')} of a ${kind} version cannot be changed once it is made`
  return { code: 'object.immutable', message }
}

function inConflict(pass: Pass, conflict: Decision) {
  pass.tally.conflicts += 1
  return { state: 'conflict', error: conflictError(conflict) } as const
}

/** False: it was there. */
async function putAside({ pass, id, digests, sides }: Decided, side: Side): Promise<boolean> {
  const store = pass.context.resolutions
  const digest = digests[`${side}Digest`]
  const object = formatObjectId(id)
  if (store === undefined || digest === null) return false
  const known = await store.kept(pass.direction, object)
  if (known.some((one) => one.side === side && one.digest === digest)) return false
  const body = await withoutSecrets(pass, id, sides.documents[side])
  const at = pass.context.clock().toISOString()
  await store.keep(pass.direction, { object, kind: id.kind, side, digest, body, at })
  return true
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
