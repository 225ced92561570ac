import type { FastifyInstance } from 'fastify'
import type { BehaviourRegistry } from '../arm/behaviour-registry.ts'
import type { Quotas } from '../arm/quotas.ts'
import type { Chore } from '../chores.ts'
import type { RegionContext } from '../context.ts'
import { batchBehaviours } from './batch-endpoints.ts'
import { registerBatch } from './batch-routes.ts'
import { computeBehaviour } from './computes.ts'
import { InstanceClock } from './instances.ts'
import { JobQueue } from './job-queue.ts'
import { jobBehaviour } from './jobs.ts'
import { computeType, Nodes } from './nodes.ts'
import { onlineBehaviours, Serving } from './online-endpoints.ts'
import { ScheduleClock, scheduleBehaviour } from './schedules.ts'
import { registerScoring, resumeServing, workspaces } from './scoring-routes.ts'
import { serverlessBehaviour } from './serverless-endpoints.ts'

export interface Compute {
  /** Takes up what a crash cut off; called once the region listens. */
  start(): Promise<void>
  /** What is due as time goes by. */
  readonly chores: readonly Chore[]
  /** Ends every process the region started. */
  stop(): Promise<void>
}

/** What a local region runs: jobs, endpoints, schedules. */
export function registerCompute(
  app: FastifyInstance,
  parts: {
    readonly region: RegionContext
    readonly behaviours: BehaviourRegistry
    readonly quotas: Quotas
    readonly jobSlots?: number | undefined
  },
): Compute {
  const { region, behaviours, quotas } = parts
  const nodes = new Nodes(region, quotas)
  const queue = new JobQueue(region, nodes, parts.jobSlots)
  const computes = { region, nodes, quotas, queue }
  const instances = new InstanceClock(computes)
  const serving = new Serving(region)
  const schedules = new ScheduleClock(region, queue)
  for (const behaviour of [
    jobBehaviour(region, queue),
    computeBehaviour(computes),
    ...onlineBehaviours(region, serving),
    ...batchBehaviours(region),
    serverlessBehaviour(region),
    scheduleBehaviour(region, schedules),
  ]) {
    behaviours.register(behaviour)
  }
  registerScoring(app, region, serving)
  registerBatch(app, { region, queue, behaviours })
  return {
    chores: [
      { name: 'fire schedules', work: () => schedules.look() },
      { name: 'look after jobs', work: () => queue.look(region.clock()) },
      { name: 'let idle nodes go', work: () => nodes.look(region.clock()) },
      { name: 'start and stop instances', work: () => instances.look() },
    ],
    async start() {
      for (const { id } of region.resources.list('', computeType)) nodes.settle(id)
      queue.recover([...workspaces(region)].map((workspace) => workspace.id))
      await resumeServing(region, serving)
    },
    async stop() {
      await Promise.all([queue.stop(), serving.stop()])
    },
  }
}
