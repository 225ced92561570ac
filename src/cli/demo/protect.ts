import { join } from 'node:path'
import type { ApiClient } from '../../api/client.ts'
import type { GroupStatus, Operation, ReplicationPlan } from '../../api/contract.ts'
import { connect, onlyGroup } from '../connect.ts'
import { pointText } from '../status-text.ts'
import { bytesText, countText, durationText } from '../text.ts'
import { endpointName } from './fill-primary.ts'
import type { DemoRegion, DemoRegions } from './regions.ts'
import { type History, readHistory, type Tracking } from './run-history.ts'
import { holdfast, holdfastJson, type Stage } from './stage.ts'

export const groupName = 'fraud-models'

export interface Protection {
  /** The controller's API. */
  readonly controller: ApiClient
  readonly objects: number
  readonly bytes: number
  readonly seconds: number
  readonly bytesPerSecond: number
  readonly replicationPoint: string | null
  readonly lagMs: number | null
  /** What the primary's public API showed of every finished run. */
  readonly history: History
}

/** Chapter 3. */
export async function protect(stage: Stage, regions: DemoRegions): Promise<Protection> {
  const { screen } = stage
  const { east, west, gatewayPort } = regions
  await holdfast(
    stage,
    ...['init', '--group', groupName],
    ...['--primary', east.workspaceId, '--primary-name', 'east', '--primary-cloud', east.cloudFile],
    ...['--secondary', west.workspaceId, '--secondary-name', 'west'],
    ...['--secondary-cloud', west.cloudFile, '--workspace-config', 'config.json'],
    ...['--gateway', 'scoring', '--gateway-match', endpointName.replace(/-.*/, '-*')],
    ...['--gateway-listen', `127.0.0.1:${gatewayPort}`],
  )
  screen.good('wrote continuity.yaml; every command below reads and checks it')
  const controller = await startController(stage)
  const plan = await holdfastJson<ReplicationPlan>(stage, 'plan')
  screen.good(`${countText(plan.actions.length, 'action')}: ${totalsText(plan)}`)
  const { operation } = await holdfastJson<{ operation: Operation }>(stage, 'sync')
  const group = onlyGroup(await controller.status())
  const figures = figuresOf(group, operation)
  screen.good(
    `${countText(figures.objects, 'object')} proven on the other side, ${bytesText(figures.bytes)} in ${durationText(figures.seconds * 1000)} (${bytesText(Math.round(figures.bytesPerSecond))}/s, ${Math.round(figures.objects / figures.seconds)} objects/s)`,
  )
  screen.line(`replication point ${pointText(group)}`)
  return { controller, ...figures, history: await readHistory(trackingAt(east)) }
}

/** Probes, copies while all is well, and serves the API that the commands ask. */
async function startController({ screen, processes, folder }: Stage): Promise<ApiClient> {
  const args = [
    'controller',
    '--listen',
    '127.0.0.1:0',
    '--sync-every',
    '5s',
    '--probe-every',
    '1s',
  ]
  screen.command(['holdfast', ...args, '&'])
  const ready = await processes.start('controller', [...args, '--exit-with-parent', '--json'])
  screen.good(`controller: process ${ready.pid}, ${ready.url}`)
  return (await connect({ plan: join(folder, 'continuity.yaml') })).client
}

function figuresOf(group: GroupStatus, { startedAt, endedAt }: Operation) {
  const objects = group.counts.reduce((sum, { proven }) => sum + proven, 0)
  const bytes = group.counts.reduce((sum, each) => sum + each.bytes, 0)
  const seconds = Math.max(0.001, (Date.parse(endedAt ?? startedAt) - Date.parse(startedAt)) / 1000)
  const { replicationPoint, lagMs } = group
  return { objects, bytes, seconds, bytesPerSecond: bytes / seconds, replicationPoint, lagMs }
}

const totalsText = ({ totals, bytes }: ReplicationPlan) =>
  `${Object.entries(totals)
    .map(([action, count]) => `${count} ${action}`)
    .join(', ')}; ${bytesText(bytes)}`

export const trackingAt = (region: DemoRegion): Tracking => ({
  uri: `${region.origin}/mlflow/v1.0${region.workspaceId}`,
  client: region.client,
})
