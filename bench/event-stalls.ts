import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { processUse } from '../src/region/testing/process-use.ts'
import type { BenchContext, Figure } from './bench.ts'
import { missed, readEvents, type Served, stall } from './event-readers.ts'
import { percentile } from './latency.ts'

const perSecond = 50
const readers = 200

/**
 * Far more events than a controller ever has, to 200 that read and as many that never do: what they
 * cost in memory, and what the others notice of them.
 */
export async function measureStalled({ full, note }: BenchContext): Promise<Figure[]> {
  const seconds = full ? 60 : 10
  note(`${readers} readers at ${perSecond} events a second for ${seconds} s`)
  const well = await measure(seconds, 0)
  note('the same, and as many readers that stand still')
  const burdened = await measure(seconds, readers)
  return [
    {
      ...{ what: `${perSecond} events a second to ${readers} readers: delay, p99` },
      ...{ value: percentile(well.delaysMs, 0.99), unit: 'ms' },
    },
    {
      ...{ what: `${readers} more that never read: delay of the others, p99`, unit: 'ms' },
      value: percentile(burdened.delaysMs, 0.99),
    },
    {
      ...{ what: 'the same: events that the others missed', unit: 'events', atMost: 0 },
      value: burdened.lost,
    },
    {
      ...{ what: 'the same: memory of the server, peak', value: burdened.peakMb, unit: 'MB' },
      beside: { what: 'without them', value: well.peakMb },
    },
  ]
}

async function measure(seconds: number, stalled: number) {
  const script = fileURLToPath(new URL('event-source.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', script, String(perSecond)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  try {
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
    const server = JSON.parse(line) as Served & { readonly pid: number }
    const reading = await Promise.all(Array.from({ length: readers }, () => readEvents(server)))
    const leave = await Promise.all(Array.from({ length: stalled }, () => stall(server)))
    await delay(seconds * 1000)
    const newest = Math.min(...reading.map(({ numbers }) => numbers.at(-1) ?? 0))
    const result = {
      delaysMs: reading.flatMap(({ delaysMs }) => delaysMs),
      lost: reading.reduce((sum, reader) => sum + missed(reader, newest), 0),
      peakMb: processUse(server.pid)?.peakMb ?? Number.NaN,
    }
    for (const reader of reading) reader.close()
    for (const one of leave) one()
    return result
  } finally {
    child.stdin.end()
    await exited
  }
}
