import type { FastifyInstance } from 'fastify'
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Status } from '../../api/contract.ts'
import { groupGauges } from './group-gauges.ts'

export interface Metrics {
  /** The Prometheus text of this instant. */
  text(): Promise<string>
  readonly contentType: string
}

/** Gauges are read from the status when scraped: there is one truth, not two. */
export function createMetrics(status: () => Promise<Status>): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'holdfast_' })
  const gauges = groupGauges.map(({ name, help, labels, read }) => ({
    read,
    gauge: new Gauge({
      ...{ name: `holdfast_${name}`, help, labelNames: ['group', ...labels] },
      registers: [registry],
    }),
  }))
  return {
    contentType: registry.contentType,
    text: async () => {
      const { groups } = await status()
      for (const { gauge, read } of gauges) {
        gauge.reset()
        for (const group of groups)
          for (const { labels, value } of read(group))
            gauge.set({ group: group.group, ...labels }, value)
      }
      return registry.metrics()
    },
  }
}

export function registerMetrics(app: FastifyInstance, metrics: Metrics): void {
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  )
}
