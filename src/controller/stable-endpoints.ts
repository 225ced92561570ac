import { isDrillObject } from '../model/drill.ts'
import { isObject } from '../model/field-path.ts'
import type { ObjectId } from '../model/object-id.ts'
import type { Place } from '../model/place.ts'
import type { ContinuityPlan } from '../plan/continuity-plan.ts'
import type { StableEndpointPlan } from '../plan/endpoint-schema.ts'
import { strategyOf } from '../plan/strategy-of.ts'
import {
  type GatewayEndpoint,
  type GatewayMember,
  gatewayEndpoint,
} from '../traffic/gateway/gateway-endpoint.ts'
import { pointerFile } from '../traffic/gateway/pointer-file.ts'
import { type OpenedEndpoint, openEndpoint } from '../traffic/open-endpoint.ts'
import type { StableEndpoint, StablePointer, StableTarget } from '../traffic/stable-endpoint.ts'
import { collect } from '../workspace/pages.ts'
import type { CallOptions, Workspace } from '../workspace/workspace.ts'
import type { Course } from './course.ts'
import { type Member, type Members, memberOf } from './members.ts'

/** The stable endpoints of a plan, by what they carry. */
export interface StableEndpoints {
  /** They have to know both sides before they are needed. */
  readonly gateways: readonly GatewayEndpoint[]
  /** All that carry requests, gateways among them. */
  readonly traffic: readonly StableEndpoint[]
  /** They tell clients where to go. */
  readonly configuration: readonly StableEndpoint[]
  /** Those of both that stand on this machine: no other controller can lead them. */
  readonly here: readonly StableEndpoint[]
}

export function openStableEndpoints(
  plan: ContinuityPlan,
  stateDir: string,
  members: Members,
): StableEndpoints {
  const gateways: GatewayEndpoint[] = []
  const driven: OpenedEndpoint[] = []
  for (const entry of plan.endpoints) {
    if (entry.type === 'gateway') gateways.push(openGateway(plan, stateDir, members, entry))
    else driven.push(openEndpoint(entry, { plan, env: process.env }))
  }
  const carrying = (what: OpenedEndpoint['carries']) =>
    driven.filter(({ carries }) => carries === what).map(({ endpoint }) => endpoint)
  return {
    gateways,
    traffic: [...gateways, ...carrying('requests')],
    configuration: carrying('configuration'),
    here: [...gateways, ...driven.filter(({ isHere }) => isHere).map(({ endpoint }) => endpoint)],
  }
}

function openGateway(
  plan: ContinuityPlan,
  stateDir: string,
  members: Members,
  { name, listen, match, balance }: Extract<StableEndpointPlan, { type: 'gateway' }>,
): GatewayEndpoint {
  return gatewayEndpoint({
    name,
    group: plan.group,
    pointerFile: pointerFile(stateDir, name),
    address: `http://${listen}`,
    match,
    isBalanced: balance === 'all',
    isRepeatable: (endpoint) => strategyOf(plan, onlineEndpoint(endpoint)) === 'hot-hot',
    readEndpoints: (member, _target, options) =>
      readRoutes(memberOf(members, member).workspace, options),
  })
}

export function stableTarget(place: Place, { caPath }: Member): StableTarget {
  return { place, ...(caPath === undefined ? {} : { caPath }) }
}

/**
 * Leads every stable endpoint that leads nowhere yet to the effective primary, and tells gateways the
 * routes of both sides. Gives a sentence for each that could not be told.
 */
export async function publishRoutes(
  endpoints: StableEndpoints,
  members: Members,
  course: Course,
  { signal }: { readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const pointer = { member: course.primary, epoch: course.epoch }
  const failed: string[] = []
  const attempt = async (name: string, work: () => Promise<void>) => {
    try {
      await work()
    } catch (error) {
      signal.throwIfAborted()
      failed.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const primary = memberOf(members, course.primary)
  for (const endpoint of [...endpoints.traffic, ...endpoints.configuration]) {
    await attempt(endpoint.name, () => leadEndpoint(endpoint, pointer, primary, { signal }))
  }
  if (endpoints.gateways.length === 0) return failed
  for (const member of members.values()) {
    await attempt(member.plan.name, async () => {
      const routes = await gatewayMember(member, { signal })
      for (const gateway of endpoints.gateways) await gateway.publish(member.plan.name, routes)
    })
  }
  return failed
}

/** Leads it to a member unless it leads there already. */
export async function leadEndpoint(
  endpoint: StableEndpoint,
  pointer: StablePointer,
  member: Member,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const current = await endpoint.current({ signal })
  if (current?.member === pointer.member && current.epoch === pointer.epoch) return
  const place = await member.workspace.describe({ signal })
  await endpoint.switchTo(pointer, stableTarget(place, member), { signal })
}

async function gatewayMember(member: Member, options: CallOptions): Promise<GatewayMember> {
  const place = await member.workspace.describe(options)
  return {
    workspaceId: member.plan.workspace,
    apiOrigin: place.apiOrigin,
    ...(member.caPath === undefined ? {} : { caPath: member.caPath }),
    endpoints: await readRoutes(member.workspace, options),
  }
}

/** Scoring addresses and keys of all online endpoints of a member. */
async function readRoutes(
  workspace: Workspace,
  options: CallOptions,
): Promise<GatewayMember['endpoints']> {
  const found = await collect((page) =>
    workspace.listObjects('online-endpoint', { ...options, ...page }),
  )
  const routes: Record<string, GatewayMember['endpoints'][string]> = {}
  for (const { id, body } of found) {
    const properties = isObject(body.properties) ? body.properties : {}
    if (typeof properties.scoringUri !== 'string' || isDrillObject(id, body)) continue
    const secrets = (await workspace.readSecrets(id, options))?.reveal() ?? {}
    const keys = [secrets.primaryKey, secrets.secondaryKey].filter((key) => typeof key === 'string')
    routes[id.path[0] ?? ''] = { scoringUri: properties.scoringUri, keys }
  }
  return routes
}

const onlineEndpoint = (name: string): ObjectId => ({ kind: 'online-endpoint', path: [name] })
