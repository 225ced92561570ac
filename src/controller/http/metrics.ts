import type { FastifyInstance } from 'fastify'
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Status } from '../../api/contract.ts'

export interface Metrics {
  /** The Prometheus text of this instant. */
  text(): Promise<string>
  readonly contentType: string
}

/** Gauges are read from the status when scraped: there is one truth, not two. */
export function createMetrics(status: () => Promise<Status>): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'holdfast_' })
  const gauge = (name: string, help: string, labelNames: string[]) =>
    new Gauge({ name: `holdfast_${name}`, help, labelNames, registers: [registry] })
  const lag = gauge('replication_lag_seconds', 'Now minus the replication point', ['group'])
  const epoch = gauge('epoch', 'Rises by one at every change of effective primary', ['group'])
  const healthy = gauge('member_healthy', '1 when every plane answers', ['group', 'member'])
  const objects = gauge('objects', 'Objects in scope by state', ['group', 'kind', 'state'])
  const running = gauge('operation_running', '1 while an operation is under way', ['group', 'type'])

  const fill = ({ groups }: Status) => {
    for (const each of [lag, epoch, healthy, objects, running]) each.reset()
    for (const group of groups) {
      const of = { group: group.group }
      // Absent is not zero: a group without a replication point has no lag to show.
      if (group.lagMs !== null) lag.set(of, group.lagMs / 1000)
      epoch.set(of, group.epoch)
      for (const { name, health } of group.members) {
        healthy.set({ ...of, member: name }, health === 'healthy' ? 1 : 0)
      }
      for (const { kind, proven, pending, failed, conflict } of group.counts) {
        for (const [state, count] of Object.entries({ proven, pending, failed, conflict })) {
          objects.set({ ...of, kind, state }, count)
        }
      }
      if (group.operation && group.operation.endedAt === null) {
        running.set({ ...of, type: group.operation.type }, 1)
      }
    }
  }
  return {
    contentType: registry.contentType,
    text: async () => {
      fill(await status())
      return registry.metrics()
    },
  }
}

export function registerMetrics(app: FastifyInstance, metrics: Metrics): void {
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  )
}
