import { canonicalRun, digestJson } from '../model/canonical.ts'
import { drillExperiment } from '../model/drill.ts'
import { formatObjectId, type ObjectId } from '../model/object-id.ts'
import { relocateObject } from '../model/relocate.ts'
import type { Run } from '../workspace/workspace.ts'
import { decideAction, isForeign, stillConflicts, younger } from './decide-action.ts'
import { passExperiments } from './experiments.ts'
import type { LedgerEntry } from './ledger.ts'
import { passTracking, writeChanged } from './objects.ts'
import { at, batchesOf, pagesOf } from './paging.ts'
import {
  acted,
  entryFor,
  failureOf,
  keptFrom,
  listFailure,
  namesThere,
  type Pass,
  progressed,
  reading,
} from './pass-state.ts'
import { endConflict, runSides } from './resolve-conflict.ts'
import { type Failure, inGroups, isFailure, type RunContent, readContent } from './run-content.ts'
import { versionOf, type WantedRun, wholeDigest } from './run-forms.ts'
import type { Watermark } from './watermark.ts'
import { RunWriter } from './write-runs.ts'

const runsPerBatch = 100
/** Batches under way at a time: one is read while others are written and proven. */
const batchesAtOnce = 3

/** Copies experiments, runs and full metric series; resolves with where the next cheap pass starts. */
export async function passRunHistory(pass: Pass, before: Watermark): Promise<Watermark> {
  const finishExperiments = await passExperiments(pass)
  pass.phase = 'runs'
  progressed(pass)
  let newest = before.seen
  const since = pass.context.full === true || pass.mode !== 'replicate' ? undefined : before.since
  try {
    // Nothing at the target yet: no run can be in the way, so none has to be asked for.
    const isEmpty = !(await hasRuns(pass))
    const pages = pagesOf((cursor) =>
      pass.context.source.listRuns({
        ...reading(pass),
        ...at(cursor),
        ...(since === undefined ? {} : { modifiedSince: since }),
      }),
    )
    const writer = new RunWriter(pass)
    const live = await passLive(pass, writer)
    await eachBatch(pages, async (batch) => {
      for (const run of batch)
        if (newest === undefined || run.modifiedAt > newest) newest = run.modifiedAt
      const wanted = batch.filter((run) => isWanted(run) && !live.has(run.runId))
      await passBatch(pass, writer, wanted, isEmpty)
    })
    await passLate(pass, writer)
  } catch (error) {
    await writeChanged(pass, [listFailure(pass, { kind: 'run', path: [] }, error)], new Map())
  }
  await passTracking(pass)
  await finishExperiments()
  return { since: before.seen, seen: newest }
}

const isWanted = ({ experimentName }: Run): boolean => experimentName !== drillExperiment

/** Runs of open jobs go before the others; gives their ids. */
async function passLive(pass: Pass, writer: RunWriter): Promise<ReadonlySet<string>> {
  const { source, urgent } = pass.context
  const ids = pass.mode === 'replicate' ? (urgent?.runIds ?? []) : []
  const done = new Set<string>()
  for (let from = 0; from < ids.length; from += runsPerBatch) {
    const names = ids.slice(from, from + runsPerBatch)
    const runs = await source.getRuns(
      names.map((runId) => ({ runId, experimentName: '' })),
      reading(pass),
    )
    const wanted = runs.filter(isWanted)
    for (const { runId } of wanted) done.add(runId)
    await passBatch(pass, writer, wanted, false)
  }
  return done
}

/** Children whose parent came after them in the list: by now it is there. */
async function passLate(pass: Pass, writer: RunWriter): Promise<void> {
  for (let late = writer.takeLate(); late.length > 0; ) {
    for (let from = 0; from < late.length; from += runsPerBatch)
      await passBatch(pass, writer, late.slice(from, from + runsPerBatch), false)
    const next = writer.takeLate()
    if (next.length >= late.length) return
    late = next
  }
}

async function eachBatch(
  pages: AsyncGenerator<readonly Run[]>,
  work: (batch: readonly Run[]) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>()
  let failed: { readonly by: unknown } | undefined
  for await (const batch of batchesOf(pages, runsPerBatch)) {
    const one: Promise<void> = work(batch)
      .catch((error: unknown) => {
        failed ??= { by: error }
      })
      .finally(() => running.delete(one))
    running.add(one)
    if (running.size >= batchesAtOnce) await Promise.race(running)
    if (failed !== undefined) break
  }
  await Promise.all(running)
  if (failed !== undefined) throw failed.by
}

async function hasRuns(pass: Pass): Promise<boolean> {
  // An empty first page may be followed by others: an experiment without runs.
  for await (const page of pagesOf((cursor) =>
    pass.context.target.listRuns({ ...reading(pass), ...at(cursor), pageSize: 1 }),
  ))
    if (page.length > 0) return true
  return false
}

interface Rows {
  readonly forward: ReadonlyMap<string, LedgerEntry>
  /** By the id the run has here; the row names it as the other side does. */
  readonly backward: ReadonlyMap<string, LedgerEntry>
}

async function passBatch(
  pass: Pass,
  writer: RunWriter,
  runs: readonly Run[],
  targetIsEmpty: boolean,
): Promise<void> {
  const rows = await readRows(pass, runs)
  const entries: LedgerEntry[] = []
  const asked: Run[] = []
  for (const run of runs) {
    pass.tally.compared += 1
    pass.seen?.add(rowOf(run.runId))
    const known = provenAsItIs(pass, run, rows)
    if (known === undefined) asked.push(run)
    else entries.push(known)
  }
  progressed(pass)
  const looked = await lookAt(pass, asked, rows, targetIsEmpty)
  const wanted: WantedRun[] = []
  for (const one of looked) {
    if ('entry' in one) entries.push(one.entry)
    else wanted.push(one)
  }
  if (pass.mode === 'plan') return
  entries.push(...(await writer.write(wanted)))
  await writeChanged(pass, entries, rows.forward)
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

function rowOf(runId: string): string {
  return formatObjectId({ kind: 'run', path: [runId] })
}

function idOf(run: Run): ObjectId {
  return { kind: 'run', path: [run.runId] }
}

function moved(pass: Pass, run: Run): Run {
  return { ...run, body: relocateObject(idOf(run), run.body, pass.from, pass.to, pass.map).body }
}

/** Proven at exactly this version: nothing to ask. A full pass asks all the same. */
function provenAsItIs(pass: Pass, run: Run, rows: Rows): LedgerEntry | undefined {
  const row = rows.forward.get(rowOf(run.runId))
  if (row?.state !== 'proven' || row.sourceVersion !== versionOf(run)) return undefined
  if (pass.context.full === true && pass.mode !== 'salvage') return undefined
  pass.unproven.delete(row.object)
  return { ...row }
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
  const found = await inGroups(pass, asked, (group) => standingRuns(pass, group))
  const standing = new Map<string, Run>()
  for (const [runId, run] of found) if (!isFailure(run)) standing.set(runId, run)
  const there = asked.filter((run) => standing.has(run.runId))
  const [here, content] = await Promise.all([
    inGroups(pass, there, (group) => readContent(pass, source, group)),
    inGroups(pass, [...standing.values()], (group) => readContent(pass, target, group)),
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

async function standingRuns(pass: Pass, runs: readonly Run[]): Promise<Map<string, Run>> {
  const found = await pass.context.target.getRuns(runs, reading(pass))
  return new Map(found.map((run) => [run.runId, run]))
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
  const unknown = { ...keptFrom(row), sourceVersion: versionOf(run) }
  return { entry: entryFor(pass, idOf(run), { ...unknown, state: 'failed', error }) }
}

function absent(pass: Pass, run: Run): WantedRun {
  const id = idOf(run)
  const form = moved(pass, run)
  const object = formatObjectId(id)
  const digest = digestJson(canonicalRun(form))
  acted(pass, { object, kind: 'run', action: 'create', reason: 'absent at the target', digest })
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
    sourceVersion: versionOf(run),
    targetVersion: versionOf(target.run),
    bytes: content.bytes,
  }
  const decision = decideAction({
    desired,
    target: targetDigest,
    unchangedSinceProven: wasLeftAlone(pass, target.run, targetDigest, rows, object),
  })
  if (decision.action === 'none')
    return { entry: entryFor(pass, id, { ...facts, state: 'proven' }) }
  const ended =
    decision.action === 'conflict'
      ? await endConflict(pass, id, decision, facts, runSides(run, target.run))
      : { decision }
  acted(pass, { object, kind: 'run', ...ended.decision, digest })
  if (ended.outcome !== undefined)
    return { entry: entryFor(pass, id, { ...facts, ...ended.outcome }) }
  return { run, id, moved: form, digest, standing: facts }
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
  if (which === 'backward')
    return backward?.state === 'proven' && backward.sourceVersion === versionOf(target)
  if (forward !== undefined && isForeign(forward)) return stillConflicts(forward)
  if (forward?.targetDigest === targetDigest) return true
  // A version does not show everything: what was proven and differs was changed by somebody else.
  if (forward?.state !== 'proven' && forward?.targetVersion === versionOf(target)) return true
  if (forward?.state === 'pending' || forward?.state === 'failed') {
    // Broken off in the middle: the run was written by us and its series only in part.
    if (forward.sourceDigest === digestJson(canonicalRun(target))) return true
    // A service that mints ids made this one for us, whatever of it was written until then.
    if (forward.targetDigest === null && !pass.context.target.capabilities.keepsRunIds) return true
  }
  return forward?.targetDigest === null ? undefined : false
}
