import type { ApiClient } from '../../api/client.ts'
import { allObjects } from '../ledger-pages.ts'
import { endpointName } from './fill-primary.ts'
import { groupName } from './protect.ts'
import type { DemoRegions } from './regions.ts'
import { holdfastJson, type Stage, waitFor } from './stage.ts'
import { ScoringTraffic } from './traffic.ts'
import { endpointKey, jobStatus, scoringPayload } from './workspace-calls.ts'

export const longJob = 'fraud-train-long'

const requestsPerSecond = 100

export interface Work {
  readonly traffic: ScoringTraffic
  /** The gateway: one address that outlives a region. */
  readonly gateway: string
}

/** Chapter 4. Ends when the training job could go on elsewhere. */
export async function startWork(
  stage: Stage,
  { east }: DemoRegions,
  controller: ApiClient,
): Promise<Work> {
  const { screen } = stage
  await holdfastJson(stage, 'import', 'sample/long-job', '--submit-jobs')
  const gateway = await startGateway(stage)
  const traffic = new ScoringTraffic(
    `${gateway}/endpoints/${endpointName}/score`,
    await endpointKey(east, endpointName),
    scoringPayload,
  )
  traffic.start(requestsPerSecond)
  stage.onEnd(() => traffic.stop())
  screen.good(`${requestsPerSecond} scoring requests per second to ${gateway}, none is repeated`)
  const checkpoint = await waitFor(
    stage,
    { what: 'a checkpoint that is proven in westus', timeoutMs: 60_000, everyMs: 500 },
    () => newestProvenCheckpoint(controller),
  )
  screen.good(`job ${longJob} is ${await jobStatus(east, longJob)}`)
  screen.good(`proven in westus already: ${checkpoint}`)
  return { traffic, gateway }
}

async function startGateway({ screen, processes }: Stage): Promise<string> {
  const args = ['gateway', '--name', 'scoring']
  screen.command(['holdfast', ...args, '&'])
  const ready = await processes.start('gateway', [...args, '--exit-with-parent', '--json'])
  return String(ready.origin)
}

async function newestProvenCheckpoint(controller: ApiClient): Promise<string | undefined> {
  const blobs = await allObjects(controller, groupName, { kind: 'blob', state: 'proven' }, {})
  return blobs
    .map(({ object }) => decodeURIComponent(object))
    .filter((object) => object.includes(`checkpoints/${longJob}/step-`))
    .sort()
    .at(-1)
}
