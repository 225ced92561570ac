import Table from 'cli-table3'
import { percentile } from '../../bench/latency.ts'
import type { OutageTimes } from './outages.ts'
import type { NoiseCount } from './quiet-years.ts'

const plain = { head: [], border: [] }

export function noiseTable(counts: readonly NoiseCount[], years: number): string {
  const table = new Table({
    head: [
      `${years} years of noise`,
      'troubles',
      'controller says down',
      'majority agrees',
      'automatic',
    ],
    colAligns: ['left', 'right', 'right', 'right', 'right'],
    style: plain,
  })
  for (const { name, troubles, verdicts, recommended, automatic } of counts)
    table.push([name, troubles, verdicts, recommended, automatic])
  return table.toString()
}

export function outageTable(timed: readonly OutageTimes[]): string {
  const table = new Table({
    head: ['outage', 'verdict', 'after (s)', 'missed', 'majority after (s)', 'automatic after (s)'],
    colAligns: ['left', 'left', 'right', 'right', 'right', 'right'],
    style: plain,
  })
  for (const { kind, trials, verdict, agreed, automatic } of timed) {
    table.push([
      ...[kind.name, kind.verdict, medianAndWorst(verdict), trials - verdict.length],
      ...[medianAndWorst(agreed), medianAndWorst(automatic)],
    ])
  }
  return table.toString()
}

function medianAndWorst(seconds: readonly number[]): string {
  if (seconds.length === 0) return 'never'
  return `${percentile(seconds, 0.5).toFixed(1)} / ${Math.max(...seconds).toFixed(1)}`
}
