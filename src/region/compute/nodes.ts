import { asRecord, asText, type Document } from '../arm/document.ts'
import type { Quotas } from '../arm/quotas.ts'
import { type ArmResource, AzureError, type RegionContext } from '../context.ts'
import { secondsOf } from './duration.ts'

export const computeType = 'Microsoft.MachineLearningServices/workspaces/computes'

export interface ComputeNode {
  readonly id: string
  /** Lower-case id of the job that runs on it. */
  job: string | undefined
  idleSince: Date
}

/** A cluster without a setting keeps an idle node so long. */
const usualIdleSeconds = 120

/**
 * The nodes of clusters and instances: a job waits until its compute has as many as it asks for, a
 * cluster grows up to its limit and its quota, and shrinks when nodes idle. All nodes are this
 * machine; what they limit is how much runs at once. Nodes live in memory, for they do not outlive
 * the region; their numbers stand in the compute's document.
 */
export class Nodes {
  readonly #region: RegionContext
  readonly #quotas: Quotas
  readonly #nodes = new Map<string, ComputeNode[]>()

  constructor(region: RegionContext, quotas: Quotas) {
    this.#region = region
    this.#quotas = quotas
  }

  of(computeId: string): readonly ComputeNode[] {
    return this.#nodes.get(computeId.toLowerCase()) ?? []
  }

  /** Gives a job its nodes; false when it must wait. Throws when it would wait for ever. */
  take(computeId: string, job: string, count: number): boolean {
    const compute = this.#region.resources.get(computeId)
    if (!compute) throw new AzureError(400, 'UserError', `The compute '${computeId}' is gone.`)
    const properties = asRecord(compute.body.properties)
    if (properties.computeType === 'AmlCompute') return this.#takeOfCluster(compute, job, count)
    if (properties.computeType !== 'ComputeInstance') return true
    if (asRecord(properties.properties).state !== 'Running') return false
    return this.#takeOfInstance(compute, job)
  }

  give(job: string): void {
    const now = this.#region.clock()
    for (const [computeId, nodes] of this.#nodes) {
      const freed = nodes.filter((node) => node.job === job)
      for (const node of freed) {
        node.job = undefined
        node.idleSince = now
      }
      if (freed.length > 0) this.#write(computeId)
    }
  }

  /** Brings a cluster to what its settings ask: at its creation, a change, and a start of the region. */
  settle(computeId: string): void {
    const compute = this.#region.resources.get(computeId)
    if (!compute || asRecord(compute.body.properties).computeType !== 'AmlCompute') return
    const { least, most } = scaleOf(compute)
    const nodes = this.#listOf(compute)
    while (nodes.length > most && this.#dropIdle(nodes, () => true));
    const missing = least - nodes.length
    if (missing > 0 && !this.#refusal(compute, missing)) this.#grow(nodes, missing)
    this.#write(compute.id)
  }

  forget(computeId: string): void {
    this.#nodes.delete(computeId.toLowerCase())
  }

  /** Lets go the nodes that have idled for as long as their cluster keeps them. */
  look(now: Date): void {
    for (const [computeId, nodes] of this.#nodes) {
      const compute = this.#region.resources.get(computeId)
      if (!compute || asRecord(compute.body.properties).computeType !== 'AmlCompute') continue
      const { least, idleSeconds } = scaleOf(compute)
      const isOver = ({ idleSince }: ComputeNode) =>
        now.getTime() - idleSince.getTime() >= idleSeconds * 1000
      const before = nodes.length
      while (nodes.length > least && this.#dropIdle(nodes, isOver));
      if (nodes.length < before) this.#write(computeId)
    }
  }

  #takeOfCluster(compute: ArmResource, job: string, count: number): boolean {
    const { most } = scaleOf(compute)
    if (count > most)
      throw new AzureError(
        400,
        'UserError',
        `The job asks for ${count} nodes; the cluster '${compute.name}' has at most ${most}.`,
      )
    const nodes = this.#listOf(compute)
    const missing = count - nodes.filter((node) => node.job === undefined).length
    if (nodes.length + missing > most) return false
    const refusal = missing > 0 ? this.#refusal(compute, missing) : undefined
    if (refusal) return false
    this.#grow(nodes, missing)
    for (const node of nodes.filter((one) => one.job === undefined).slice(0, count)) node.job = job
    this.#write(compute.id)
    return true
  }

  #takeOfInstance(compute: ArmResource, job: string): boolean {
    const nodes = this.#listOf(compute)
    if (nodes.length === 0) this.#grow(nodes, 1)
    const [node] = nodes
    if (!node || node.job !== undefined) return false
    node.job = job
    return true
  }

  /** Why a cluster cannot grow; it stands in the compute's `errors` while it is so, as in Azure. */
  #refusal(compute: ArmResource, count: number): AzureError | undefined {
    const { vmSize, errors } = asRecord(asRecord(compute.body.properties).properties)
    const refusal = this.#quotas.refusal(compute.id, asText(vmSize), count)
    const shown = refusal ? [{ error: { code: refusal.code, message: refusal.message } }] : null
    if (JSON.stringify(shown) !== JSON.stringify(errors ?? null))
      this.#amend(compute.id, { errors: shown })
    return refusal
  }

  #listOf(compute: ArmResource): ComputeNode[] {
    const key = compute.id.toLowerCase()
    const known = this.#nodes.get(key) ?? []
    this.#nodes.set(key, known)
    return known
  }

  #grow(nodes: ComputeNode[], count: number): void {
    const idleSince = this.#region.clock()
    for (let added = 0; added < count; added += 1) {
      let number = 0
      while (nodes.some((node) => node.id === nodeId(number))) number += 1
      nodes.push({ id: nodeId(number), job: undefined, idleSince })
    }
  }

  #dropIdle(nodes: ComputeNode[], isOver: (node: ComputeNode) => boolean): boolean {
    const index = nodes.findLastIndex((node) => node.job === undefined && isOver(node))
    if (index < 0) return false
    nodes.splice(index, 1)
    return true
  }

  /** The numbers of a cluster as its document shows them. */
  #write(computeId: string): void {
    const nodes = this.of(computeId)
    const runningNodeCount = nodes.filter((node) => node.job !== undefined).length
    this.#amend(computeId, {
      allocationState: 'Steady',
      allocationStateTransitionTime: this.#region.clock().toISOString(),
      currentNodeCount: nodes.length,
      targetNodeCount: nodes.length,
      nodeStateCounts: {
        idleNodeCount: nodes.length - runningNodeCount,
        runningNodeCount,
        preparingNodeCount: 0,
        unusableNodeCount: 0,
        leavingNodeCount: 0,
        preemptedNodeCount: 0,
      },
    })
  }

  #amend(computeId: string, change: Document): void {
    this.#region.resources.amend(computeId, (body) => {
      const properties = asRecord(body.properties)
      if (properties.computeType !== 'AmlCompute') return body
      return {
        ...body,
        properties: {
          ...properties,
          properties: { ...asRecord(properties.properties), ...change },
        },
      }
    })
  }
}

const nodeId = (number: number) => `tvmps_${String(number).padStart(4, '0')}`

function scaleOf(compute: ArmResource) {
  const { scaleSettings } = asRecord(asRecord(compute.body.properties).properties)
  const { minNodeCount, maxNodeCount, nodeIdleTimeBeforeScaleDown } = asRecord(scaleSettings)
  return {
    least: Number(minNodeCount ?? 0),
    most: Number(maxNodeCount ?? 1),
    idleSeconds: secondsOf(asText(nodeIdleTimeBeforeScaleDown)) ?? usualIdleSeconds,
  }
}
