import { type Html, html, join } from './html.ts'
import type { DrillResult } from './report.ts'

export function drillSection({ jobs, sample, removed, left }: DrillResult): Html {
  const rows = jobs.map(
    (job) => html`<tr><td><code>${job.job}</code></td><td><code>${job.copy}</code></td>
<td><code>${job.checkpoint ?? ''}</code></td>
<td class="${job.started ? 'done' : 'failed'}">${job.detail}</td></tr>`,
  )
  const different = sample.different.map(
    (one) => html`<li><code>${one.object}</code>: ${one.message} (${one.code})</li>`,
  )
  return html`<section><h2>Rehearsal</h2>
<p>Traffic, schedules and replication were not touched. Deployments ran at their smallest size.</p>
<p>Read again at the secondary: ${sample.equal + sample.different.length} proven objects, of which
${sample.equal} are what the ledger says.</p>
<ul>${join(different)}</ul>
${
  jobs.length === 0
    ? null
    : html`<table><thead><tr><th>Job</th><th>Its copy</th><th>From checkpoint</th><th>What was found</th></tr></thead>
<tbody>${join(rows)}</tbody></table>`
}
<p>Clean-up: ${removed.length} objects removed, ${
    left.length === 0
      ? 'nothing left behind'
      : html`<strong class="failed">${left.length} left</strong>`
  }.</p>
<ul>${join(left.map((name) => html`<li><code>${name}</code></li>`))}</ul></section>`
}
