import { targetOf } from '../src/traffic/testing/endpoint-contract.ts'
import type { Bench, BenchContext, Figure } from './bench.ts'
import { lostDuring, paced, saturate } from './gateway-load.ts'
import {
  type MeasuredProxy,
  type Programs,
  requirePrograms,
  startGateway,
  startHaproxy,
  startNginx,
  startUpstream,
  type Upstream,
  usageOf,
} from './gateway-proxies.ts'
import { percentile } from './latency.ts'

/**
 * The gateway beside HAProxy and nginx: same machine, same core, same upstream, in turns, so that
 * whatever else the machine does hits all three alike.
 */
export const gateway: Bench = {
  name: 'gateway',
  what: 'the gateway beside HAProxy and nginx: requests per second, delay, memory, requests lost',
  async run(context) {
    const programs = requirePrograms()
    const running: { stop(): Promise<void> }[] = []
    const keep = async <T extends { stop(): Promise<void> }>(started: Promise<T>): Promise<T> => {
      const one = await started
      running.push(one)
      return one
    }
    try {
      const { dir } = context
      const upstreams = [
        await keep(startUpstream(programs, dir, 'east')),
        await keep(startUpstream(programs, dir, 'west')),
      ]
      const proxies = [
        await keep(startHaproxy(programs, dir, upstreams)),
        await keep(startNginx(programs, dir, upstreams)),
        await keep(startGateway(dir, upstreams)),
      ]
      for (const { endpoint } of proxies) {
        await endpoint.switchTo({ member: 'east', epoch: 1 }, targetOf('east'))
      }
      return [
        ...(await throughput(programs, proxies, context)),
        ...(await delay(proxies, upstreams, context)),
        ...(await losses(proxies, upstreams, context)),
      ]
    } finally {
      await Promise.allSettled(running.map((one) => one.stop()))
    }
  },
}

async function throughput(
  programs: Programs,
  proxies: readonly MeasuredProxy[],
  { full, dir, note }: BenchContext,
): Promise<Figure[]> {
  const rounds = full ? 5 : 2
  const seconds = full ? 10 : 3
  const totals = new Map(proxies.map(({ name }) => [name, { requests: 0, seconds: 0, cpu: 0 }]))
  const memory = new Map<string, number>()
  for (let round = 0; round <= rounds; round++) {
    for (const proxy of proxies) {
      const before = usageOf(proxy)
      const { requests, seconds: took, errors } = await saturate(programs, dir, proxy.url, seconds)
      if (errors > 0) throw new Error(`${proxy.name}: ${errors} requests failed`)
      const after = usageOf(proxy)
      memory.set(proxy.name, after.memoryMb)
      // The first round only warms up.
      const total = totals.get(proxy.name)
      if (round === 0 || total === undefined) continue
      total.requests += requests
      total.seconds += took
      total.cpu += after.cpuSeconds - before.cpuSeconds
      note(`${proxy.name}: ${Math.round(requests / took)} requests per second`)
    }
  }
  const rate = (name: string) => ratio(totals.get(name)?.requests, totals.get(name)?.seconds)
  const perCpu = (name: string) => ratio(totals.get(name)?.requests, totals.get(name)?.cpu)
  const figures: Figure[] = []
  for (const peer of ['HAProxy', 'nginx']) {
    const isBudget = peer === 'HAProxy'
    const besideRate = { what: peer, value: rate(peer) }
    const besideCpu = { what: peer, value: perCpu(peer) }
    figures.push(
      {
        what: 'requests per second',
        value: rate('gateway'),
        unit: '1/s',
        beside: besideRate,
        ...(isBudget && { atLeast: rate(peer) / 2 }),
      },
      {
        what: 'requests per second of its CPU time',
        value: perCpu('gateway'),
        unit: '1/s',
        beside: besideCpu,
      },
      {
        what: 'memory under load',
        value: memory.get('gateway') ?? Number.NaN,
        unit: 'MB',
        beside: { what: peer, value: memory.get(peer) ?? Number.NaN },
      },
    )
  }
  return figures
}

const ratio = (a = Number.NaN, b = Number.NaN): number => a / b

async function delay(
  proxies: readonly MeasuredProxy[],
  upstreams: readonly Upstream[],
  { full, note }: BenchContext,
): Promise<Figure[]> {
  const perSecond = 200
  const seconds = full ? 60 : 15
  const targets = [
    ...upstreams.slice(0, 1).map(({ origin }) => ({ name: 'upstream', url: `${origin}/score` })),
    ...proxies,
  ]
  note(`delay at ${perSecond} requests per second for each, ${seconds} s`)
  const times = await paced(
    targets.map(({ url }) => url),
    perSecond,
    seconds,
  )
  const at = (name: string, share: number) =>
    percentile(times[targets.findIndex((target) => target.name === name)] ?? [], share)
  const shares = [
    ['p50', 0.5],
    ['p99', 0.99],
    ['p999', 0.999],
  ] as const
  return shares.flatMap(([label, share]): Figure[] => [
    {
      what: `delay added, ${label}, at ${perSecond} requests per second`,
      value: at('gateway', share) - at('upstream', share),
      unit: 'ms',
      ...(label === 'p99' && { atMost: 2 }),
      beside: { what: 'HAProxy', value: at('HAProxy', share) - at('upstream', share) },
    },
  ])
}

async function losses(
  proxies: readonly MeasuredProxy[],
  upstreams: readonly Upstream[],
  { note }: BenchContext,
): Promise<Figure[]> {
  const figures: Figure[] = []
  const measure = async (what: string, proxy: MeasuredProxy, change: () => Promise<void>) => {
    const { asked, lost, gapMs } = await lostDuring(proxy.url, change)
    note(`${proxy.name}, ${what}: ${lost} of ${asked} lost, longest gap ${gapMs.toFixed(0)} ms`)
    const isOurs = proxy.name === 'gateway'
    figures.push(
      {
        what: `${proxy.name}: requests lost, ${what}`,
        value: lost,
        unit: 'x',
        ...(isOurs && { atMost: 0 }),
      },
      { what: `${proxy.name}: longest gap, ${what}`, value: gapMs, unit: 'ms' },
    )
  }
  for (const proxy of proxies) {
    await measure('planned switch', proxy, () =>
      proxy.endpoint.switchTo({ member: 'west', epoch: 2 }, targetOf('west')),
    )
  }
  for (const proxy of proxies) {
    await proxy.endpoint.switchTo({ member: 'east', epoch: 3 }, targetOf('east'))
  }
  // All at once: the region goes down for all of them, and each is led away when its turn comes.
  let isKilled = false
  const killOnce = () => {
    if (!isKilled) upstreams[0]?.kill()
    isKilled = true
  }
  await Promise.all(
    proxies.map((proxy) =>
      measure('region killed, then switched', proxy, async () => {
        killOnce()
        await new Promise((resolve) => setTimeout(resolve, 300))
        await proxy.endpoint.switchTo({ member: 'west', epoch: 4 }, targetOf('west'))
      }),
    ),
  )
  return figures
}
