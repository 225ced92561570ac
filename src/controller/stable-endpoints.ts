import { resolve } from 'node:path'
import { isObject } from '../model/field-path.ts'
import type { ObjectId } from '../model/object-id.ts'
import type { Place } from '../model/place.ts'
import type { ContinuityPlan } from '../plan/continuity-plan.ts'
import { strategyOf } from '../plan/strategy-of.ts'
import {
  type GatewayEndpoint,
  type GatewayMember,
  gatewayEndpoint,
} from '../traffic/gateway/gateway-endpoint.ts'
import { pointerFile } from '../traffic/gateway/pointer-file.ts'
import type { StableEndpoint, StableTarget } from '../traffic/stable-endpoint.ts'
import { workspaceConfigEndpoint } from '../traffic/workspace-config.ts'
import { collect } from '../workspace/pages.ts'
import type { CallOptions, Workspace } from '../workspace/workspace.ts'
import type { Course } from './course.ts'
import { type Member, type Members, memberOf } from './members.ts'

/** The stable endpoints of a plan, by what they carry. */
export interface StableEndpoints {
  /** They carry requests; they have to know both sides before they are needed. */
  readonly gateways: readonly GatewayEndpoint[]
  /** They tell clients where to go. */
  readonly configuration: readonly StableEndpoint[]
}

export function openStableEndpoints(
  plan: ContinuityPlan,
  stateDir: string,
  members: Members,
): StableEndpoints {
  const gateways: GatewayEndpoint[] = []
  const configuration: StableEndpoint[] = []
  for (const endpoint of plan.endpoints) {
    if (endpoint.type === 'workspaceConfig') {
      configuration.push(workspaceConfigEndpoint({ path: resolve(plan.folder, endpoint.path) }))
      continue
    }
    gateways.push(
      gatewayEndpoint({
        name: endpoint.name,
        group: plan.group,
        pointerFile: pointerFile(stateDir, endpoint.name),
        address: `http://${endpoint.listen}`,
        match: endpoint.match,
        isRepeatable: (name) => strategyOf(plan, onlineEndpoint(name)) === 'hot-hot',
        readEndpoints: (member, _target, options) =>
          readRoutes(memberOf(members, member).workspace, options),
      }),
    )
  }
  return { gateways, configuration }
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
  for (const endpoint of [...endpoints.gateways, ...endpoints.configuration]) {
    await attempt(endpoint.name, async () => {
      const current = await endpoint.current({ signal })
      if (current?.member === pointer.member && current.epoch === pointer.epoch) return
      const place = await primary.workspace.describe({ signal })
      await endpoint.switchTo(pointer, stableTarget(place, primary), { signal })
    })
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
    if (typeof properties.scoringUri !== 'string') continue
    const secrets = (await workspace.readSecrets(id, options))?.reveal() ?? {}
    const keys = [secrets.primaryKey, secrets.secondaryKey].filter((key) => typeof key === 'string')
    routes[id.path[0] ?? ''] = { scoringUri: properties.scoringUri, keys }
  }
  return routes
}

const onlineEndpoint = (name: string): ObjectId => ({ kind: 'online-endpoint', path: [name] })
