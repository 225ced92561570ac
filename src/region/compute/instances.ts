import { asRecord, asText, type Document } from '../arm/document.ts'
import type { Quotas } from '../arm/quotas.ts'
import { type ArmResource, AzureError, type RegionContext } from '../context.ts'
import { secondsOf } from './duration.ts'
import type { JobQueue } from './job-queue.ts'
import { computeType, type Nodes } from './nodes.ts'
import { nextFire } from './triggers.ts'

export interface ComputeParts {
  readonly region: RegionContext
  readonly nodes: Nodes
  readonly quotas: Quotas
  readonly queue: JobQueue
}

export const typeOf = (body: Document) => asText(asRecord(body.properties).computeType)
export const innerOf = (body: Document) => asRecord(asRecord(body.properties).properties)
export const stateOf = (compute: ArmResource) => asText(innerOf(compute.body).state)

export function requireQuota(quotas: Quotas, compute: ArmResource): void {
  const refusal = quotas.refusal(compute.id, asText(innerOf(compute.body).vmSize), 1)
  if (refusal) throw refusal
}

export function setInstanceState(
  parts: ComputeParts,
  compute: ArmResource,
  state: string,
  operation: string,
) {
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
  amendInner(region, compute, {
    state,
    lastOperation: operation(region, operationName, 'Succeeded'),
  })
}

const operation = (region: RegionContext, operationName: string, operationStatus: string) => ({
  operationName,
  operationTime: region.clock().toISOString(),
  operationStatus,
})

export function amendInner(region: RegionContext, compute: ArmResource, change: Document): void {
  region.resources.amend(compute.id, (body) => ({
    ...body,
    properties: { ...asRecord(body.properties), properties: { ...innerOf(body), ...change } },
  }))
}

/** Starts and stops instances by their schedules, and stops those that have long had nothing to do. */
export class InstanceClock {
  readonly #parts: ComputeParts
  #lookedAt: Date

  constructor(parts: ComputeParts) {
    this.#parts = parts
    this.#lookedAt = parts.region.clock()
  }

  look(): void {
    const { region } = this.#parts
    const since = this.#lookedAt
    const now = region.clock()
    this.#lookedAt = now
    for (const compute of region.resources.list('', computeType)) {
      if (typeOf(compute.body) !== 'ComputeInstance') continue
      const wanted = scheduledState(innerOf(compute.body), since, now)
      if (wanted !== undefined) this.#bring(compute, wanted)
      else if (stateOf(compute) === 'Running' && this.#isLongIdle(compute, now))
        this.#bring(compute, 'Stopped')
    }
  }

  #bring(compute: ArmResource, state: 'Running' | 'Stopped'): void {
    if (stateOf(compute) === state) return
    const { region, quotas } = this.#parts
    const size = asText(innerOf(compute.body).vmSize)
    if (state === 'Running' && quotas.refusal(compute.id, size, 1)) {
      amendInner(region, compute, { lastOperation: operation(region, 'Start', 'StartFailed') })
      return
    }
    setInstanceState(this.#parts, compute, state, state === 'Running' ? 'Start' : 'Stop')
  }

  #isLongIdle(compute: ArmResource, now: Date): boolean {
    const inner = innerOf(compute.body)
    const seconds = secondsOf(asText(inner.idleTimeBeforeShutdown))
    const [node] = this.#parts.nodes.of(compute.id)
    if (seconds === undefined || node?.job !== undefined) return false
    const started = new Date(asText(asRecord(inner.lastOperation).operationTime) ?? 0)
    const since = Math.max(node?.idleSince.getTime() ?? 0, started.getTime())
    return now.getTime() - since >= seconds * 1000
  }
}

/** Throws AzureError 400 for a schedule that can never be read. */
export function checkInstanceSchedules(inner: Document, now: Date): void {
  for (const { trigger } of schedulesOf(inner)) nextFire(trigger, now)
}

/** What the last schedule that fell due between two looks asks for. */
function scheduledState(inner: Document, since: Date, now: Date) {
  let last: { readonly at: Date; readonly state: 'Running' | 'Stopped' } | undefined
  for (const { trigger, state } of schedulesOf(inner))
    for (let at = nextFire(trigger, since); at && at <= now; at = nextFire(trigger, at))
      if (!last || at >= last.at) last = { at, state }
  return last?.state
}

function schedulesOf(inner: Document) {
  const { computeStartStop } = asRecord(inner.schedules)
  const schedules = Array.isArray(computeStartStop) ? computeStartStop.map(asRecord) : []
  return schedules
    .filter(({ status }) => status !== 'Disabled')
    .map(({ action, triggerType, cron, recurrence }) => ({
      trigger: { triggerType, ...asRecord(cron), ...asRecord(recurrence) },
      state: action === 'Start' ? ('Running' as const) : ('Stopped' as const),
    }))
}
