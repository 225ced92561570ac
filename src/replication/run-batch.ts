import { canonicalRun, digestJson } from '../model/canonical.ts'
import { formatObjectId, type ObjectId } from '../model/object-id.ts'
import { relocateObject } from '../model/relocate.ts'
import { priorityOfRun } from '../plan/priority-of.ts'
import { runVersion } from '../workspace/run-version.ts'
import type { Run, Workspace } from '../workspace/workspace.ts'
import { runDocuments, type Sides } from './conflict-sides.ts'
import { isCopiedBack } from './copied-back.ts'
import { decideAction, isForeign, stillConflicts, younger } from './decide-action.ts'
import { oneWay } from './give-back.ts'
import type { LedgerEntry } from './ledger.ts'
import { writeChanged } from './objects.ts'
import {
  acted,
  entryFor,
  failureOf,
  keptFrom,
  namesThere,
  type Pass,
  reading,
} from './pass-state.ts'
import { type Ended, endConflict } from './resolve-conflict.ts'
import {
  asRead,
  type Failure,
  inGroups,
  isFailure,
  type Results,
  type RunContent,
  readContent,
  standingRuns,
  together,
} from './run-content.ts'
import { type WantedRun, wholeDigest } from './run-forms.ts'
import { RunWriter } from './write-runs.ts'

interface Rows {
  readonly forward: ReadonlyMap<string, LedgerEntry>
  /** By the id the run has here; the row names it as the other side does. */
  readonly backward: ReadonlyMap<string, LedgerEntry>
}

/** What comes of these runs; gives those whose parents are not there yet. */
export async function performRuns(
  pass: Pass,
  writer: RunWriter,
  runs: readonly Run[],
  targetIsEmpty: boolean,
): Promise<Run[]> {
  const rows = await readRows(pass, runs)
  const entries: LedgerEntry[] = []
  const asked: Run[] = []
  for (const run of runs) {
    const known = provenAsItIs(pass, run, rows.forward.get(rowOf(run.runId)))
    if (known !== undefined) entries.push(known)
    else if (!isLeftByCopying(pass, run, rows)) asked.push(run)
  }
  const looked = await lookAt(pass, asked, rows, targetIsEmpty)
  const wanted: WantedRun[] = []
  for (const one of looked) {
    if ('entry' in one) entries.push(one.entry)
    else wanted.push(one)
  }
  if (pass.mode === 'plan') return []
  const written = await writer.write(pass, wanted)
  await writeChanged(pass, [...entries, ...written], rows.forward)
  return wanted
    .filter((_, i) => written[i]?.error?.code === 'run.parent-later')
    .map((one) => one.run)
}

async function readRows(pass: Pass, runs: readonly Run[]): Promise<Rows> {
  const { ledger } = pass.context
  const there = await namesThere(
    pass,
    runs.map((run) => run.runId),
  )
  const [forward, back] = await Promise.all([
    ledger.read(
      pass.direction,
      runs.map((run) => rowOf(run.runId)),
    ),
    ledger.read(pass.backward, [...there.values()].map(rowOf)),
  ])
  const backward = new Map<string, LedgerEntry>()
  for (const [here, name] of there) {
    const row = back.get(rowOf(name))
    if (row !== undefined) backward.set(rowOf(here), row)
  }
  return { forward, backward }
}

export function rowOf(runId: string): string {
  return formatObjectId({ kind: 'run', path: [runId] })
}

function idOf(run: Run): ObjectId {
  return { kind: 'run', path: [run.runId] }
}

function moved(pass: Pass, run: Run): Run {
  return { ...run, body: relocateObject(idOf(run), run.body, pass.from, pass.to, pass.map).body }
}

/** Proven at exactly this version: nothing to ask. A full pass asks all the same. */
export function provenAsItIs(
  pass: Pass,
  run: Run,
  row: LedgerEntry | undefined,
): LedgerEntry | undefined {
  if (row?.state !== 'proven' || row.sourceVersion !== runVersion(run)) return undefined
  if (pass.context.full === true && pass.mode !== 'salvage') return undefined
  pass.unproven.delete(row.object)
  return { ...row }
}

function isLeftByCopying(pass: Pass, run: Run, { forward, backward }: Rows): boolean {
  const object = rowOf(run.runId)
  const rows = { forward: forward.get(object), backward: backward.get(object) }
  return isCopiedBack(pass, object, rows, (row) => row.targetVersion === runVersion(run))
}

type Looked = { readonly entry: LedgerEntry } | WantedRun

async function lookAt(
  pass: Pass,
  runs: readonly Run[],
  rows: Rows,
  targetIsEmpty: boolean,
): Promise<Looked[]> {
  const asked = runs.filter((run) => !targetIsEmpty || rows.forward.has(rowOf(run.runId)))
  const { source, target } = pass.context
  const found = await inGroups(pass, asked, (group) =>
    together(pass, group, (some) => standingRuns(pass, some)),
  )
  const standing = new Map<string, Run>()
  for (const [runId, run] of found) if (!isFailure(run)) standing.set(runId, run)
  const there = asked.filter((run) => standing.has(run.runId))
  const [here, content] = await Promise.all([
    contentsOf(pass, source, there),
    contentsOf(pass, target, [...standing.values()]),
  ])
  const judged = runs.map(async (run): Promise<Looked> => {
    const results = [found.get(run.runId), here.get(run.runId), content.get(run.runId)] as const
    const failed = results.find((one) => one !== undefined && isFailure(one))
    if (failed !== undefined && isFailure(failed)) return failedLook(pass, run, rows, failed)
    const [target, a, b] = results
    return guarded(pass, run, rows, () =>
      target === undefined || a === undefined || b === undefined
        ? absent(pass, run)
        : compared(
            pass,
            run,
            { run: target as Run, content: b as RunContent },
            a as RunContent,
            rows,
          ),
    )
  })
  return Promise.all(judged)
}

function contentsOf(
  pass: Pass,
  workspace: Workspace,
  runs: readonly Run[],
): Promise<Results<RunContent>> {
  return inGroups(pass, runs, (group) =>
    asRead(pass, workspace, group, (part) => readContent(pass, workspace, part)),
  )
}

async function guarded(
  pass: Pass,
  run: Run,
  rows: Rows,
  look: () => Looked | Promise<Looked>,
): Promise<Looked> {
  try {
    return await look()
  } catch (error) {
    return failedLook(pass, run, rows, failureOf(error))
  }
}

function failedLook(pass: Pass, run: Run, rows: Rows, error: Failure): Looked {
  pass.tally.failed += 1
  const row = rows.forward.get(rowOf(run.runId))
  const unknown = { ...keptFrom(row), sourceVersion: runVersion(run) }
  return { entry: entryFor(pass, idOf(run), { ...unknown, state: 'failed', error }) }
}

function absent(pass: Pass, run: Run): WantedRun {
  const id = idOf(run)
  const form = moved(pass, run)
  const object = formatObjectId(id)
  const digest = digestJson(canonicalRun(form))
  const rank = priorityOfRun(pass.context.plan, run)
  const reason = 'absent at the target'
  acted(pass, { object, kind: 'run', action: 'create', reason, digest }, rank)
  return { run, id, moved: form, digest, standing: undefined }
}

interface Standing {
  readonly run: Run
  readonly content: RunContent
}

async function compared(
  pass: Pass,
  run: Run,
  target: Standing,
  content: RunContent,
  rows: Rows,
): Promise<Looked> {
  const id = idOf(run)
  const object = formatObjectId(id)
  const form = moved(pass, run)
  const digest = digestJson(canonicalRun(form))
  const desired = wholeDigest(digest, content)
  const targetDigest = wholeDigest(digestJson(canonicalRun(target.run)), target.content)
  const facts = {
    sourceDigest: desired,
    targetDigest,
    sourceVersion: runVersion(run),
    targetVersion: runVersion(target.run),
    bytes: content.bytes,
  }
  const decision = decideAction({
    desired,
    target: targetDigest,
    unchangedSinceProven: wasLeftAlone(pass, target.run, targetDigest, rows, object),
  })
  if (decision.action === 'none')
    return { entry: entryFor(pass, id, { ...facts, state: 'proven' }) }
  const ended: Ended =
    decision.action === 'conflict'
      ? await endConflict(pass, id, decision, facts, sidesOf(pass, { run, content }, target))
      : { decision }
  const rank = priorityOfRun(pass.context.plan, run)
  acted(pass, { object, kind: 'run', ...ended.decision, digest }, rank)
  if (ended.outcome !== undefined)
    return { entry: entryFor(pass, id, { ...facts, ...ended.outcome }) }
  await ended.update?.before()
  return { run, id, moved: form, digest, standing: facts, update: ended.update }
}

function sidesOf(pass: Pass, source: Standing, target: Standing): Sides {
  const { context } = pass
  const of = { source, target }
  const digestOf = (from: Pass, { run, content }: Standing, isSource: boolean) =>
    wholeDigest(digestJson(canonicalRun(isSource ? moved(from, run) : run)), content)
  return {
    documents: runDocuments(source.run, target.run),
    now: async (side) => {
      const [run] = await context[side].getRuns([of[side].run], reading(pass))
      if (run === undefined) return undefined
      const content = (await readContent(pass, context[side], [run])).get(run.runId)
      if (content === undefined || isFailure(content)) return undefined
      return {
        digest: digestOf(pass, { run, content }, side === 'source'),
        version: runVersion(run),
      }
    },
    turned: (back) => ({
      sourceDigest: digestOf(back, target, true),
      targetDigest: digestOf(back, source, false),
    }),
    giveBack: (back) => giveRun(back, target, source),
  }
}

async function giveRun(back: Pass, from: Standing, own: Standing): Promise<Failure | undefined> {
  const { source, target } = back.context
  if (!source.capabilities.keepsRunIds || !target.capabilities.keepsRunIds) return oneWay
  const { series, artifacts } = own.content
  if (from.content.series !== series || from.content.artifacts !== artifacts) return valuesStay
  const [id, form] = [idOf(from.run), moved(back, from.run)]
  const digest = digestJson(canonicalRun(form))
  const standing = { targetDigest: null, targetVersion: runVersion(own.run) }
  const wanted = { run: from.run, id, moved: form, digest, standing }
  const [entry] = await new RunWriter().write(back, [wanted])
  return entry?.state === 'failed' ? (entry.error ?? undefined) : undefined
}

const valuesStay: Failure = {
  code: 'run.values-stay',
  message: 'its metric values or artifacts differ, and those of a run can only be added to',
}

function wasLeftAlone(
  pass: Pass,
  target: Run,
  targetDigest: string,
  rows: Rows,
  object: string,
): boolean | undefined {
  const [forward, backward] = [rows.forward.get(object), rows.backward.get(object)]
  const which = younger(forward, backward)
  if (which === undefined) return undefined
  // The row of the way back holds the target's own version as its source.
  if (which === 'backward') {
    if (backward?.state === 'proven') return backward.sourceVersion === runVersion(target)
    // What was brought over and went on at the other side, which the way back could only call a
    // conflict: this side stands as it was brought, so nothing of its own is lost.
    const isRecent = forward?.state === 'proven' && forward.epoch + 1 >= (backward?.epoch ?? 0)
    return isRecent && backward?.state === 'conflict' && forward.targetDigest === targetDigest
  }
  if (forward !== undefined && isForeign(forward)) return stillConflicts(forward)
  if (forward?.targetDigest === targetDigest) return true
  // A version does not show everything: what was proven and differs was changed by somebody else.
  if (forward?.state !== 'proven' && forward?.targetVersion === runVersion(target)) return true
  if (forward?.state === 'pending' || forward?.state === 'failed') {
    // Broken off in the middle: the run was written by us and its series only in part.
    if (forward.sourceDigest === digestJson(canonicalRun(target))) return true
    // A service that mints ids made this one for us, whatever of it was written until then.
    if (forward.targetDigest === null && !pass.context.target.capabilities.keepsRunIds) return true
  }
  return forward?.targetDigest === null ? undefined : false
}
