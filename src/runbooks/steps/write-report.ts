import type { JobRow } from '../../api/contract.ts'
import { toJobRow } from '../../jobs/job-store.ts'
import { unseenJobs } from '../../jobs/unseen-jobs.ts'
import type { Direction } from '../../replication/ledger.ts'
import type { StepRecord } from '../../runbook/run-state.ts'
import type { Look, StepTools } from '../../runbook/runbook.ts'
import type { Workspace } from '../../workspace/workspace.ts'
import { type ColdResult, readFact } from '../facts.ts'
import { allRows, ledgerDirection } from '../ledger-reads.ts'
import type { SalvageResult } from '../outcomes.ts'
import type { FailoverWorld, ProcedureWorld, ReprotectWorld, SwitchoverWorld } from '../ports.ts'
import { measureRecovery, type Report, sortObjects } from '../report.ts'
import { actsOf } from '../report-people.ts'
import { ownEpoch, refuseOvertakenReprotection } from './own-epoch.ts'

const own = 'write-report'

export async function reportIsWritten(world: ProcedureWorld): Promise<Look> {
  const report = await world.reports.read(world.run)
  if (report === undefined) return { done: false, detail: 'There is no report yet.' }
  const { missing, unknown, conflict, provenCount } = report.objects
  return {
    done: true,
    detail: `${provenCount} objects proven, ${missing.length} missing, ${unknown.length} unknown, ${conflict.length} in conflict.`,
  }
}

export async function writeFailoverReport(world: FailoverWorld): Promise<undefined> {
  await writeMoveReport(world, 'failover')
}

export async function writeSwitchoverReport(
  world: SwitchoverWorld,
  tools: StepTools,
): Promise<undefined> {
  const run = await world.journal.read(world.run)
  const type = run?.header.runbook === 'failback' ? 'failback' : 'switchover'
  // A source that died on the way tells its late jobs when it is protected again.
  const { healthy } = await world.source.probe('jobs', { signal: tools.signal })
  await writeMoveReport(world, type, healthy ? await lateJobs(world, world.source, tools) : [])
}

/** Handed in at a former primary when nobody looked any more. */
async function lateJobs(
  world: ProcedureWorld,
  member: Pick<Workspace, 'name' | 'listObjects'>,
  { signal }: StepTools,
): Promise<readonly JobRow[]> {
  return unseenJobs({
    ...{ member, signal, now: world.now },
    decisions: await world.jobs.decisionsFrom(world.group, member.name),
    capturedAt: (await world.jobs.readCapture(world.group, member.name))?.at ?? null,
  })
}

async function writeMoveReport(
  world: FailoverWorld,
  type: Report['type'],
  late: readonly JobRow[] = [],
): Promise<void> {
  const { epoch } = await ownEpoch(world)
  const point = await readFact(world, 'point')
  const shared = await sharedParts(world, ledgerDirection(world))
  const decisions = await world.jobs.readDecisions(world.run)
  const pointers = await Promise.all(
    [...world.traffic, ...world.configuration].map(async (endpoint) => {
      const current = await endpoint.current()
      const { member = null, epoch = null } = current ?? {}
      return { name: endpoint.name, member, epoch }
    }),
  )
  const replicationPoint = point?.replicationPoint ?? null
  await world.reports.write({
    ...shared,
    type,
    epoch,
    from: world.source.name,
    to: world.target.name,
    replicationPoint,
    recovery: measureRecovery({
      detectedAt: world.detectedAt,
      ...(world.outage && { outage: world.outage }),
      decidedAt: world.decidedAt,
      failoverAt: point?.chosenAt ?? world.decidedAt,
      replicationPoint,
      objectives: world.objectives,
      timeline: shared.timeline,
    }),
    jobs: [...(decisions?.jobs.map((job) => toJobRow(job, epoch)) ?? []), ...late],
    jobsCapturedAt: (await readFact(world, 'jobsNoted'))?.capturedAt ?? null,
    stableEndpoints: pointers,
    endpoints: (await readFact(world, 'endpoints')) ?? [],
    cold: createdAtFailover(await readFact(world, 'cold')),
    fence: (await readFact(world, 'fence')) ?? { fenced: [], exposure: [] },
    salvage: (await readFact(world, 'salvage')) ?? null,
    readiness: (await readFact(world, 'readiness')) ?? null,
  })
}

export async function writeReprotectReport(
  world: ReprotectWorld,
  tools: StepTools,
): Promise<undefined> {
  const { epoch } = await refuseOvertakenReprotection(world)
  const direction = {
    group: world.group,
    source: world.primary.name,
    target: world.returning.name,
  }
  const decisions = await world.jobs.decisionsFrom(world.group, world.returning.name)
  const shared = await sharedParts(world, direction)
  await world.reports.write({
    ...shared,
    type: 'reprotect',
    epoch,
    from: direction.source,
    to: direction.target,
    replicationPoint: (await world.ledger.readPoint(direction))?.at ?? null,
    recovery: null,
    jobs: [
      ...decisions.flatMap((run) => run.jobs.map((job) => toJobRow(job, run.epoch))),
      ...(await lateJobs(world, world.returning, tools)),
    ],
    jobsCapturedAt: (await world.jobs.readCapture(world.group, world.returning.name))?.at ?? null,
    stableEndpoints: [],
    endpoints: [],
    cold: { created: [], failed: [] },
    fence: { fenced: [], exposure: [] },
    salvage: salvageNow(await readFact(world, 'salvage'), shared.objects),
  })
}

/** What was found when it was brought over, and what of it is in conflict after the passes since. */
function salvageNow(
  salvage: SalvageResult | undefined,
  { conflict, apart = [] }: Report['objects'],
): SalvageResult | null {
  if (salvage === undefined) return null
  const listed = new Set([...conflict, ...apart].map(({ object }) => object))
  const conflicts = salvage.conflicts.map((one) => ({ ...one, isListed: listed.has(one.object) }))
  return { ...salvage, conflicts }
}

type Shared = Pick<
  Report,
  | 'schema'
  | 'run'
  | 'group'
  | 'outcome'
  | 'startedAt'
  | 'writtenAt'
  | 'timeline'
  | 'people'
  | 'counts'
  | 'objects'
>

export async function sharedParts(world: ProcedureWorld, direction: Direction): Promise<Shared> {
  const run = await world.journal.read(world.run)
  // The step that writes the report cannot tell its own end.
  const timeline: readonly StepRecord[] = run?.state.steps.filter((step) => step.id !== own) ?? []
  const writtenAt = world.now().toISOString()
  return {
    schema: 'holdfast/report/v1',
    run: world.run,
    group: world.group,
    // What an operator left out was not done, whatever else was (I4).
    outcome: timeline.some(({ status, skip }) => status === 'partial' || skip !== undefined)
      ? 'partial'
      : 'complete',
    startedAt: run?.header.acceptedAt ?? writtenAt,
    writtenAt,
    timeline,
    people: actsOf(run, await world.journal.events(world.run)),
    counts: await world.ledger.counts(direction),
    objects: await sortObjects(allRows(world.ledger, direction)),
  }
}

function createdAtFailover(result: ColdResult | undefined): Report['cold'] {
  const { wanted, failed } = result ?? { wanted: [], failed: [] }
  const notMade = new Set(failed.map((one) => one.object))
  return { created: wanted.filter((object) => !notMade.has(object)), failed }
}
