import { asRecord, asText, type Document } from '../arm/document.ts'
import type { Quotas } from '../arm/quotas.ts'
import { AzureError, type KindBehaviour, type PutRequest, type RegionContext } from '../context.ts'
import {
  amendInner,
  type ComputeParts,
  checkInstanceSchedules,
  requireQuota,
  setInstanceState,
  stateOf,
  typeOf,
} from './instances.ts'
import { computeType } from './nodes.ts'

/** Computes have the states Azure shows; jobs of a local region run on the machine itself. */
export function computeBehaviour(parts: ComputeParts): KindBehaviour {
  const { region, nodes, quotas, queue } = parts
  return {
    type: computeType,
    lro: 'compute',
    patchStatus: 200,
    beforePut: (request) => computeDocument(region, quotas, request),
    afterPut: async (compute) => {
      nodes.settle(compute.id)
      queue.pump()
    },
    afterDelete: async (compute) => nodes.forget(compute.id),
    actions: {
      start: async (compute) => {
        if (stateOf(compute) !== 'Running') requireQuota(quotas, compute)
        return setInstanceState(parts, compute, 'Running', 'Start')
      },
      stop: async (compute) => setInstanceState(parts, compute, 'Stopped', 'Stop'),
      restart: async (compute) => setInstanceState(parts, compute, 'Running', 'Restart'),
      enablesso: async (compute, body) => {
        const enableSSO = asRecord(body).enableSSO !== false
        amendInner(region, compute, { enableSSO })
        return { status: 200 }
      },
      listnodes: async ({ id }) => ({ status: 200, body: { nodes: nodes.of(id).map(shownNode) } }),
      listkeys: async (compute) => ({
        status: 200,
        body: { computeType: typeOf(compute.body), ...compute.secrets },
      }),
    },
  }
}

const shownNode = ({ id, job }: { id: string; job: string | undefined }, index: number) => ({
  nodeId: id,
  privateIpAddress: '127.0.0.1',
  publicIpAddress: null,
  port: 50_000 + index,
  nodeState: job === undefined ? 'idle' : 'running',
  runId: job?.split('/').at(-1) ?? null,
})

function computeDocument(region: RegionContext, quotas: Quotas, request: PutRequest) {
  const { id, body, existing } = request
  const { properties, secrets } = withoutPasswords(asRecord(body.properties))
  const type = asText(properties.computeType)
  if (type === undefined)
    throw new AzureError(400, 'UserError', 'A compute needs properties.computeType.')
  const before = asRecord(existing?.body.properties)
  if (existing && before.computeType !== type)
    throw new AzureError(400, 'UserError', 'The computeType of a compute cannot change.')
  const now = region.clock().toISOString()
  const made = {
    computeLocation: asText(properties.computeLocation) ?? asText(body.location) ?? region.name,
    createdOn: before.createdOn ?? now,
    modifiedOn: now,
    provisioningErrors: null,
    isAttachedCompute: !['AmlCompute', 'ComputeInstance'].includes(type),
  }
  const inner = {
    ...asRecord(properties.properties),
    ...serviceState(type, asRecord(before.properties), now),
  }
  if (type === 'ComputeInstance') checkInstanceSchedules(inner, region.clock())
  if (!existing) checkQuota(quotas, id, type, inner)
  return {
    body: {
      ...body,
      location: body.location ?? region.name,
      properties: { ...properties, ...made, properties: inner },
    },
    ...(Object.keys(secrets).length > 0 && { secrets }),
  }
}

/** Nodes that would be there from the first moment must fit; those of later growth wait for room. */
function checkQuota(quotas: Quotas, id: string, type: string, inner: Document): void {
  const least = asRecord(inner.scaleSettings).minNodeCount
  const count = type === 'ComputeInstance' ? 1 : type === 'AmlCompute' ? Number(least ?? 0) : 0
  const refusal = quotas.refusal(id, asText(inner.vmSize), count)
  if (refusal) throw refusal
}

function serviceState(type: string, before: Document, now: string): Document {
  if (type === 'AmlCompute')
    return {
      allocationState: 'Steady',
      allocationStateTransitionTime: before.allocationStateTransitionTime ?? now,
      errors: before.errors ?? null,
      currentNodeCount: before.currentNodeCount ?? 0,
      targetNodeCount: before.targetNodeCount ?? 0,
      nodeStateCounts: before.nodeStateCounts ?? {},
    }
  if (type !== 'ComputeInstance') return {}
  const created = {
    operationName: 'Create',
    operationTime: now,
    operationStatus: 'Succeeded',
  }
  return { state: before.state ?? 'Running', lastOperation: before.lastOperation ?? created }
}

/** Passwords are write-only: they are kept apart and never returned. */
function withoutPasswords(properties: Document): { properties: Document; secrets: Document } {
  const inner = asRecord(properties.properties)
  const secrets: Document = {}
  const cleaned: Document = { ...inner }
  for (const field of ['userAccountCredentials', 'administratorAccount'] as const) {
    const account = asRecord(inner[field])
    if (Object.keys(account).length === 0) continue
    const open: Document = {}
    for (const [key, value] of Object.entries(account)) {
      if (/password|privateKey/i.test(key)) secrets[`${field}.${key}`] = value
      else open[key] = value
    }
    cleaned[field] = open
  }
  return { properties: { ...properties, properties: cleaned }, secrets }
}
