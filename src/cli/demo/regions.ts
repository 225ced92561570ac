import { join } from 'node:path'
import { freePorts } from './free-ports.ts'
import { RestClient } from './rest-client.ts'
import type { Stage } from './stage.ts'

/** One local region with its workspace. */
export interface DemoRegion {
  readonly name: 'eastus' | 'westus'
  /** Its name in the plan. */
  readonly member: 'east' | 'west'
  readonly startArgs: readonly string[]
  readonly origin: string
  /** Relative to the demo's folder. */
  readonly cloudFile: string
  /** Absolute. */
  readonly caPath: string
  readonly workspaceId: string
  readonly client: RestClient
}

export interface DemoRegions {
  readonly east: DemoRegion
  readonly west: DemoRegion
  /** Free, for the gateway. */
  readonly gatewayPort: number
}

/** Chapter 1. */
export async function startRegions(stage: Stage): Promise<DemoRegions> {
  // Each region takes a port for its services and the one after it for its storage.
  const port = await freePorts(5)
  // The first one makes the CA that both share.
  const east = await firstStart(stage, 'east', port)
  const west = await firstStart(stage, 'west', port + 2)
  return { east, west, gatewayPort: port + 4 }
}

async function firstStart(
  stage: Stage,
  member: DemoRegion['member'],
  port: number,
): Promise<DemoRegion> {
  const name = `${member}us` as const
  const startArgs = ['region', 'start', '--name', name, '--data', name]
  startArgs.push('--port', String(port), '--ca-dir', 'ca')
  const ready = await startRegion(stage, name, startArgs)
  const cloudFile = `${name}/cloud.json`
  const client = await RestClient.open(join(stage.folder, cloudFile))
  stage.onEnd(() => client.close())
  stage.screen.good(
    `${name}: process ${ready.pid}, ${ready.origin} (TLS), storage ${ready.storageOrigin}`,
  )
  return {
    name,
    member,
    startArgs,
    origin: String(ready.origin),
    cloudFile,
    caPath: String(ready.caPath),
    workspaceId: `/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/fraud/providers/Microsoft.MachineLearningServices/workspaces/fraud-${member}`,
    client,
  }
}

export async function startRegion(
  { screen, processes }: Stage,
  name: string,
  args: readonly string[],
): Promise<Readonly<Record<string, unknown>>> {
  screen.command(['holdfast', ...args, '&'])
  return processes.start(name, [...args, '--exit-with-parent', '--json'])
}
