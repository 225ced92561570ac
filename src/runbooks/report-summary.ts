import { type Html, html, join } from './html.ts'
import type { Recovery, Report } from './report.ts'
import { duration, time } from './report-format.ts'

/** The first page: what a reader who turns no page has to know. */
export function summarySection(report: Report): Html {
  return html`<div class="summary">
${report.recovery === null ? null : recoverySection(report.recovery)}
${whatStands(report)}
<p class="proof">This page and <code>${report.run}.json</code> are signed in
<code>${report.run}.json.sig</code>; check with <code>holdfast report verify</code>.</p>
</div>`
}

function whatStands(report: Report): Html {
  const { objects, jobs, fence, people = [], timeline } = report
  const notDone = timeline.filter(({ status }) => status !== 'done')
  const rows: readonly [string, string, boolean][] = [
    ['Objects proven', String(objects.provenCount), true],
    ['Missing, unknown, in conflict', lossText(report), lostCount(report) === 0],
    ['Left out by the plan', String(objects.skipped.length), true],
    ...(report.type === 'drill'
      ? rehearsalRows(report)
      : ([
          ['Open jobs', String(jobs.length), true],
          ['… of them run again', String(jobs.filter((job) => job.resubmittedAs).length), true],
          [
            'What the old side may still do',
            exposureText(fence.exposure.length),
            fence.exposure.length === 0,
          ],
        ] as [string, string, boolean][])),
    [
      'Steps',
      `${timeline.length - notDone.length} of ${timeline.length} done`,
      notDone.length === 0,
    ],
    ['People', peopleText(people), true],
  ]
  return html`<section><h2>In short</h2><table><tbody>${join(
    rows.map(
      ([name, text, isGood]) =>
        html`<tr><th scope="row">${name}</th><td class="${isGood ? 'plain' : 'partial'}">${text}</td></tr>`,
    ),
  )}</tbody></table></section>`
}

function rehearsalRows({ drill, endpoints }: Report): [string, string, boolean][] {
  const { sample, jobs, left } = drill ?? {
    sample: { equal: 0, different: [] },
    jobs: [],
    left: [],
  }
  const answering = endpoints.filter(({ answers }) => answers).length
  const started = jobs.filter((job) => job.started).length
  const read = sample.equal + sample.different.length
  return [
    [
      'Endpoints that answered',
      `${answering} of ${endpoints.length}`,
      answering === endpoints.length,
    ],
    ['Jobs that started', `${started} of ${jobs.length}`, started === jobs.length],
    ['Read again and equal', `${sample.equal} of ${read}`, sample.different.length === 0],
    ['Left behind', String(left.length), left.length === 0],
  ]
}

const lostCount = ({ objects: { missing, unknown, conflict } }: Report) =>
  missing.length + unknown.length + conflict.length

function lossText({ objects }: Report): string {
  return [objects.missing, objects.unknown, objects.conflict].map(({ length }) => length).join(', ')
}

const exposureText = (count: number) =>
  count === 0 ? 'nothing: it was fenced' : `${count}, listed under Exposure`

function peopleText(people: NonNullable<Report['people']>): string {
  const names = [...new Set(people.map(({ by }) => by))]
  return names.length === 0 ? 'nobody: decided by the controller' : names.join(', ')
}

function recoverySection(recovery: Recovery): Html {
  const row = (
    name: string,
    objectiveMs: number,
    measuredMs: number | null,
    atLeast = false,
  ): Html => {
    const within = measuredMs !== null && measuredMs <= objectiveMs
    const met = within && !atLeast
    const verdict = met ? 'met' : within ? 'not known to be met' : 'not met'
    return html`<tr><th scope="row">${name}</th><td>${duration(objectiveMs)}</td>
<td>${measuredMs === null ? 'unknown' : `${atLeast ? 'at least ' : ''}${duration(measuredMs)}`}</td>
<td class="${met ? 'complete' : 'failed'}">${verdict}</td></tr>`
  }
  return html`<section><h2>Objectives and measurements</h2>
<table><thead><tr><th>What</th><th>Objective</th><th>Measured</th><th></th></tr></thead><tbody>
${row('Recovery time', recovery.rtoMs, recovery.rtaMs, recovery.atLeast)}
${row('Recovery point', recovery.rpoMs, recovery.rpaMs)}
</tbody></table>
<p>Time counts from ${
    recovery.detectedAt === null
      ? html`the decision at ${time(recovery.decidedAt)}`
      : html`the first probe without an answer at ${time(recovery.detectedAt)}`
  } to the last step that moved traffic. ${
    recovery.atLeast
      ? html`Nobody had asked the source right before, so its outage may be older; ${
          recovery.lastAnswerAt == null
            ? 'no answer of it is known'
            : html`its last known answer was at ${time(recovery.lastAnswerAt)}`
        }. `
      : null
  }${
    recovery.unknownSince === null
      ? 'No pass had proven everything in scope before.'
      : html`What was written at the source between ${time(recovery.unknownSince)} and
${time(recovery.unknownUntil)} and is not listed here is unknown until the source returns.`
  }</p></section>`
}
