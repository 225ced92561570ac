import { readFact } from '../../facts.ts'
import { ledgerDirection } from '../../ledger-reads.ts'
import type { DrillWorld } from '../../ports.ts'
import type { Recovery } from '../../report.ts'
import { sharedParts } from '../write-report.ts'

export async function writeDrillReport(world: DrillWorld): Promise<undefined> {
  const point = await readFact(world, 'point')
  const cold = await readFact(world, 'cold')
  const jobs = (await readFact(world, 'rehearsedJobs')) ?? []
  const cleaned = await readFact(world, 'cleaned')
  const failed = new Set(cold?.failed.map((one) => one.object))
  await world.reports.write({
    ...(await sharedParts(world, ledgerDirection(world))),
    type: 'drill',
    epoch: world.epoch,
    from: world.source.name,
    to: world.target.name,
    replicationPoint: point?.replicationPoint ?? null,
    recovery: await measureDrill(world),
    jobs: [],
    jobsCapturedAt: (await readFact(world, 'jobsNoted'))?.capturedAt ?? null,
    stableEndpoints: [],
    endpoints: (await readFact(world, 'endpoints')) ?? [],
    cold: {
      created: cold?.wanted.filter((name) => !failed.has(name)) ?? [],
      failed: cold?.failed ?? [],
    },
    fence: { fenced: [], exposure: [] },
    salvage: null,
    drill: {
      jobs: jobs.map(({ body: _body, checkpoints: _place, ...job }) => job),
      sample: (await readFact(world, 'sample')) ?? { equal: 0, different: [] },
      removed: cleaned?.removed ?? [],
      left: cleaned?.left ?? ['unknown: the clean-up did not end'],
    },
  })
}

/** RTA is from the decision to the last answer and the last start; unknown when one did not come. */
async function measureDrill(world: DrillWorld): Promise<Recovery> {
  const point = await readFact(world, 'point')
  const rehearsed = await readFact(world, 'rehearsed')
  const endpoints = await readFact(world, 'endpoints')
  const jobs = await readFact(world, 'rehearsedJobs')
  const allCame =
    endpoints?.every(({ answers }) => answers) === true &&
    jobs?.every(({ started }) => started) === true
  const chosenAt = point?.chosenAt ?? world.decidedAt
  const replicationPoint = point?.replicationPoint ?? null
  return {
    ...world.objectives,
    detectedAt: null,
    decidedAt: world.decidedAt,
    rtaMs:
      rehearsed === undefined || !allCame
        ? null
        : Date.parse(rehearsed.at) - Date.parse(world.decidedAt),
    rpaMs: replicationPoint === null ? null : Date.parse(chosenAt) - Date.parse(replicationPoint),
    unknownSince: replicationPoint,
    unknownUntil: chosenAt,
  }
}
