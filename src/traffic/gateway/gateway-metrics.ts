import { Gauge, Histogram, Registry, Counter as Total } from 'prom-client'
import type { GatewayStatus } from './gateway-status.ts'

export interface GatewayMetrics {
  observe(to: string, seconds: number): void
  /** Prometheus text. */
  text(): Promise<string>
  readonly contentType: string
}

const prefix = 'holdfast_gateway_'

/** `GET /_gateway/metrics`: what the status says, as it is at that moment, and how long requests took. */
export function gatewayMetrics(status: () => GatewayStatus): GatewayMetrics {
  const registry = new Registry()
  const seconds = new Histogram({
    name: `${prefix}request_seconds`,
    help: 'Time from a whole request to the end of its answer.',
    labelNames: ['to'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  })
  const totals = [
    ['requests', 'Requests that had a route.'],
    ['failed', 'Requests whose caller got no answer of an upstream, or half of one.'],
    ['retried', 'Requests that were sent a second time.'],
    ['serverErrors', 'Answers of 500 and above that were passed on.'],
  ] as const
  for (const [key, help] of totals) {
    new Total({
      name: `${prefix}${key.replace(/[A-Z]/, (letter) => `_${letter.toLowerCase()}`)}_total`,
      help,
      labelNames: ['to'],
      registers: [registry],
      collect() {
        this.reset()
        for (const [to, counter] of Object.entries(status().endpoints)) {
          this.inc({ to }, counter[key])
        }
      },
    })
  }
  const gauge = (
    name: string,
    help: string,
    labels: readonly string[],
    values: (status: GatewayStatus) => readonly (readonly [Record<string, string>, number])[],
  ): void => {
    new Gauge({
      name: `${prefix}${name}`,
      help,
      labelNames: labels,
      registers: [registry],
      collect() {
        this.reset()
        for (const [label, value] of values(status())) this.set(label, value)
      },
    })
  }
  gauge('in_flight', 'Requests under way.', ['to'], ({ endpoints }) =>
    Object.entries(endpoints).map(([to, { inFlight }]) => [{ to }, inFlight]),
  )
  gauge('epoch', 'Epoch that is followed; absent: none was ever seen.', [], ({ epoch }) =>
    epoch === undefined ? [] : [[{}, epoch]],
  )
  gauge('active', '1 for the member that leads.', ['member'], ({ members, active }) =>
    Object.keys(members).map((member) => [{ member }, member === active ? 1 : 0]),
  )
  gauge(
    'aside',
    '1 for members that do not answer and are asked last.',
    ['member'],
    ({ members }) =>
      Object.entries(members).map(([member, { asideUntil }]) => [{ member }, asideUntil ? 1 : 0]),
  )
  gauge('pointer_current', '0 while the pointer file cannot be followed.', [], ({ pointer }) => [
    [{}, pointer.state === 'current' ? 1 : 0],
  ])
  // Found once for each name: looking it up costs more than counting.
  const observers = new Map<string, (took: number) => void>()
  const observerOf = (to: string) => {
    const child = seconds.labels({ to })
    const observe = (took: number) => child.observe(took)
    observers.set(to, observe)
    return observe
  }
  return {
    observe: (to, took) => (observers.get(to) ?? observerOf(to))(took),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
