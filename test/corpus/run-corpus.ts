import { join } from 'node:path'
import { captureOpenJobs } from '../../src/jobs/capture.ts'
import { memoryJobStore } from '../../src/jobs/job-store.ts'
import { decideJobs, resubmitJobs } from '../../src/jobs/resubmit.ts'
import { relocateObject } from '../../src/model/relocate.ts'
import { defaultStrategies } from '../../src/plan/strategy-of.ts'
import { memoryDefinitions } from '../../src/replication/memory-definitions.ts'
import { memoryLedger } from '../../src/replication/memory-ledger.ts'
import type { PassResult } from '../../src/replication/pass.ts'
import { replicate } from '../../src/replication/replicate.ts'
import {
  applyImport,
  type ImportResult,
  planImport,
} from '../../src/specification/import-folder.ts'
import { secretOf } from '../../src/workspace/secret.ts'
import type { Workspace } from '../../src/workspace/workspace.ts'
import { type Comparison, compareRegions } from './compare-regions.ts'
import { type Completed, completeFolder } from './complete-folder.ts'
import { prepareFolder } from './prepare-folder.ts'
import { type Side, startSide } from './regions.ts'

export interface CorpusRun {
  readonly folder: string
  readonly completed: Completed
  readonly imported: ImportResult
  readonly pass: PassResult
  /** Ledger rows that are neither proven nor left on purpose, in words. */
  readonly unproven: readonly string[]
  readonly jobsNotMoved: readonly string[]
  readonly comparisons: readonly Comparison[]
}

/** Called while both regions still run, for what a test wants to see besides. */
type Besides = (primary: Side, secondary: Side, run: CorpusRun) => Promise<void>

/** Two regions, a folder of specifications, one pass, and an independent comparison of the two. */
export async function runCorpus(
  source: string,
  temporary: string,
  progress: (line: string) => void,
  besides?: Besides,
): Promise<CorpusRun> {
  const folder = join(temporary, 'specifications')
  const made = await prepareFolder(source, folder)
  const completed = await completeFolder(folder)
  progress(
    `${made} files made, ${completed.added} specifications added, ${completed.renamed} set apart`,
  )
  const sides: Side[] = []
  try {
    for (const [member, location] of [
      ['east', 'eastus'],
      ['west', 'westus'],
    ] as const)
      sides.push(await startSide(member, location, temporary))
    const [primary, secondary] = sides as [Side, Side]
    const imported = await importAll(primary, folder)
    progress(`${imported.done} of ${imported.actions.length} actions done`)
    const { pass, unproven } = await replicateOnce(primary, secondary, temporary)
    progress(`the pass was ${pass.outcome}: ${pass.compared} compared, ${pass.created} created`)
    const jobsNotMoved = await moveJobs(primary, secondary)
    const comparisons = await compareRegions(primary, secondary)
    const run = { folder, completed, imported, pass, unproven, jobsNotMoved, comparisons }
    await besides?.(primary, secondary, run)
    return run
  } finally {
    for (const side of sides) await side.stop()
  }
}

async function importAll({ workspace }: Side, folder: string): Promise<ImportResult> {
  let jobs = 0
  const options = {
    submitJobs: true,
    jobName: () => `job-${++jobs}`,
    epoch: 1,
    wrapSecret: secretOf,
  }
  const result = await applyImport(workspace, await planImport(workspace, folder, options), options)
  await removeFailed(workspace, result)
  return result
}

/** What was made and does not work (a placeholder for a scoring script) is nobody's to protect. */
async function removeFailed(
  workspace: Workspace,
  { actions, failed }: ImportResult,
): Promise<void> {
  const broken = failed.filter(({ error }) => error.code === 'object.operation-failed')
  for (const { file } of broken)
    for (const action of actions)
      if (action.action === 'put' && action.file === file && action.id.kind.endsWith('deployment'))
        await workspace.deleteObject(action.id, { epoch: 1 })
}

async function replicateOnce(
  primary: Side,
  secondary: Side,
  folder: string,
): Promise<Pick<CorpusRun, 'pass' | 'unproven'>> {
  const ledger = memoryLedger()
  const member = ({ workspace, workspaceId }: Side, role: 'primary' | 'secondary') => ({
    name: workspace.name,
    workspace: workspaceId,
    role,
    cloud: '',
  })
  const pass = await replicate({
    group: 'corpus',
    plan: {
      apiVersion: 'holdfast/v1',
      group: 'corpus',
      folder,
      objectives: { rtoMs: 1, rpoMs: 1 },
      members: [member(primary, 'primary'), member(secondary, 'secondary')],
      strategies: defaultStrategies,
      conflicts: [],
      deletions: 'archive',
      map: {},
      endpoints: [],
      jobs: { resubmit: 'all' },
      decide: { automatic: false, graceMs: 1, cooldownMs: 1, vantagePoints: [] },
      notify: [],
      drill: { everyMs: 1, jobs: 'none', automatic: false, window: null },
    },
    source: primary.workspace,
    target: secondary.workspace,
    ledger,
    definitions: memoryDefinitions(),
    epoch: 1,
    clock: () => new Date(),
  })
  const direction = { group: 'corpus', source: 'east', target: 'west' }
  const rows = await ledger.rows(direction, { limit: 100_000 })
  const unproven = rows
    .filter(({ state }) => state !== 'proven' && state !== 'skipped')
    .map(({ object, state, error }) => `${object} ${state}: ${error?.code} ${error?.message}`)
  return { pass, unproven }
}

/** What a failover does with open jobs: capture, decide, submit at the other side. */
async function moveJobs(primary: Side, secondary: Side): Promise<string[]> {
  const [from, to] = await Promise.all([
    primary.workspace.describe(),
    secondary.workspace.describe(),
  ])
  const store = memoryJobStore()
  const now = () => new Date()
  await captureOpenJobs({
    target: secondary.workspace,
    group: 'corpus',
    source: primary.workspace,
    relocate: (id, body) => relocateObject(id, body, from, to),
    store,
    epoch: 1,
    now,
  })
  const context = { run: 'move', epoch: 2, store, now }
  await decideJobs({
    ...context,
    group: 'corpus',
    ...{ source: 'east', target: 'west' },
    policy: { resubmit: 'all', holdMs: 0 },
    proven: { point: null, newest: async () => null },
  })
  await resubmitJobs({ ...context, target: secondary.workspace })
  const decisions = await store.readDecisions('move')
  return (decisions?.jobs ?? [])
    .filter(({ decision }) => decision !== 'resubmit')
    .map(({ job, decision, reason }) => `${job} ${decision}: ${reason}`)
}
