import { colours as pc } from '../colours.ts'
import { bytesText, countText, durationText } from '../text.ts'
import type { Screen } from './screen.ts'
import type { Stage } from './stage.ts'
import type { Ending, Summary } from './story.ts'

export function showSummary(screen: Screen, summary: Summary): void {
  const { protection, outage, proof, job, report } = summary
  const time = (ms: number | null) => (ms === null ? 'unknown' : durationText(ms))
  screen.headline('Summary')
  const rows: readonly (readonly [string, string])[] = [
    [
      'protected',
      `${countText(protection.objects, 'object')}, ${bytesText(protection.bytes)}, each re-read and found equal`,
    ],
    [
      'outage',
      `detected in ${time(outage.detectedAfterMs)}, failed over in ${time(outage.failoverMs)}`,
    ],
    [
      'objectives',
      `RTA ${time(report.rtaMs)} of ${time(report.rtoMs)}, RPA ${time(report.rpaMs)} of ${time(report.rpoMs)}`,
    ],
    [
      'requests',
      `${proof.traffic.failed} of ${proof.traffic.sent} failed, longest gap ${time(proof.traffic.longestGapMs)}`,
    ],
    ['training', `${job.job} went on from step ${job.firstStep} as ${job.runsAs}: ${job.status}`],
    ['history', `${proof.history.runs} runs, ${proof.history.points} metric points equal`],
    ['lost', lostText(summary)],
    ['report', report.html],
    ['everything in', summary.folder],
  ]
  const width = Math.max(...rows.map(([name]) => name.length)) + 2
  for (const [name, text] of rows) screen.line(text, pc.bold(name.padEnd(width)))
  screen.good(`done in ${summary.seconds} s`)
}

function lostText({ report, return: back }: Summary): string {
  const salvaged = new Set(back.salvaged)
  const lost = [...report.missing, ...report.unknown].filter((object) => !salvaged.has(object))
  const names = lost.length === 0 ? 'nothing' : lost.join(', ')
  return `${names}; ${countText(salvaged.size, 'object')} salvaged from eastus`
}

/** `--stay`: where everything is, until Ctrl-C. */
export async function stayUntilInterrupted(stage: Stage, ending: Ending): Promise<void> {
  const { screen, interrupted, folder } = stage
  const { regions, controller, gateway } = ending
  screen.headline('Everything keeps running until Ctrl-C')
  const rows: readonly (readonly [string, string])[] = [
    ['console', `${await controller.consoleLink()}  (opens once, within 10 minutes)`],
    ['gateway', gateway],
    ['eastus', regions.east.origin],
    ['westus', regions.west.origin],
    ['try', `cd ${folder} && node ${process.argv[1]} status`],
    ['link', `cd ${folder} && node ${process.argv[1]} console  (another link)`],
    ['outage', 'console, Settings: Cut off east; or end the process of a region with kill -9'],
    ...[regions.east, regions.west].map(
      ({ member, startArgs }) =>
        [
          `${member} back`,
          `cd ${folder} && node ${process.argv[1]} ${startArgs.join(' ')}`,
        ] as const,
    ),
  ]
  for (const [name, text] of rows) screen.line(text, pc.bold(name.padEnd(11)))
  if (interrupted.aborted) return
  await new Promise((resolve) => interrupted.addEventListener('abort', resolve, { once: true }))
}
