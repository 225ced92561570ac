import type { ApiClient } from '../../api/client.ts'
import { bringBack, type Return } from './bring-back.ts'
import { type Evidence, evidence } from './evidence.ts'
import { fillPrimary } from './fill-primary.ts'
import { outage } from './outage.ts'
import { type Proof, proof } from './proof.ts'
import { protect } from './protect.ts'
import { type DemoRegions, startRegions } from './regions.ts'
import { endOfJob, type ResumedJob, resumedJob } from './resumed-job.ts'
import type { Stage } from './stage.ts'
import { startWork } from './start-work.ts'

/** The facts of one demo, also what `--json` prints. */
export interface Summary {
  readonly outcome: 'complete'
  readonly seconds: number
  readonly folder: string
  readonly protection: {
    readonly objects: number
    readonly bytes: number
    readonly bytesPerSecond: number
    readonly replicationPoint: string | null
    readonly lagMs: number | null
  }
  readonly outage: {
    readonly killedProcesses: number
    readonly detectedAfterMs: number
    readonly failoverMs: number
  }
  readonly proof: Proof
  readonly job: ResumedJob & { readonly status: string }
  readonly report: Evidence
  readonly return: Return
}

/** What runs on when the story is over. */
export interface Ending {
  readonly summary: Summary
  readonly regions: DemoRegions
  readonly controller: ApiClient
  readonly gateway: string
}

/** The demo, chapter by chapter. */
export async function tellStory(stage: Stage): Promise<Ending> {
  const chapter = async <T>(title: string, content: () => Promise<T>): Promise<T> => {
    stage.interrupted.throwIfAborted()
    stage.screen.chapter(title)
    return content()
  }
  const regions = await chapter('Two regions', () => startRegions(stage))
  await chapter('A team works in eastus', () => fillPrimary(stage, regions))
  const protection = await chapter('Protect it', () => protect(stage, regions))
  const { controller } = protection
  const work = await chapter('A long training job and steady traffic', () =>
    startWork(stage, regions, controller),
  )
  const cut = await chapter('Power cut in eastus, and failover', () =>
    outage(stage, regions, controller),
  )
  const [job, proven] = await chapter('Is it all there?', async () => {
    const resumed = await resumedJob(stage, regions.west, controller)
    return [resumed, await proof(stage, regions, { protection, work, outage: cut })]
  })
  const report = await chapter('The evidence', () => evidence(stage, cut.report))
  const [back, status] = await chapter('eastus comes back', async () => {
    const returned = await bringBack(stage, regions, controller, cut.lateWork)
    return [returned, await endOfJob(stage, regions.west, job.runsAs)]
  })
  const { objects, bytes, bytesPerSecond, replicationPoint, lagMs } = protection
  const { killedProcesses, detectedAfterMs, failoverMs } = cut
  const summary: Summary = {
    outcome: 'complete',
    seconds: Math.round(stage.screen.seconds()),
    folder: stage.folder,
    protection: { objects, bytes, bytesPerSecond, replicationPoint, lagMs },
    outage: { killedProcesses, detectedAfterMs, failoverMs },
    proof: proven,
    job: { ...job, status },
    report,
    return: back,
  }
  return { summary, regions, controller, gateway: work.gateway }
}
