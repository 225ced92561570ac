import type { CapturedJob } from '../../../jobs/captured-job.ts'
import { object } from '../../../jobs/checkpoint-place.ts'
import { decide, originOf } from '../../../jobs/decide.ts'
import { openJobsIn } from '../../../jobs/open-jobs.ts'
import { type Resumption, resumptionOf } from '../../../jobs/resumption.ts'
import { drillExperiment, drillPath, drillPrefix, drillTag } from '../../../model/drill.ts'
import type { JsonObject } from '../../../model/json.ts'
import type { Look } from '../../../runbook/runbook.ts'
import { type RehearsedJob, readFact, writeFact } from '../../facts.ts'
import { ledgerDirection, provenSoFar } from '../../ledger-reads.ts'
import type { DrillWorld } from '../../ports.ts'

export async function drillPointIsChosen(world: DrillWorld): Promise<Look> {
  const point = await readFact(world, 'point')
  const jobs = await readFact(world, 'rehearsedJobs')
  if (point === undefined || jobs === undefined) {
    return { done: false, detail: 'No replication point is chosen yet.' }
  }
  const which = point.replicationPoint ?? 'none: not everything in scope was ever proven'
  return { done: true, detail: `Replication point: ${which}. Jobs to rehearse: ${jobs.length}.` }
}

/** The decisions are the drill's alone: those of a failover also tell which old copies to cancel. */
export async function chooseDrillPoint(world: DrillWorld): Promise<undefined> {
  const direction = ledgerDirection(world)
  const { group, source, target, epoch } = world
  const now = { leader: source.name, other: target.name, epoch }
  const { capturedAt, jobs: open } = await openJobsIn(world.jobs, group, now)
  const captured = world.rehearseJobs === 'none' ? [] : open
  const proven = await provenSoFar(world.ledger, direction)
  const jobs: RehearsedJob[] = []
  for (const job of captured) {
    const resumption = await resumptionOf(job, proven)
    const { decision } = decide(job, world.jobPolicy, resumption, world.now())
    if (decision === 'resubmit') jobs.push(rehearsal(world.run, job, resumption))
  }
  await writeFact(world, 'jobsNoted', { capturedAt })
  await writeFact(world, 'rehearsedJobs', jobs)
  await writeFact(world, 'point', {
    replicationPoint: proven.point,
    chosenAt: world.now().toISOString(),
    counts: await world.ledger.counts(direction),
  })
}

function rehearsal(
  run: string,
  job: CapturedJob,
  { checkpoint, body: resumed }: Resumption,
): RehearsedJob {
  const copy = drillPrefix(run) + originOf(job)
  const body = isolated(run, copy, resumed)
  const { name, checkpoints } = job
  const seen = { started: false, detail: 'It was not submitted.' }
  return { job: name, copy, checkpoint, checkpoints, body, ...seen }
}

/**
 * A rehearsed job must not write where replication writes: every named output leads to the drill's
 * own folder. A pipeline's steps inherit nothing, so theirs are left to the service's default.
 */
function isolated(run: string, copy: string, body: JsonObject): JsonObject {
  const properties = object(body.properties)
  const outputs = Object.entries(object(properties.outputs)).map(([name, output]) => {
    const { uri: _, ...rest } = object(output)
    return [name, { ...rest, uri: outputUri(run, copy, name) }]
  })
  return {
    ...body,
    properties: {
      ...properties,
      displayName: copy,
      experimentName: drillExperiment,
      outputs: Object.fromEntries(outputs),
      tags: { ...object(properties.tags), [drillTag]: run },
    },
  }
}

const outputUri = (run: string, copy: string, output: string): string =>
  `azureml://datastores/workspaceblobstore/paths/${drillPath(run)}${copy}/${output}/`
