import type { Run } from '../runbook/journal.ts'
import type { RunEvent } from '../runbook/run-state.ts'
import { type Html, html, join } from './html.ts'
import type { PersonsAct } from './report.ts'
import { time } from './report-format.ts'

/** Everything that somebody said to a run: what the journal holds with a name. */
export function actsOf(run: Run | undefined, events: readonly RunEvent[]): PersonsAct[] {
  const input = run?.header.input as { readonly by?: unknown } | undefined
  const asked =
    run !== undefined && typeof input?.by === 'string'
      ? [{ at: run.header.acceptedAt, by: input.by, what: 'asked', step: null, detail: null }]
      : []
  return [...asked, ...events.flatMap(actOf)]
}

function actOf(event: RunEvent): PersonsAct[] {
  const { at, type, by, step, ...more } = event as RunEvent & Record<string, unknown>
  // `answered` sums up the answers, each of which is here with its person.
  if (typeof by !== 'string' || type === 'answered') return []
  const detail = Object.entries(more)
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ')
  return [
    {
      ...{ at, by, what: type, step: typeof step === 'string' ? step : null },
      detail: detail === '' ? null : detail,
    },
  ]
}

export function peopleSection(people: readonly PersonsAct[]): Html | null {
  if (people.length === 0) return null
  const rows = people.map(
    ({ at, by, what, step, detail }) => html`<tr><td class="short">${time(at)}</td><td>${by}</td>
<td>${what}</td><td>${step === null ? '' : html`<code>${step}</code>`}</td><td>${detail ?? ''}</td></tr>`,
  )
  return html`<section><h2>People</h2><table><thead><tr><th>When</th><th>Who</th><th>What</th>
<th>Step</th><th></th></tr></thead><tbody>${join(rows)}</tbody></table></section>`
}
