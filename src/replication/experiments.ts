import { digestJson } from '../model/canonical.ts'
import { drillExperiment } from '../model/drill.ts'
import { formatObjectId, type ObjectId } from '../model/object-id.ts'
import type { Experiment, Workspace } from '../workspace/workspace.ts'
import { experimentDocuments, type Sides } from './conflict-sides.ts'
import { isCopiedBack } from './copied-back.ts'
import { decideAction, isAsCopiedBack, isAsLeft, younger } from './decide-action.ts'
import type { LedgerEntry } from './ledger.ts'
import { writeChanged } from './objects.ts'
import { at, pagesOf } from './paging.ts'
import {
  acted,
  entryFor,
  failureOf,
  forEach,
  listFailure,
  type Outcome,
  type Pass,
  progressed,
  reading,
  writeIntents,
  writing,
} from './pass-state.ts'
import { type DecidedUpdate, type Ended, endConflict } from './resolve-conflict.ts'
import type { Failure } from './run-content.ts'

/** Decided and not yet written. */
interface Later {
  readonly experiment: Experiment
  readonly intent: Outcome
  readonly action: 'create' | 'update'
  readonly update: DecidedUpdate | undefined
}

/**
 * Copies what experiments say of themselves; their runs follow on their own. What is returned writes
 * the archived ones, after the runs: at some services an archived experiment takes none.
 */
export async function passExperiments(pass: Pass): Promise<() => Promise<void>> {
  pass.phase = 'experiments'
  progressed(pass)
  const later: Later[] = []
  await guarded(pass, async () => {
    const { source, target, ledger } = pass.context
    const [wanted, standing] = await Promise.all([
      readExperiments(pass, source),
      readExperiments(pass, target),
    ])
    const ids = [...wanted.keys()].map((name) => formatObjectId(idOf(name)))
    const [forward, backward] = await Promise.all([
      ledger.read(pass.direction, ids),
      ledger.read(pass.backward, ids),
    ])
    const rowsOf = ({ name }: Experiment): Rows => {
      const object = formatObjectId(idOf(name))
      return { forward: forward.get(object), backward: backward.get(object) }
    }
    const own = [...wanted.values()].filter((each) => !isLeftByCopying(pass, each, rowsOf(each)))
    const entries = await forEach(pass, own, (experiment) => {
      const there = standing.get(experiment.name)
      return passExperiment(pass, experiment, there, rowsOf(experiment), later)
    })
    const postponed = new Set(later.map(({ experiment }) => formatObjectId(idOf(experiment.name))))
    const done = entries.filter((entry) => !postponed.has(entry.object))
    await writeChanged(pass, await proveAll(pass, done, wanted), forward)
  })
  return () => writeLater(pass, later)
}

async function writeLater(pass: Pass, later: readonly Later[]): Promise<void> {
  if (later.length === 0) return
  await guarded(pass, async () => {
    const entries = await forEach(pass, later, (one) => write(pass, one))
    const wanted = new Map(later.map(({ experiment }) => [experiment.name, experiment]))
    await writeChanged(pass, await proveAll(pass, entries, wanted), new Map())
  })
}

async function guarded(pass: Pass, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    const entry = listFailure(pass, { kind: 'experiment', path: [] }, error)
    await writeChanged(pass, [entry], new Map())
  }
}

function idOf(name: string): ObjectId {
  return { kind: 'experiment', path: [name] }
}

export async function readExperiments(
  pass: Pass,
  workspace: Workspace,
): Promise<Map<string, Experiment>> {
  const found = new Map<string, Experiment>()
  for await (const page of pagesOf((cursor) =>
    workspace.listExperiments({ ...reading(pass), ...at(cursor) }),
  ))
    for (const one of page) if (one.name !== drillExperiment) found.set(one.name, one)
  return found
}

interface Rows {
  readonly forward: LedgerEntry | undefined
  readonly backward: LedgerEntry | undefined
}

function isLeftByCopying(pass: Pass, experiment: Experiment, rows: Rows): boolean {
  const object = formatObjectId(idOf(experiment.name))
  const stands = experimentDigest(experiment)
  return isCopiedBack(pass, object, rows, (row) => row.targetDigest === stands)
}

async function passExperiment(
  pass: Pass,
  experiment: Experiment,
  there: Experiment | undefined,
  { forward, backward }: Rows,
  later: Later[],
): Promise<LedgerEntry> {
  const id = idOf(experiment.name)
  const desired = experimentDigest(experiment)
  const standing = there === undefined ? undefined : experimentDigest(there)
  const facts = {
    sourceDigest: desired,
    targetDigest: standing ?? null,
    sourceVersion: null,
    targetVersion: null,
  }
  pass.tally.compared += 1
  pass.seen?.add(formatObjectId(id))
  // A salvage looks for what is new at the old primary.
  const isKnown = forward?.state === 'proven' && forward.sourceDigest === desired
  if (pass.mode === 'salvage' && isKnown) return forward
  const decision = decideAction({
    desired,
    target: standing,
    unchangedSinceProven: there === undefined ? undefined : wasLeftAlone(there, forward, backward),
  })
  if (decision.action === 'none') return entryFor(pass, id, { ...facts, state: 'proven' })
  const object = formatObjectId(id)
  const ended: Ended =
    decision.action === 'conflict' && there !== undefined
      ? await endConflict(pass, id, decision, facts, sidesOf(pass, experiment, there))
      : { decision }
  acted(pass, { object, kind: 'experiment', ...ended.decision, digest: desired })
  if (ended.outcome !== undefined) return entryFor(pass, id, { ...facts, ...ended.outcome })
  if (pass.mode === 'plan') return entryFor(pass, id, { ...facts, state: 'proven' })
  const intent = { ...facts, state: 'pending' } as const
  await ended.update?.before()
  await writeIntents(pass, [entryFor(pass, id, intent)])
  const action = decision.action === 'create' ? 'create' : 'update'
  const one = { experiment, intent, action, update: ended.update } as const
  if (!experiment.archived) return write(pass, one)
  later.push(one)
  return entryFor(pass, id, intent)
}

async function write(
  pass: Pass,
  { experiment, intent, action, update }: Later,
): Promise<LedgerEntry> {
  const id = idOf(experiment.name)
  try {
    await pass.context.target.putExperiment(experiment, writing(pass))
    pass.tally[action === 'create' ? 'created' : 'updated'] += 1
    return entryFor(pass, id, intent)
  } catch (error) {
    const failed: Outcome = { ...intent, state: 'failed', error: failureOf(error) }
    pass.tally.failed += 1
    return entryFor(pass, id, update === undefined ? failed : await update.after(failed))
  }
}

function sidesOf(pass: Pass, source: Experiment, target: Experiment): Sides {
  const { context } = pass
  return {
    documents: experimentDocuments(source, target),
    now: async (side) => {
      const found = (await readExperiments(pass, context[side])).get(source.name)
      return found && { digest: experimentDigest(found), version: null }
    },
    turned: () => ({
      sourceDigest: experimentDigest(target),
      targetDigest: experimentDigest(source),
    }),
    giveBack: (back) => giveExperiment(back, target, source),
  }
}

/** The service takes no condition, so the last look is right before it (I3). */
async function giveExperiment(
  back: Pass,
  from: Experiment,
  standing: Experiment,
): Promise<Failure | undefined> {
  const { target } = back.context
  const now = (await readExperiments(back, target)).get(from.name)
  if (now === undefined || experimentDigest(now) !== experimentDigest(standing))
    return { code: 'experiment.changed', message: 'it changed while it was compared' }
  await target.putExperiment(from, writing(back))
  return undefined
}

function wasLeftAlone(
  there: Experiment,
  forward: LedgerEntry | undefined,
  backward: LedgerEntry | undefined,
): boolean | undefined {
  const standing = experimentDigest(there)
  const isOurs =
    younger(forward, backward) === 'backward'
      ? isAsCopiedBack(backward, [standing])
      : isAsLeft(forward, standing)
  // Runs that come before their experiment make it, and empty as it is then it holds nothing to lose.
  return isOurs ?? (isBlank(there) ? true : undefined)
}

/** One more listing proves all that was written; the service has no read of a single one by name. */
async function proveAll(
  pass: Pass,
  entries: readonly LedgerEntry[],
  wanted: ReadonlyMap<string, Experiment>,
): Promise<LedgerEntry[]> {
  const isWritten = ({ state }: LedgerEntry) => state === 'pending'
  if (!entries.some(isWritten)) return [...entries]
  const standing = await readExperiments(pass, pass.context.target)
  const byObject = new Map([...wanted.values()].map((one) => [formatObjectId(idOf(one.name)), one]))
  return entries.map((entry) => {
    const experiment = byObject.get(entry.object)
    if (!isWritten(entry) || experiment === undefined) return entry
    const id = idOf(experiment.name)
    return entryFor(pass, id, verdict(pass, experiment, standing.get(experiment.name)))
  })
}

function verdict(pass: Pass, wanted: Experiment, there: Experiment | undefined): Outcome {
  const sourceDigest = experimentDigest(wanted)
  const targetDigest = there === undefined ? null : experimentDigest(there)
  const facts = { sourceDigest, targetDigest, sourceVersion: null, targetVersion: null }
  if (sourceDigest === targetDigest) return { ...facts, state: 'proven' }
  pass.tally.failed += 1
  const message =
    there === undefined
      ? 'the experiment was written and is not there'
      : `the target differs in ${differences(wanted, there).join(', ')}`
  return { ...facts, state: 'failed', error: { code: 'experiment.not-equal', message } }
}

function differences(wanted: Experiment, there: Experiment): string[] {
  const [a, b] = [contentOf(wanted), contentOf(there)]
  return (['archived', 'tags', 'description'] as const).filter(
    (field) => digestJson(a[field]) !== digestJson(b[field]),
  )
}

function isBlank({ archived, tags, description = '' }: Experiment): boolean {
  return !archived && description === '' && Object.keys(tags).length === 0
}

export function experimentDigest(experiment: Experiment): string {
  return digestJson(contentOf(experiment))
}

function contentOf({ name, archived, tags, description = '' }: Experiment) {
  return { name, archived, tags, description }
}
