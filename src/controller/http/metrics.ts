import type { FastifyInstance } from 'fastify'
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Status } from '../../api/contract.ts'
import type { CallCounts } from '../../workspace/decorators/counted.ts'
import { groupGauges } from './group-gauges.ts'

export interface Metrics {
  /** The Prometheus text of this instant. */
  text(): Promise<string>
  readonly contentType: string
}

/** Gauges are read from the status when scraped: there is one truth, not two. */
export function createMetrics(status: () => Promise<Status>, traffic: () => CallCounts): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'holdfast_' })
  const gauges = groupGauges.map(({ name, help, labels, read }) => ({
    read,
    gauge: new Gauge({
      ...{ name: `holdfast_${name}`, help, labelNames: ['group', ...labels] },
      registers: [registry],
    }),
  }))
  const showTraffic = trafficMetrics(registry)
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
      showTraffic(traffic())
      return registry.metrics()
    },
  }
}

/** Calls to the workspaces; a restart begins at zero, as Prometheus expects of counters. */
function trafficMetrics(registry: Registry): (counts: CallCounts) => void {
  const calls = new Counter({
    name: 'holdfast_workspace_calls_total',
    help: 'Calls to a workspace by service and result; throttling is workspace.throttled',
    labelNames: ['member', 'service', 'result'],
    registers: [registry],
  })
  const circuit = new Gauge({
    name: 'holdfast_workspace_circuit_open',
    help: '1 while a member is left alone because it only fails',
    labelNames: ['member'],
    registers: [registry],
  })
  return (counts) => {
    calls.reset()
    for (const { labels, value } of counts.calls) calls.inc(labels, value)
    for (const [member, isOpen] of counts.circuits) circuit.set({ member }, isOpen ? 1 : 0)
  }
}

export function registerMetrics(app: FastifyInstance, metrics: Metrics): void {
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  )
}
