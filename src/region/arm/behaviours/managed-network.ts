import { randomUUID } from 'node:crypto'
import type {
  ActionAnswer,
  ArmResource,
  Caller,
  KindBehaviour,
  RegionContext,
  ResourceStore,
} from '../../context.ts'
import { workspaceIdOf } from '../arm-path.ts'
import { asRecord, type Document, isRecord } from '../document.ts'

export const outboundRuleType = 'Microsoft.MachineLearningServices/workspaces/outboundRules'

/**
 * Rules of a managed network are resources of their own and, the same ones, a map in the workspace's
 * document. The resources are what is stored; the map is made of them.
 */
export function outboundRuleBehaviour(region: RegionContext): KindBehaviour {
  return {
    type: outboundRuleType.toLowerCase(),
    lro: 'location',
    beforePut: ({ id, body }) => {
      const workspace = region.resources.get(workspaceIdOf(id) ?? '')
      return { body: ruleDocument(body, networkOf(workspace)) }
    },
  }
}

/** What a written workspace document holds of rules, as resources. Idempotent. */
export function storeRules(resources: ResourceStore, workspace: ArmResource, actor: Caller): void {
  const network = networkOf(workspace)
  for (const [name, rule] of Object.entries(asRecord(network.outboundRules))) {
    const body = ruleDocument({ properties: rule }, network)
    resources.put(`${workspace.id}/outboundRules/${name}`, outboundRuleType, { body }, actor)
  }
}

/** The managed network as a reader of the workspace sees it; undefined when it has none. */
export function presentedNetwork(
  resources: ResourceStore,
  workspace: ArmResource,
): Document | undefined {
  const network = networkOf(workspace)
  if (Object.keys(network).length === 0) return undefined
  const rules = resources.list(workspace.id, outboundRuleType, { limit: 1000 })
  return {
    status: { status: 'Inactive', sparkReady: false, ...asRecord(network.status) },
    outboundRules: Object.fromEntries(rules.map(({ name, body }) => [name, body.properties])),
  }
}

/** `provisionManagedNetwork`: rules work from now on. */
export async function provisionNetwork(
  resources: ResourceStore,
  workspace: ArmResource,
  request: unknown,
): Promise<ActionAnswer> {
  const status = { status: 'Active', sparkReady: asRecord(request).includeSpark === true }
  resources.amend(workspace.id, (body) => {
    const properties = asRecord(body.properties)
    const network = asRecord(properties.managedNetwork)
    const networkId = network.networkId ?? randomUUID()
    return {
      ...body,
      properties: { ...properties, managedNetwork: { ...network, networkId, status } },
    }
  })
  for (const rule of resources.list(workspace.id, outboundRuleType, { limit: 1000 }))
    resources.amend(rule.id, (body) => ({
      ...body,
      properties: { ...asRecord(body.properties), status: 'Active' },
    }))
  return { status: 200, body: status }
}

function ruleDocument(body: Document, network: Document): Document {
  const isActive = asRecord(network.status).status === 'Active'
  const properties = isRecord(body.properties) ? body.properties : {}
  return {
    ...body,
    properties: {
      category: 'UserDefined',
      ...properties,
      status: isActive ? 'Active' : 'Inactive',
    },
  }
}

const networkOf = (workspace: ArmResource | undefined): Document =>
  asRecord(asRecord(workspace?.body.properties).managedNetwork)
