import { request } from 'undici'
import { gatewayView, type StableEndpointView } from '../api/detail-contract.ts'
import type { StableEndpoint } from '../traffic/stable-endpoint.ts'
import type { ProtectedGroup } from './protected-group.ts'
import { refusalOf } from './read-sides.ts'

const lookLimitMs = 3000

/** Asks every stable endpoint of the plan whom it leads to now. */
export async function endpointViews(group: ProtectedGroup): Promise<StableEndpointView[]> {
  const { traffic, configuration } = group.endpoints
  return Promise.all([
    ...traffic.map((endpoint) => viewOf(group, endpoint, 'requests')),
    ...configuration.map((endpoint) => viewOf(group, endpoint, 'configuration')),
  ])
}

async function viewOf(
  group: ProtectedGroup,
  endpoint: StableEndpoint,
  carries: StableEndpointView['carries'],
): Promise<StableEndpointView> {
  const address = addressOf(group, endpoint)
  const known = { name: endpoint.name, carries, address }
  const nothing = { leadsTo: null, gateway: null }
  try {
    const signal = AbortSignal.timeout(lookLimitMs)
    const leadsTo = (await endpoint.current({ signal })) ?? null
    const gateway = address === null ? null : await askGateway(address, signal)
    return { ...known, leadsTo, gateway, error: null }
  } catch (error) {
    return { ...known, ...nothing, error: refusalOf(error) }
  }
}

function addressOf({ plan, endpoints }: ProtectedGroup, endpoint: StableEndpoint): string | null {
  const place = endpoints.gateways.indexOf(endpoint as never)
  const entry = plan.endpoints.filter((each) => each.type === 'gateway')[place]
  return entry === undefined ? null : `http://${entry.listen}`
}

async function askGateway(address: string, signal: AbortSignal) {
  const answer = await request(`${address}/_gateway/status`, { signal })
  return gatewayView.parse(await answer.body.json())
}
