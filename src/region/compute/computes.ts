import { workspaceIdOf } from '../arm/arm-path.ts'
import { asRecord, asText, type Document } from '../arm/document.ts'
import type { Quotas } from '../arm/quotas.ts'
import {
  type ArmResource,
  AzureError,
  type KindBehaviour,
  type PutRequest,
  type RegionContext,
} from '../context.ts'
import { secondsOf } from './duration.ts'
import type { JobQueue } from './job-queue.ts'
import { computeType, type Nodes } from './nodes.ts'

export interface ComputeParts {
  readonly region: RegionContext
  readonly nodes: Nodes
  readonly quotas: Quotas
  readonly queue: JobQueue
}

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
        return setState(parts, compute, 'Running', 'Start')
      },
      stop: async (compute) => setState(parts, compute, 'Stopped', 'Stop'),
      restart: async (compute) => setState(parts, compute, 'Running', 'Restart'),
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

const typeOf = (body: Document) => asText(asRecord(body.properties).computeType)
const innerOf = (body: Document) => asRecord(asRecord(body.properties).properties)
const stateOf = (compute: ArmResource) => asText(innerOf(compute.body).state)

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

function requireQuota(quotas: Quotas, compute: ArmResource): void {
  const refusal = quotas.refusal(compute.id, asText(innerOf(compute.body).vmSize), 1)
  if (refusal) throw refusal
}

function setState(parts: ComputeParts, compute: ArmResource, state: string, operation: string) {
  if (typeOf(compute.body) !== 'ComputeInstance')
    throw new AzureError(
      400,
      'UserError',
      'Only a compute instance can be started, stopped and restarted.',
    )
  changeState(parts.region, compute, state, operation)
  if (state === 'Stopped') parts.queue.loseNode(compute.id)
  parts.queue.pump()
  return { status: 202 }
}

function changeState(
  region: RegionContext,
  compute: ArmResource,
  state: string,
  operationName: string,
): void {
  const operationTime = region.clock().toISOString()
  const lastOperation = { operationName, operationTime, operationStatus: 'Succeeded' }
  amendInner(region, compute, { state, lastOperation })
}

function amendInner(region: RegionContext, compute: ArmResource, change: Document): void {
  region.resources.amend(compute.id, (body) => ({
    ...body,
    properties: { ...asRecord(body.properties), properties: { ...innerOf(body), ...change } },
  }))
}

/** Stops the instances that have had nothing to do for as long as they are set to wait. */
export function stopIdleInstances({ region, nodes, queue }: ComputeParts): void {
  const now = region.clock().getTime()
  for (const compute of region.resources.list('', computeType)) {
    const inner = innerOf(compute.body)
    const seconds = secondsOf(asText(inner.idleTimeBeforeShutdown))
    if (typeOf(compute.body) !== 'ComputeInstance' || inner.state !== 'Running') continue
    if (seconds === undefined || !workspaceIdOf(compute.id)) continue
    const [node] = nodes.of(compute.id)
    if (node?.job !== undefined) continue
    const started = new Date(asText(asRecord(inner.lastOperation).operationTime) ?? 0)
    const since = Math.max(node?.idleSince.getTime() ?? 0, started.getTime())
    if (now - since < seconds * 1000) continue
    changeState(region, compute, 'Stopped', 'Stop')
    queue.loseNode(compute.id)
  }
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
