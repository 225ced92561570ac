import { canonicalJson, canonicalRun, digestJson, metricDigest } from '../model/canonical.ts'
import { formatObjectId, type ObjectId } from '../model/object-id.ts'
import { relocateObject } from '../model/relocate.ts'
import type { Run, Workspace } from '../workspace/workspace.ts'
import { conflictError, decideAction, stillConflicts, younger } from './decide-action.ts'
import { passExperiments } from './experiments.ts'
import type { LedgerEntry } from './ledger.ts'
import { writeChanged } from './objects.ts'
import { at, batchesOf, pagesOf } from './paging.ts'
import {
  acted,
  entryFor,
  failureOf,
  forEach,
  isFatal,
  keptFrom,
  listFailure,
  type Outcome,
  type Pass,
  progressed,
  reading,
  writing,
} from './pass-state.ts'
import type { Watermark } from './watermark.ts'

const runsPerWrite = 100
const valuesPerWrite = 250

/** Copies experiments, runs and full metric series; resolves with where the next cheap pass starts. */
export async function passRunHistory(pass: Pass, before: Watermark): Promise<Watermark> {
  pass.phase = 'experiments'
  await passExperiments(pass)
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
    for await (const batch of batchesOf(pages, runsPerWrite)) {
      for (const run of batch)
        if (newest === undefined || run.modifiedAt > newest) newest = run.modifiedAt
      await passBatch(pass, batch, isEmpty)
    }
  } catch (error) {
    await writeChanged(pass, [listFailure(pass, { kind: 'run', path: [] }, error)], new Map())
  }
  return { since: before.seen, seen: newest }
}

async function hasRuns(pass: Pass): Promise<boolean> {
  // An empty first page may be followed by others: an experiment without runs.
  for await (const page of pagesOf((cursor) =>
    pass.context.target.listRuns({ ...reading(pass), ...at(cursor), pageSize: 1 }),
  ))
    if (page.length > 0) return true
  return false
}

interface Wanted {
  readonly run: Run
  readonly id: ObjectId
  readonly moved: Run
  readonly digest: string
  /** What the target holds of it; undefined: nothing. */
  readonly standing: Pick<Outcome, 'targetDigest' | 'targetVersion'> | undefined
}

async function passBatch(pass: Pass, runs: readonly Run[], targetIsEmpty: boolean): Promise<void> {
  const names = runs.map((run) => formatObjectId(runId(run)))
  const [forward, backward] = await Promise.all([
    pass.context.ledger.read(pass.direction, names),
    pass.context.ledger.read(pass.backward, names),
  ])
  const entries: LedgerEntry[] = []
  const wanted: Wanted[] = []
  await forEach(pass, runs, async (run, i) => {
    pass.tally.compared += 1
    const name = names[i] ?? ''
    const looked = await look(pass, run, forward.get(name), backward.get(name), targetIsEmpty)
    if ('entry' in looked) entries.push(looked.entry)
    else wanted.push(looked)
    progressed(pass)
  })
  if (pass.mode === 'plan') return
  entries.push(...(await write(pass, wanted)))
  await writeChanged(pass, entries, forward)
}

function runId(run: Run): ObjectId {
  return { kind: 'run', path: [run.runId] }
}

/** What a run is compared by without reading its series: it rises with every change of either. */
function versionOf(run: Run): string {
  return `${run.revision ?? ''}@${run.modifiedAt}`
}

function moved(pass: Pass, run: Run): Run {
  return { ...run, body: relocateObject(runId(run), run.body, pass.from, pass.to, pass.map).body }
}

async function look(
  pass: Pass,
  run: Run,
  forward: LedgerEntry | undefined,
  backward: LedgerEntry | undefined,
  targetIsEmpty: boolean,
): Promise<{ readonly entry: LedgerEntry } | Wanted> {
  const id = runId(run)
  const object = formatObjectId(id)
  const version = versionOf(run)
  // Proven at exactly this version: nothing to ask. A full pass asks all the same.
  if (
    forward?.state === 'proven' &&
    forward.sourceVersion === version &&
    (pass.context.full !== true || pass.mode === 'salvage')
  ) {
    pass.unproven.delete(object)
    return { entry: { ...forward } }
  }
  const unknown = { ...keptFrom(forward), sourceVersion: version }
  try {
    const form = moved(pass, run)
    const digest = digestJson(canonicalRun(form))
    const target =
      targetIsEmpty && forward === undefined
        ? undefined
        : await pass.context.target.getRun(run.runId, reading(pass))
    if (target === undefined) {
      acted(pass, { object, kind: 'run', action: 'create', reason: 'absent at the target' })
      return { run, id, moved: form, digest, standing: undefined }
    }
    const series = await seriesDigest(pass.context.source, run.runId, pass)
    const there = await seriesDigest(pass.context.target, run.runId, pass)
    const targetRun = digestJson(canonicalRun(target))
    const targetDigest = digestJson({ run: targetRun, series: there })
    const desired = digestJson({ run: digest, series })
    const decision = decideAction({
      desired,
      target: targetDigest,
      unchangedSinceProven: wasLeftAlone(target, targetRun, targetDigest, forward, backward),
    })
    const facts = {
      sourceDigest: desired,
      targetDigest,
      sourceVersion: version,
      targetVersion: versionOf(target),
    }
    if (decision.action === 'none')
      return { entry: entryFor(pass, id, { ...facts, state: 'proven' }) }
    acted(pass, { object, kind: 'run', action: decision.action, reason: decision.reason })
    if (decision.action === 'conflict') {
      pass.tally.conflicts += 1
      return {
        entry: entryFor(pass, id, {
          ...facts,
          state: 'conflict',
          error: conflictError(decision),
        }),
      }
    }
    return { run, id, moved: form, digest, standing: facts }
  } catch (error) {
    pass.tally.failed += 1
    return { entry: entryFor(pass, id, { ...unknown, state: 'failed', error: failureOf(error) }) }
  }
}

function wasLeftAlone(
  target: Run,
  targetRun: string,
  targetDigest: string,
  forward: LedgerEntry | undefined,
  backward: LedgerEntry | undefined,
): boolean | undefined {
  const which = younger(forward, backward)
  if (which === undefined) return undefined
  // The row of the way back holds the target's own version as its source.
  if (which === 'backward')
    return backward?.state === 'proven' && backward.sourceVersion === versionOf(target)
  if (forward?.state === 'conflict') return stillConflicts(forward)
  if (forward?.targetVersion === versionOf(target) || forward?.targetDigest === targetDigest)
    return true
  // Broken off in the middle: the run was written by us and its series only in part.
  if (forward?.state === 'pending' || forward?.state === 'failed')
    if (forward.sourceDigest === targetRun) return true
  return forward?.targetDigest === null ? undefined : false
}

async function write(pass: Pass, wanted: readonly Wanted[]): Promise<LedgerEntry[]> {
  if (wanted.length === 0) return []
  await pass.context.ledger.write(
    pass.direction,
    wanted.map((one) => entryFor(pass, one.id, { ...intentOf(one), state: 'pending' })),
  )
  const refused = new Map<string, { code: string; message: string }>()
  for (const [experiment, group] of byExperiment(wanted))
    await writeGroup(pass, experiment, group, refused)
  return forEach(pass, wanted, (one) => prove(pass, one, refused.get(one.run.runId)))
}

/** What is about to be there, of which the series comes later, and what was there before. */
function intentOf({ run, digest, standing }: Wanted) {
  return {
    sourceDigest: digest,
    targetDigest: standing?.targetDigest ?? null,
    sourceVersion: versionOf(run),
    targetVersion: standing?.targetVersion ?? null,
  }
}

function byExperiment(wanted: readonly Wanted[]): Map<string, Wanted[]> {
  const groups = new Map<string, Wanted[]>()
  for (const one of wanted) {
    const group = groups.get(one.run.experimentName)
    if (group) group.push(one)
    else groups.set(one.run.experimentName, [one])
  }
  return groups
}

/** One refused run must not hold up the others of its batch: then each goes alone. */
async function writeGroup(
  pass: Pass,
  experiment: string,
  group: readonly Wanted[],
  refused: Map<string, { code: string; message: string }>,
): Promise<void> {
  try {
    await pass.context.target.putRuns(
      experiment,
      group.map((one) => one.moved),
      writing(pass),
    )
  } catch (error) {
    if (isFatal(error)) throw error
    const [only, ...others] = group
    if (others.length === 0 && only !== undefined) refused.set(only.run.runId, failureOf(error))
    else for (const one of group) await writeGroup(pass, experiment, [one], refused)
  }
}

async function prove(
  pass: Pass,
  one: Wanted,
  refused: { code: string; message: string } | undefined,
): Promise<LedgerEntry> {
  const { run, id, moved: form, digest } = one
  const facts = intentOf(one)
  if (refused !== undefined) {
    pass.tally.failed += 1
    return entryFor(pass, id, { ...facts, state: 'failed', error: refused })
  }
  try {
    const series = await copySeries(pass, run.runId)
    const target = await pass.context.target.getRun(run.runId, reading(pass))
    const there =
      target === undefined ? undefined : await seriesDigest(pass.context.target, run.runId, pass)
    if (one.standing === undefined) pass.tally.created += 1
    else pass.tally.updated += 1
    return entryFor(pass, id, verdict(pass, form, digest, series, target, there))
  } catch (error) {
    if (isFatal(error)) throw error
    pass.tally.failed += 1
    return entryFor(pass, id, { ...facts, state: 'failed', error: failureOf(error) })
  } finally {
    progressed(pass)
  }
}

function verdict(
  pass: Pass,
  form: Run,
  digest: string,
  series: string,
  target: Run | undefined,
  there: string | undefined,
): Outcome {
  const sourceDigest = digestJson({ run: digest, series })
  const targetDigest =
    target === undefined || there === undefined
      ? null
      : digestJson({ run: digestJson(canonicalRun(target)), series: there })
  const facts = {
    sourceDigest,
    targetDigest,
    sourceVersion: versionOf(form),
    targetVersion: target === undefined ? null : versionOf(target),
  }
  if (sourceDigest === targetDigest) return { ...facts, state: 'proven' }
  pass.tally.failed += 1
  return {
    ...facts,
    state: 'failed',
    error: {
      code: 'run.not-equal',
      message:
        target === undefined
          ? 'the run was written and is not there'
          : `the target differs in ${differences(form, target, series, there)}`,
    },
  }
}

function differences(form: Run, target: Run, series: string, there: string | undefined): string {
  const [a, b] = [canonicalRun(form), canonicalRun(target)]
  const fields = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter(
    (key) => canonicalJson(a[key]) !== canonicalJson(b[key]),
  )
  if (series !== there) fields.push('metric series')
  return fields.join(', ')
}

/** Page by page, so that a long series needs no memory; resolves with the digest of what was read. */
async function copySeries(pass: Pass, runId: string): Promise<string> {
  const digest = metricDigest()
  const pages = pagesOf((cursor) =>
    pass.context.source.readMetrics(runId, { ...reading(pass), ...at(cursor) }),
  )
  for await (const values of batchesOf(pages, valuesPerWrite)) {
    digest.add(values)
    await pass.context.target.writeMetrics(runId, values, writing(pass))
  }
  return digest.digest()
}

async function seriesDigest(workspace: Workspace, runId: string, pass: Pass): Promise<string> {
  const digest = metricDigest()
  for await (const page of pagesOf((cursor) =>
    workspace.readMetrics(runId, { ...reading(pass), ...at(cursor) }),
  ))
    digest.add(page)
  return digest.digest()
}
