import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { HoldfastError } from '../../model/errors.ts'
import { countText, durationText } from '../text.ts'
import { endpointName } from './fill-primary.ts'
import type { Outage } from './outage.ts'
import { groupName, type Protection } from './protect.ts'
import type { DemoRegions } from './regions.ts'
import { differences, readHistory } from './run-history.ts'
import type { Stage } from './stage.ts'
import type { Work } from './start-work.ts'
import type { TrafficSummary } from './traffic.ts'
import { scoreOnce } from './workspace-calls.ts'

export interface Proof {
  readonly traffic: TrafficSummary
  readonly firstAnswerAfterMs: number
  readonly history: { readonly runs: number; readonly points: number; readonly artifacts: number }
}

/** Chapter 6: asks the world, through interfaces that any client uses. */
export async function proof(
  stage: Stage,
  { west }: DemoRegions,
  before: { readonly protection: Protection; readonly work: Work; readonly outage: Outage },
): Promise<Proof> {
  const { screen } = stage
  const { protection, work, outage } = before
  screen.good(`${west.name} scores: ${await scoreOnce(west, endpointName)}`)
  const traffic = await work.traffic.stop()
  const firstAnswerAfterMs = (traffic.firstAnswerFrom.west ?? Number.NaN) - outage.cutAt
  screen.good(trafficText(traffic, firstAnswerAfterMs))
  await configLeadsWest(stage)
  const uri = `${work.gateway}/mlflow/v1.0/${groupName}`
  screen.good(`tracking address ${uri}: the same as before, led to west`)
  const expected = protection.history
  const found = await readHistory({ uri, client: west.client })
  const different = differences(expected, found)
  if (different.length > 0)
    throw new HoldfastError(
      'demo.history-differs',
      `${countText(different.length, 'run')} of ${expected.runs.size} differ or are missing: ${different.slice(0, 5).join(', ')}`,
    )
  const history = {
    runs: expected.runs.size,
    points: expected.points,
    artifacts: expected.artifacts,
  }
  screen.good(
    `read there again: ${history.runs} runs with the same ids, times, parameters and tags, ${history.points} metric points and ${countText(history.artifacts, 'artifact')} equal`,
  )
  return { traffic, firstAnswerAfterMs, history }
}

function trafficText(traffic: TrafficSummary, firstAnswerAfterMs: number): string {
  const { sent, failed, longestGapMs, perMember } = traffic
  const members = Object.entries(perMember).map(([member, count]) => `${count} by ${member}`)
  return `${sent} scoring requests: ${members.join(', ')}, ${failed} failed; first answer of west ${durationText(firstAnswerAfterMs)} after the cut, longest gap ${durationText(longestGapMs)}`
}

async function configLeadsWest({ screen, folder }: Stage): Promise<void> {
  const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as {
    workspace_name: string
    holdfast?: { member: string; epoch: number }
  }
  if (config.workspace_name !== 'fraud-west')
    throw new HoldfastError(
      'demo.config-not-moved',
      `config.json leads to ${config.workspace_name}, not to fraud-west.`,
    )
  screen.good(`config.json leads to ${config.workspace_name}, epoch ${config.holdfast?.epoch}`)
}
