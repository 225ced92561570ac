import Table from 'cli-table3'
import { percentile } from '../../bench/latency.ts'
import type { RoundResult } from './round.ts'

export const isClean = (round: RoundResult): boolean =>
  [round.lostUnreported, round.jobsLost, round.jobsDoubled, round.contradictions].every(
    (list) => list.length === 0,
  )

export function tableOf(rounds: readonly RoundResult[], seed: number): string {
  const table = new Table({ style: { head: [], border: [] }, colAligns: ['left', 'right'] })
  const all = (pick: (round: RoundResult) => readonly string[]) => rounds.flatMap(pick)
  const gaps = rounds.map(({ gapMs }) => gapMs)
  const acknowledged = rounds.reduce((sum, round) => sum + round.acknowledged, 0)
  table.push(
    ['rounds that came to rest', rounds.length],
    ['misfortunes', all(({ misfortunes }) => misfortunes).length],
    ['writes acknowledged', acknowledged],
    ['objects lost and not reported', all(({ lostUnreported }) => lostUnreported).length],
    ['objects lost, named in a report', all(({ lostReported }) => lostReported).length],
    ['jobs lost', all(({ jobsLost }) => jobsLost).length],
    ['jobs doubled', all(({ jobsDoubled }) => jobsDoubled).length],
    ['jobs that ran on in a cut-off region', new Set(all(({ jobsRanOn }) => jobsRanOn)).size],
    ['two primaries, or a way back', all(({ contradictions }) => contradictions).length],
    ['time without an answer, median', `${Math.round(percentile(gaps, 0.5))} ms`],
    ['time without an answer, longest', `${Math.round(Math.max(...gaps))} ms`],
  )
  return `${table.toString()}\nseed ${seed}`
}
