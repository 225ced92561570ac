import { canonicalRun, digestJson } from '../model/canonical.ts'
import type { ObjectId } from '../model/object-id.ts'
import { relocateObject } from '../model/relocate.ts'
import type { Experiment, Run, Workspace } from '../workspace/workspace.ts'
import { experimentDigest, readExperiments } from './experiments.ts'
import type { LedgerEntry } from './ledger.ts'
import { type Pass, reading } from './pass-state.ts'
import { readContent } from './run-content.ts'
import { wholeDigest } from './run-forms.ts'
import { type Sight, sightOf } from './verify-sight.ts'

/** Document, whole series and, where they belong to the run, artifacts of both sides. */
export async function verifyRun(pass: Pass, row: LedgerEntry, id: ObjectId): Promise<Sight> {
  const { source, target } = pass.context
  const runId = id.path[0] ?? ''
  const [from, to] = await Promise.all([
    source.getRun(runId, reading(pass)),
    target.getRun(runId, reading(pass)),
  ])
  const [a, b] = await Promise.all([
    from && digestIn(pass, source, { ...from, body: moved(pass, id, from) }),
    to && digestIn(pass, target, to),
  ])
  return sightOf(row, a, b)
}

function moved(pass: Pass, id: ObjectId, { body }: Run): Run['body'] {
  return relocateObject(id, body, pass.from, pass.to, pass.map).body
}

async function digestIn(pass: Pass, workspace: Workspace, run: Run): Promise<string | undefined> {
  const content = (await readContent(pass, workspace, [run])).get(run.runId)
  return content && wholeDigest(digestJson(canonicalRun(run)), content)
}

/** Services list experiments only as a whole, so both lists are read once, when they are needed. */
export function experimentVerifier(pass: Pass) {
  let lists: Promise<readonly ReadonlyMap<string, Experiment>[]> | undefined
  return async (row: LedgerEntry, id: ObjectId): Promise<Sight> => {
    lists ??= Promise.all([
      readExperiments(pass, pass.context.source),
      readExperiments(pass, pass.context.target),
    ])
    const [a, b] = (await lists).map((list) => {
      const found = list.get(id.path[0] ?? '')
      return found && experimentDigest(found)
    })
    return sightOf(row, a, b)
  }
}
