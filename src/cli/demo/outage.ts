import { setTimeout as delay } from 'node:timers/promises'
import type { ApiClient } from '../../api/client.ts'
import type { GroupStatus, Operation } from '../../api/contract.ts'
import { onlyGroup } from '../connect.ts'
import type { SavedReport } from '../saved-report.ts'
import { durationText } from '../text.ts'
import { type LateWork, makeLateWork } from './late-work.ts'
import type { DemoRegions } from './regions.ts'
import { holdfastJson, type Stage, waitFor } from './stage.ts'

export interface Outage {
  readonly lateWork: LateWork
  /** In epoch milliseconds. */
  readonly cutAt: number
  readonly killedProcesses: number
  readonly detectedAfterMs: number
  readonly failoverMs: number
  readonly operation: Operation
  readonly report: SavedReport
}

/** Chapter 5. */
export async function outage(
  stage: Stage,
  { east }: DemoRegions,
  controller: ApiClient,
): Promise<Outage> {
  const { screen, processes } = stage
  await endOfPass(stage, controller)
  const lateWork = await makeLateWork(east)
  const cutAt = Date.now()
  const killedProcesses = await processes.cutPower(east.name)
  screen.bad(
    `${east.name} lost power: SIGKILL for ${killedProcesses} processes (services, storage, the training job, the scoring server)`,
  )
  const verdict = await detection(stage, controller)
  const detectedAfterMs = Date.now() - cutAt
  screen.good(`detected after ${durationText(detectedAfterMs)}: ${verdict}`)
  const started = performance.now()
  const moved = await holdfastJson<{ operation: Operation; report: SavedReport }>(
    stage,
    ...['failover', '--yes'],
  )
  const failoverMs = Math.round(performance.now() - started)
  screen.good(`failed over in ${durationText(failoverMs)}`)
  return { lateWork, cutAt, killedProcesses, detectedAfterMs, failoverMs, ...moved }
}

/**
 * What is written right after a pass is what the next one would have copied. A pass that takes long
 * is not waited for: the training job would end meanwhile.
 */
async function endOfPass({ interrupted }: Stage, controller: ApiClient): Promise<void> {
  const point = async () => onlyGroup(await controller.status()).replicationPoint
  const before = await point()
  const giveUpAt = performance.now() + 8000
  while ((await point()) === before && performance.now() < giveUpAt)
    await delay(50, undefined, { signal: interrupted })
}

async function detection(stage: Stage, controller: ApiClient): Promise<string> {
  return waitFor(
    stage,
    { what: 'the controller to be sure', timeoutMs: 90_000, everyMs: 100 },
    async () => sentenceOf(onlyGroup(await controller.status())),
  )
}

function sentenceOf({ verdict }: GroupStatus): string | undefined {
  return verdict?.recommendation === 'failover' ? verdict.sentence : undefined
}
