import { canonicalJson, canonicalRun, digestJson } from '../model/canonical.ts'
import { runVersion } from '../workspace/run-version.ts'
import type { Run } from '../workspace/workspace.ts'
import type { LedgerEntry } from './ledger.ts'
import {
  entryFor,
  failureOf,
  forEach,
  isFatal,
  type Outcome,
  type Pass,
  progressed,
  reading,
  writeIntents,
  writing,
} from './pass-state.ts'
import { staleEpoch } from './replication-point.ts'
import {
  asRead,
  copyContent,
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

/** Writes runs with all they hold, then reads everything again from the target (I4). */
export class RunWriter {
  /** Batches create their runs one after the other, so that parents are there before children. */
  #creating: Promise<unknown> = Promise.resolve()

  /** Their rows, in the order given. */
  async write(pass: Pass, wanted: readonly WantedRun[]): Promise<LedgerEntry[]> {
    if (wanted.length === 0) return []
    await writeIntents(
      pass,
      wanted.map((one) => entryFor(pass, one.id, { ...intentOf(one), state: 'pending' })),
    )
    const refused = await this.#create(pass, wanted)
    const written = wanted.flatMap(({ run }) => (refused.has(run.runId) ? [] : [run]))
    const copied = new Map<string, RunContent | Failure>()
    const found = await inGroups(pass, written, async (group) => {
      const contents = await asRead(pass, pass.context.source, group, (part) =>
        copyContent(pass, part),
      )
      for (const [runId, content] of contents) copied.set(runId, content)
      const arrived = group.filter(({ runId }) => {
        const content = contents.get(runId)
        return content !== undefined && !isFailure(content)
      })
      return reread(pass, arrived)
    })
    const outcomes = wanted.map((one): [WantedRun, Outcome] => {
      const { runId } = one.run
      const failure = refused.get(runId)
      const [here, there] = [copied.get(runId), found.get(runId)]
      progressed(pass)
      if (failure !== undefined) return [one, refusal(pass, one, failure)]
      if (here === undefined || isFailure(here)) return [one, refusal(pass, one, here ?? vanished)]
      if (there !== undefined && isFailure(there)) return [one, refusal(pass, one, there)]
      pass.tally[one.standing === undefined ? 'created' : 'updated'] += 1
      return [one, verdict(pass, one, here, there)]
    })
    const entries = await Promise.all(
      outcomes.map(async ([{ id, update }, outcome]) =>
        entryFor(pass, id, update === undefined ? outcome : await update.after(outcome)),
      ),
    )
    if (entries.some(({ error }) => error?.code === vanished.code)) await refuseOvertaken(pass)
    return entries
  }

  async #create(pass: Pass, wanted: readonly WantedRun[]): Promise<Map<string, Failure>> {
    const before = this.#creating
    const mine = (async () => {
      await before
      const refused = new Map<string, Failure>()
      await forEach(pass, [...byExperiment(wanted)], ([experiment, group]) =>
        putRuns(pass, experiment, group, refused),
      )
      return refused
    })()
    // The next batch goes on whatever became of this one.
    this.#creating = mine.catch(() => undefined)
    return mine
  }
}

function refusal(pass: Pass, one: WantedRun, error: Failure): Outcome {
  const state = error.code === 'run.parent-later' ? 'pending' : 'failed'
  pass.tally[state] += 1
  return { ...intentOf(one), state, error }
}

const vanished: Failure = { code: 'run.not-equal', message: 'the run was written and is not there' }

/**
 * A pass that stood still while the group moved on finds what people wrote at the target since; if
 * it noted that as left by itself, a later pass would overwrite it (I1, I3). Throws `epoch.stale`.
 */
async function refuseOvertaken(pass: Pass): Promise<void> {
  const { target, epoch } = pass.context
  const marker = await target.readMarker(reading(pass))
  if (marker !== undefined && marker.epoch > epoch) throw staleEpoch(epoch, marker.epoch)
}

/** What is about to be there, of which the series comes later, and what was there before. */
function intentOf({ run, digest, standing }: WantedRun) {
  return {
    sourceDigest: digest,
    targetDigest: standing?.targetDigest ?? null,
    sourceVersion: runVersion(run),
    targetVersion: standing?.targetVersion ?? null,
  }
}

function byExperiment(wanted: readonly WantedRun[]): Map<string, WantedRun[]> {
  const groups = new Map<string, WantedRun[]>()
  for (const one of wanted) {
    const group = groups.get(one.run.experimentName)
    if (group) group.push(one)
    else groups.set(one.run.experimentName, [one])
  }
  return groups
}

/**
 * One refused run must not hold up the others of its batch: then each goes alone. What somebody else
 * changed since it was compared is not overwritten: the next pass compares it anew (I3).
 */
async function putRuns(
  pass: Pass,
  experiment: string,
  group: readonly WantedRun[],
  refused: Map<string, Failure>,
): Promise<void> {
  const expected = new Map(
    group.map(({ run, standing }) => [run.runId, standing?.targetVersion ?? null]),
  )
  try {
    await pass.context.target.putRuns(
      experiment,
      group.map((one) => one.moved),
      { ...writing(pass), expected },
    )
  } catch (error) {
    if (isFatal(error)) throw error
    const [only, ...others] = group
    if (others.length === 0 && only !== undefined) refused.set(only.run.runId, failureOf(error))
    else for (const one of group) await putRuns(pass, experiment, [one], refused)
  }
}

interface Reread {
  readonly run: Run
  readonly content: RunContent
}

async function reread(pass: Pass, runs: readonly Run[]): Promise<Results<Reread>> {
  const { target } = pass.context
  const documents = await together(pass, runs, (some) => standingRuns(pass, some))
  const standing = [...documents.values()].filter((run): run is Run => !isFailure(run))
  const contents = await asRead(pass, target, standing, (part) => readContent(pass, target, part))
  return new Map(
    [...documents].flatMap(([runId, run]) => {
      if (isFailure(run)) return [[runId, run] as const]
      const content = contents.get(runId)
      if (content === undefined) return []
      return [[runId, isFailure(content) ? content : { run, content }] as const]
    }),
  )
}

function verdict(
  pass: Pass,
  { moved, digest }: WantedRun,
  content: RunContent,
  there: Reread | undefined,
): Outcome {
  const sourceDigest = wholeDigest(digest, content)
  const targetDigest =
    there === undefined ? null : wholeDigest(digestJson(canonicalRun(there.run)), there.content)
  const facts = {
    sourceDigest,
    targetDigest,
    sourceVersion: runVersion(moved),
    targetVersion: there === undefined ? null : runVersion(there.run),
    bytes: content.bytes,
  }
  if (sourceDigest === targetDigest) return { ...facts, state: 'proven' }
  pass.tally.failed += 1
  if (there === undefined) return { ...facts, state: 'failed', error: vanished }
  const message = `the target differs in ${differences(moved, content, there)}`
  return { ...facts, state: 'failed', error: { code: 'run.not-equal', message } }
}

function differences(form: Run, content: RunContent, there: Reread): string {
  const [a, b] = [canonicalRun(form), canonicalRun(there.run)]
  const fields = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter(
    (key) => canonicalJson(a[key]) !== canonicalJson(b[key]),
  )
  if (content.series !== there.content.series) fields.push('metric series')
  if (content.artifacts !== there.content.artifacts) fields.push('artifacts')
  return fields.join(', ')
}
