import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import type { Place } from '../../model/place.ts'
import { type GatewayEndpointOptions, gatewayEndpoint } from '../gateway/gateway-endpoint.ts'
import { type GatewayOptions, type RunningGateway, startGateway } from '../gateway/start-gateway.ts'
import { startUpstream, type Upstream } from './upstream.ts'

const cleanUps: (() => unknown)[] = []

/** Call it in `afterEach`: ends what every bench of the test started. */
export async function clearBenches(): Promise<void> {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
}

const members = ['east', 'west'] as const
type Member = (typeof members)[number]

/** A gateway in front of two members, `east` and `west`, with endpoints `hot` (repeatable) and `warm`. */
export interface Bench {
  readonly east: Upstream
  readonly west: Upstream
  readonly gateway: RunningGateway
  readonly pointerFile: string
  readonly endpoint: ReturnType<typeof gatewayEndpoint>
  /** The same, as another controller has it. */
  another(): ReturnType<typeof gatewayEndpoint>
  switchTo(member: Member, epoch: number): Promise<void>
  call(method: string, path: string, options?: CallOptions): Promise<Reply>
}
interface CallOptions {
  readonly body?: string | Buffer | AsyncIterable<Uint8Array>
  readonly headers?: Record<string, string>
}
export interface Reply {
  readonly status: number
  readonly headers: Record<string, string | string[] | undefined>
  readonly text: string
}

export const workspaceId = (member: Member) =>
  `/subscriptions/sub/resourceGroups/rg-${member}/providers/Microsoft.MachineLearningServices/workspaces/ws-${member}`

export async function startBench(
  overrides: Partial<GatewayEndpointOptions> & { readonly gateway?: Partial<GatewayOptions> } = {},
): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-gateway-'))
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }))
  const pointerFile = join(folder, 'pointer.json')
  const [east, west] = [await startUpstream('east'), await startUpstream('west')]
  cleanUps.push(() => Promise.all([east.kill(), west.kill()]))
  const gateway = await startGateway({
    name: 'scoring',
    listen: '127.0.0.1:0',
    pointerFile,
    pollMs: 20,
    ...overrides.gateway,
  })
  cleanUps.push(() => gateway.stop())
  const upstreams = { east, west }
  const endpoints = (member: string) =>
    Object.fromEntries(
      ['hot', 'warm'].map((name) => [
        name,
        {
          scoringUri: `${upstreams[member as Member].origin}/inference/guid-${member}/${name}/score`,
          keys: [`${member}-first-key`, `${member}-second-key`],
        },
      ]),
    )
  const open = () =>
    gatewayEndpoint({
      name: 'scoring',
      group: 'fraud',
      pointerFile,
      address: gateway.origin,
      isRepeatable: (name) => name === 'hot',
      readEndpoints: async (member) => endpoints(member),
      followMs: 1000,
      ...overrides,
    })
  const endpoint = open()
  const agent = new Agent()
  cleanUps.push(() => agent.destroy())
  return {
    east,
    west,
    gateway,
    pointerFile,
    endpoint,
    another: open,
    async switchTo(member, epoch) {
      await endpoint.switchTo({ member, epoch }, { place: placeOf(member, upstreams[member]) })
      for (const other of members) {
        await endpoint.publish(other, {
          workspaceId: workspaceId(other),
          apiOrigin: upstreams[other].origin,
          endpoints: endpoints(other),
        })
      }
      await endpoint.verify({ member, epoch })
      await until(() => Object.keys(gateway.status().members).length === 2)
    },
    async call(method, path, { body, headers = {} } = {}) {
      const answer = await request(`${gateway.origin}${path}`, {
        method: method as 'GET',
        headers,
        dispatcher: agent,
        ...(body === undefined ? {} : { body: body as string }),
      })
      return {
        status: answer.statusCode,
        headers: answer.headers,
        text: await answer.body.text(),
      }
    },
  }
}

export function placeOf(member: Member, { origin }: { readonly origin: string }): Place {
  return {
    subscriptionId: 'sub',
    resourceGroup: `rg-${member}`,
    workspaceName: `ws-${member}`,
    workspaceGuid: `guid-${member}`,
    region: member,
    storageAccount: `store${member}`,
    blobOrigin: 'http://localhost',
    apiOrigin: origin,
    associated: {
      storageAccount: undefined,
      keyVault: undefined,
      applicationInsights: undefined,
      containerRegistry: undefined,
    },
    containers: {},
  }
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}
