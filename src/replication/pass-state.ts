import pLimit, { type LimitFunction } from 'p-limit'
import type { PlannedAction } from '../api/contract.ts'
import { isHoldfastError } from '../model/errors.ts'
import type { JsonObject } from '../model/json.ts'
import type { NameMap } from '../model/move.ts'
import { formatObjectId, type ObjectId, parseObjectId } from '../model/object-id.ts'
import type { Place } from '../model/place.ts'
import { invertMap } from '../model/relocate.ts'
import type { ContinuityPlan } from '../plan/continuity-plan.ts'
import { last, priorityOf } from '../plan/priority-of.ts'
import { circuitOpen } from '../workspace/decorators/breaking.ts'
import { isForeign } from './decide-action.ts'
import { gatheredReads } from './gathered-reads.ts'
import { inIdsOfTheSource } from './in-ids-of-the-source.ts'
import type { Direction, LedgerEntry } from './ledger.ts'
import type { ReplicationContext } from './pass.ts'
import { PassEnd } from './pass-end.ts'
import type { Resolution } from './resolutions.ts'
import { RunGroups } from './run-groups.ts'
import { type SeenObjects, seenObjects } from './seen-objects.ts'

/** How a pass treats what it finds. */
export type PassMode =
  /** Compares and reports, without any effect. */
  | 'plan'
  | 'replicate'
  /** Brings only what is missing at the target; what differs there stays (I5). */
  | 'salvage'

/** What one pass knows and counts while it runs. */
export interface Pass {
  /** As it was given: the target speaks of runs by ids of its own. */
  readonly given: ReplicationContext
  /** Both sides speak of runs by the ids they have at the source. */
  readonly context: ReplicationContext
  readonly mode: PassMode
  readonly direction: Direction
  readonly backward: Direction
  readonly from: Place
  readonly to: Place
  /** Names at the source -> names at the target, whichever way the pass goes. */
  readonly map: NameMap
  readonly backMap: NameMap
  /** Objects and blobs under way at a time, over both workspaces. */
  readonly limit: LimitFunction
  readonly groups: RunGroups
  /**
   * When the pass began, by the earlier of our clock and the source's: a wrong one of ours can then only
   * claim less than is proven (I4).
   */
  readonly startedAt: Date
  /** The source's clock then, which stamps what changes there; ours where it does not tell. */
  readonly sourceTime: Date
  readonly tally: Tally
  /** In scope and not proven in this pass, with the state; dependants wait for them. */
  readonly unproven: Map<string, LedgerEntry['state']>
  /** Hot-cold objects of this pass: nothing standing may need them. */
  readonly captured: Set<string>
  /** What was decided about conflicts, by object. */
  readonly resolutions: ReadonlyMap<string, Resolution>
  /** Out of scope, so not there for what names them. */
  readonly left: Set<string>
  /** What was met at the source; only a full pass looks for what is gone. */
  readonly seen: SeenObjects | undefined
  /** Lists that could not be read: what they hold is unknown, so the pass is partial (I8). */
  readonly unlisted: Set<string>
  /** Images that this pass has looked at. */
  readonly images: Set<string>
  readonly deferred: Deferred[]
  /** Only while the pass replicates. */
  urgent: UrgentBlobs | undefined
  /** Their rows say `pending` since this pass began with them, whatever was read before. */
  readonly begun: Set<string>
  readonly end: PassEnd
  phase: string
}

/** Blobs that go before the others; see `urgentBlobs`. */
export interface UrgentBlobs {
  covers(store: string, name: string): boolean
  /** Brings what is there now. */
  look(): Promise<void>
  /** After every object: looks again, beside the pass, when enough others have been dealt with. */
  nudge(): void
  /** Nothing is under way any more. */
  settled(): Promise<void>
  /** The last look, which proves all that was there when the pass began (I4). */
  finish(): Promise<void>
}

export interface Tally {
  compared: number
  created: number
  updated: number
  failed: number
  pending: number
  conflicts: number
  bytesCopied: number
  requests: number
  objectsTotal: number | undefined
}

/** An object of which the first form stands; the rest follows when others are there. */
export interface Deferred {
  readonly id: ObjectId
  readonly desired: JsonObject
  readonly digest: string
  /** Digest of the first form, as it stands at the target now. */
  readonly standing: string
  readonly sourceVersion: string | null
  /** The first form was written in this pass, and the tally says so. */
  readonly isCounted: boolean
}

const concurrency = 16

/** The file's map is written from its primary to its secondary; turned round for the way back. */
export function nameMapFrom(plan: ContinuityPlan, source: string): NameMap {
  const primary = plan.members.find((member) => member.role === 'primary')?.name
  return primary === undefined || primary === source ? plan.map : invertMap(plan.map)
}

/** Throws `replication.no-run-links`. */
export async function beginPass(given: ReplicationContext, mode: PassMode): Promise<Pass> {
  const context = readingTogether(inIdsOfTheSource(given))
  const { group, source, target, plan, signal } = context
  const call = signal ? { signal } : {}
  const direction = { group, source: source.name, target: target.name }
  const ours = context.clock()
  const [theirs, from, to, counts, resolutions] = await Promise.all([
    source.readClock(call),
    source.describe(call),
    target.describe(call),
    context.ledger.counts(direction),
    context.resolutions?.resolutions(direction) ?? [],
  ])
  const sourceTime = theirs ?? ours
  const known = counts.reduce((sum, line) => sum + line.inScope, 0)
  const map = nameMapFrom(plan, source.name)
  return {
    given,
    context,
    mode,
    direction,
    backward: { group, source: target.name, target: source.name },
    from,
    to,
    map,
    backMap: invertMap(map),
    limit: pLimit(concurrency),
    groups: new RunGroups(source, target),
    startedAt: earlier(ours, sourceTime),
    sourceTime,
    tally: { ...emptyTally(), objectsTotal: known === 0 ? undefined : known },
    unproven: new Map(),
    captured: new Set(),
    resolutions: new Map(resolutions.map((one) => [one.object, one])),
    left: new Set(),
    seen: context.full === true ? seenObjects() : undefined,
    unlisted: new Set(),
    images: new Set(),
    deferred: [],
    urgent: undefined,
    begun: new Set(),
    end: new PassEnd(),
    phase: 'describe',
  }
}

function readingTogether(context: ReplicationContext): ReplicationContext {
  const { ledger, definitions } = context
  return {
    ...context,
    ledger: { ...ledger, read: gatheredReads(ledger.read) },
    definitions: { ...definitions, read: gatheredReads(definitions.read) },
  }
}

const earlier = (a: Date, b: Date): Date => (a.getTime() < b.getTime() ? a : b)

export function emptyTally(): Tally {
  return {
    compared: 0,
    created: 0,
    updated: 0,
    failed: 0,
    pending: 0,
    conflicts: 0,
    bytesCopied: 0,
    requests: 0,
    objectsTotal: undefined,
  }
}

/** What these ids of the source are called at the target, where a service mints them; those known. */
export async function namesThere(
  { context }: Pass,
  ids: readonly string[],
): Promise<Map<string, string>> {
  const { source, target, runLinks, group } = context
  if (target.capabilities.keepsRunIds || runLinks === undefined)
    return new Map(ids.map((id) => [id, id]))
  return runLinks.find(group, source.name, target.name, ids)
}

/** Options of every read. */
export function reading({ context: { signal } }: Pass): { signal?: AbortSignal } {
  return signal ? { signal } : {}
}

/** Options of every write (I1). */
export function writing(pass: Pass): { signal?: AbortSignal; epoch: number } {
  return { ...reading(pass), epoch: pass.context.epoch }
}

export function progressed(pass: Pass): void {
  const { tally, context } = pass
  pass.urgent?.nudge()
  const total = tally.objectsTotal
  context.onProgress?.({
    phase: pass.phase,
    objectsDone: tally.compared,
    objectsTotal: total === undefined ? undefined : Math.max(total, tally.compared),
    bytesDone: tally.bytesCopied,
  })
}

export function acted(pass: Pass, action: PlannedAction, rank = rankOf(pass, action)): void {
  if (action.action === 'none') return
  pass.context.onAction?.(rank === last ? action : { ...action, priority: rank + 1 })
}

function rankOf({ context: { plan } }: Pass, { object }: PlannedAction): number {
  return plan.priority?.length ? priorityOf(plan, parseObjectId(object)) : last
}

/** What became of one object in this pass. */
export interface Outcome {
  readonly state: LedgerEntry['state']
  readonly sourceDigest: string | null
  readonly targetDigest: string | null
  readonly sourceVersion: string | null
  readonly targetVersion: string | null
  readonly bytes?: number
  readonly error?: { readonly code: string; readonly message: string }
}

/** What a row keeps when a pass could not compare: whatever was ours before still is. */
export function keptFrom(
  forward: LedgerEntry | undefined,
): Pick<Outcome, 'sourceDigest' | 'targetDigest' | 'targetVersion'> {
  const isOurs = forward !== undefined && !isForeign(forward)
  return {
    sourceDigest: isOurs ? forward.sourceDigest : null,
    targetDigest: isOurs ? forward.targetDigest : null,
    targetVersion: isOurs ? forward.targetVersion : null,
  }
}

/** The row for an outcome; also remembers and counts what is not proven. */
export function entryFor(pass: Pass, id: ObjectId, outcome: Outcome): LedgerEntry {
  const object = formatObjectId(id)
  const { state } = outcome
  if (isSettled(state)) pass.unproven.delete(object)
  else pass.unproven.set(object, state)
  return {
    object,
    kind: id.kind,
    state,
    sourceDigest: outcome.sourceDigest,
    targetDigest: outcome.targetDigest,
    sourceVersion: outcome.sourceVersion,
    targetVersion: outcome.targetVersion,
    bytes: outcome.bytes ?? 0,
    error: outcome.error ?? null,
    epoch: pass.context.epoch,
    at: pass.context.clock().toISOString(),
  }
}

const isSettled = (state: LedgerEntry['state']) =>
  state === 'proven' || state === 'apart' || state === 'skipped'

/** Before the first effect: a crash in between is recognised as our own doing (I2). */
export async function writeIntents(pass: Pass, entries: readonly LedgerEntry[]): Promise<void> {
  for (const { object } of entries) pass.begun.add(object)
  await pass.context.ledger.write(pass.direction, entries)
}

/** True when the row says already what would be written; a younger epoch is worth a write (I1). */
export function isSameEntry(row: LedgerEntry | undefined, entry: LedgerEntry): boolean {
  return (
    row !== undefined &&
    row.epoch === entry.epoch &&
    row.state === entry.state &&
    row.sourceDigest === entry.sourceDigest &&
    row.targetDigest === entry.targetDigest &&
    row.sourceVersion === entry.sourceVersion &&
    row.targetVersion === entry.targetVersion &&
    row.bytes === entry.bytes &&
    row.error?.code === entry.error?.code &&
    row.error?.message === entry.error?.message
  )
}

const endsThePass = new Set([
  'workspace.unreachable',
  circuitOpen,
  'workspace.not-found',
  'epoch.stale',
  'workspace.read-only',
])

/**
 * An error of one object must not stop the others, but without a workspace, or with a stale epoch,
 * nothing further can succeed. Errors that are not ours are defects and always end the pass.
 */
export function isFatal(error: unknown): boolean {
  if (!isHoldfastError(error)) return true
  return error.kind === 'cancelled' || endsThePass.has(error.code)
}

/** Code and message of a failure that concerns one object; a fatal one is thrown on. */
export function failureOf(error: unknown): { code: string; message: string } {
  if (!isHoldfastError(error) || isFatal(error)) throw error
  return { code: error.code, message: error.message }
}

/**
 * Work on many at once, a few at a time. Resolves when all is done; when one meets an error that ends
 * the pass, what was not begun is not begun any more, and nothing is under way when it rejects.
 */
export async function forEach<T, R>(
  pass: Pass,
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
  limit = pass.limit,
): Promise<R[]> {
  const settled = await Promise.allSettled(
    items.map((item, index) =>
      limit(async () => {
        if (pass.end.by !== undefined) throw pass.end.by.error
        try {
          return await work(item, index)
        } catch (error) {
          pass.end.set(error)
          throw error
        }
      }),
    ),
  )
  return settled.map((one) => {
    if (one.status === 'fulfilled') return one.value
    throw pass.end.by === undefined ? one.reason : pass.end.by.error
  })
}

/** As `forEach`, one after the other, for what has to happen in the order given. */
export async function oneByOne<T, R>(
  pass: Pass,
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  for (const [index, item] of items.entries())
    results.push(...(await forEach(pass, [item], () => work(item, index))))
  return results
}

/**
 * A list that failed is itself a row, so that status can show why the pass is partial. Its id is what
 * is listed with an empty name, which no object has: one may well be called `*`.
 */
export function listFailure(pass: Pass, list: ObjectId, error: unknown): LedgerEntry {
  const failure = failureOf(error)
  const id = { kind: list.kind, path: [...list.path, ''] }
  pass.unlisted.add(formatObjectId(id))
  pass.tally.failed += 1
  return entryFor(pass, id, {
    state: 'failed',
    sourceDigest: null,
    targetDigest: null,
    sourceVersion: null,
    targetVersion: null,
    error: failure,
  })
}
