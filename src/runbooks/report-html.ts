import type { JobRow, LedgerRow, Readiness } from '../api/contract.ts'
import { type Html, html, join } from './html.ts'
import type { Report } from './report.ts'
import { drillSection } from './report-drill.ts'
import { time, took } from './report-format.ts'
import { peopleSection } from './report-people.ts'
import { reportStyle } from './report-style.ts'
import { summarySection } from './report-summary.ts'

const rowLimit = 500
const titles: Record<Report['type'], string> = {
  failover: 'Failover',
  switchover: 'Switchover',
  failback: 'Failback',
  reprotect: 'Re-protection',
  drill: 'Drill',
}

/** One page without script or outside resources; names in it are anybody's, so all is escaped. */
export function reportToHtml(report: Report): string {
  const title = `${titles[report.type]} of ${report.group}`
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${reportStyle}</style>
</head>
<body>
<main>
<header>
<h1>${title}</h1>
<p class="lead">${report.from} → ${report.to}, epoch ${report.epoch},
<strong class="${report.outcome}">${report.outcome}</strong></p>
<dl class="facts">
<dt>Started</dt><dd>${time(report.startedAt)}</dd>
<dt>Replication point</dt><dd>${report.replicationPoint === null ? 'none' : time(report.replicationPoint)}</dd>
<dt>Report written</dt><dd>${time(report.writtenAt)}</dd>
<dt>Run</dt><dd><code>${report.run}</code></dd>
</dl>
</header>
${summarySection(report)}
${peopleSection(report.people ?? [])}
${report.drill === undefined ? null : drillSection(report.drill)}
${readinessSection(report.readiness ?? null)}
${lossSection(report)}
${timelineSection(report)}
${jobSection(report)}
${exposureSection(report)}
${trafficSection(report)}
${coldSection(report)}
${salvageSection(report)}
${countSection(report)}
</main>
</body>
</html>
`.text
}

function readinessSection(readiness: Readiness | null): Html | null {
  if (readiness === null) return null
  const { verdict, at, findings } = readiness
  const rows = findings.map(
    ({ level, sentence, evidence }) =>
      html`<tr><td class="failed short">${level}</td><td>${sentence}</td><td>${evidence.join('; ')}</td></tr>`,
  )
  return html`<section><h2>Readiness before</h2><p>${verdict}, looked at ${time(at)}.</p>
${rows.length === 0 ? null : html`<table><tbody>${join(rows)}</tbody></table>`}</section>`
}

function lossSection({ objects }: Report): Html {
  const parts = [
    objectTable('Missing', 'Seen at the source, not standing at the target.', objects.missing),
    objectTable(
      'Unknown',
      'Standing at the target, not proven equal to what the source had last.',
      objects.unknown,
    ),
    objectTable('In conflict', 'Both sides have their own; neither was touched.', objects.conflict),
    objectTable(
      'Kept apart by decision',
      'Both sides keep their own, because somebody decided so.',
      objects.apart ?? [],
    ),
  ]
  const lost = objects.missing.length + objects.unknown.length + objects.conflict.length
  return html`<section><h2>Objects</h2>
<p>${objects.provenCount} proven, ${objects.missing.length} missing,
${objects.unknown.length} unknown, ${objects.conflict.length} in conflict,
${objects.skipped.length} left out by the plan. ${
    lost === 0 ? 'Nothing that was seen at the source is missing.' : null
  }</p>
${join(parts)}</section>`
}

function objectTable(name: string, meaning: string, rows: readonly LedgerRow[]): Html | null {
  if (rows.length === 0) return null
  return html`<h3>${name}</h3><p>${meaning}</p>
<table><thead><tr><th>Object</th><th>State</th><th>Why</th><th>Bytes</th><th>Seen</th></tr></thead>
<tbody>${join(
    rows.slice(0, rowLimit).map(
      (row) => html`<tr><td><code>${row.object}</code></td><td>${row.state}</td>
<td>${row.error === null ? '' : `${row.error.message} (${row.error.code})`}</td>
<td class="number">${row.bytes}</td><td>${time(row.at)}</td></tr>`,
    ),
  )}</tbody></table>${more(rows.length)}`
}

function timelineSection({ timeline }: Report): Html {
  return html`<section><h2>Timeline</h2>
<table><thead><tr><th>Step</th><th>Ended</th><th>Began</th><th>Took</th><th>What was found</th></tr>
</thead><tbody>${join(
    timeline.map(
      (step) => html`<tr><th scope="row">${step.title}<br><code>${step.id}</code></th>
<td class="${step.status} short">${step.status}</td>
<td class="short">${step.startedAt === null ? '' : time(step.startedAt)}</td>
<td class="number short">${took(step.startedAt, step.endedAt)}</td>
<td>${step.detail ?? ''}</td></tr>`,
    ),
  )}</tbody></table></section>`
}

function jobSection({ jobs, jobsCapturedAt }: Report): Html {
  const row = (job: JobRow): Html => html`<tr><td><code>${job.job}</code></td><td>${job.state}</td>
<td>${job.decision}</td><td>${job.resubmittedAs === null ? '' : html`<code>${job.resubmittedAs}</code>`}</td>
<td>${job.checkpoint === null ? '' : html`<code>${job.checkpoint}</code>`}</td><td>${job.reason}</td></tr>`
  return html`<section><h2>Jobs</h2>
<p>${
    jobsCapturedAt === null
      ? 'Open jobs were never captured; which ran is unknown.'
      : html`Open jobs as of ${time(jobsCapturedAt)}: ${jobs.length}.`
  }</p>
${
  jobs.length === 0
    ? null
    : html`<table><thead><tr><th>Job</th><th>Was</th><th>Decision</th><th>Runs as</th>
<th>From checkpoint</th><th>Reason</th></tr></thead>
<tbody>${join(jobs.slice(0, rowLimit).map(row))}</tbody></table>${more(jobs.length)}`
}</section>`
}

function exposureSection({ fence, from }: Report): Html | null {
  if (fence.exposure.length === 0 && fence.fenced.length === 0) return null
  return html`<section><h2>Exposure</h2>${
    fence.exposure.length === 0
      ? html`<p>None: ${from} was fenced.</p>`
      : html`<p>What ${from} may still do, because it could not be fenced:</p>
<ul>${join(fence.exposure.map((sentence) => html`<li>${sentence}</li>`))}</ul>`
  }</section>`
}

function trafficSection({ stableEndpoints, endpoints }: Report): Html | null {
  if (stableEndpoints.length === 0 && endpoints.length === 0) return null
  return html`<section><h2>Endpoints</h2><table><thead><tr><th>Name</th><th>State</th></tr></thead>
<tbody>${join(
    stableEndpoints.map(
      (one) =>
        html`<tr><td>${one.name}</td><td>${
          one.member === null ? 'leads nowhere' : `leads to ${one.member} in epoch ${one.epoch}`
        }</td></tr>`,
    ),
  )}${join(
    endpoints.map(
      (one) => html`<tr><td>${one.endpoint}</td>
<td class="${one.answers ? 'done' : 'failed'}">${one.detail}</td></tr>`,
    ),
  )}</tbody></table></section>`
}

function coldSection({ cold }: Report): Html | null {
  if (cold.created.length === 0 && cold.failed.length === 0) return null
  return html`<section><h2>Created at failover</h2><p>${cold.created.length} objects.</p>
${failures(cold.failed)}</section>`
}

function salvageSection({ salvage }: Report): Html | null {
  if (salvage === null) return null
  return html`<section><h2>Salvage</h2>
<p>${salvage.salvaged.length} objects that had not been copied before the outage were brought over.
${salvageConflicts(salvage.conflicts)}</p>
<ul>${join(salvage.salvaged.slice(0, rowLimit).map((name) => html`<li><code>${name}</code></li>`))}</ul>
${more(salvage.salvaged.length)}
${
  salvage.conflicts.length === 0
    ? null
    : html`<table><thead><tr><th>Other content on both sides</th><th>Where each version is</th></tr></thead><tbody>${join(
        salvage.conflicts.map(
          (one) => html`<tr><td><code>${one.object}</code></td><td>${one.detail}</td></tr>`,
        ),
      )}</tbody></table>`
}
${failures(salvage.failed)}</section>`
}

function salvageConflicts(conflicts: NonNullable<Report['salvage']>['conflicts']): string {
  const found = `${conflicts.length} had other content on both sides; both versions are kept.`
  if (conflicts.every(({ isListed }) => isListed === undefined)) return found
  const listed = conflicts.filter(({ isListed }) => isListed).length
  return `${found} ${listed} of them are in conflict now, as holdfast conflicts lists them.`
}

function failures(
  failed: readonly { readonly object: string; readonly code: string; readonly message: string }[],
): Html | null {
  if (failed.length === 0) return null
  return html`<table><thead><tr><th>Failed</th><th>Why</th></tr></thead><tbody>${join(
    failed.map(
      (one) =>
        html`<tr><td><code>${one.object}</code></td><td>${one.message} (${one.code})</td></tr>`,
    ),
  )}</tbody></table>`
}

function countSection({ counts }: Report): Html {
  return html`<section><h2>Counts per kind</h2>
<table><thead><tr><th>Kind</th><th>In scope</th><th>Proven</th><th>Pending</th><th>Failed</th>
<th>In conflict</th><th>Bytes</th></tr></thead><tbody>${join(
    counts.map(
      (one) => html`<tr><th scope="row">${one.kind}</th><td class="number">${one.inScope}</td>
<td class="number">${one.proven}</td><td class="number">${one.pending}</td>
<td class="number">${one.failed}</td><td class="number">${one.conflict}</td>
<td class="number">${one.bytes}</td></tr>`,
    ),
  )}</tbody></table></section>`
}

function more(count: number): Html | null {
  if (count <= rowLimit) return null
  return html`<p>${count - rowLimit} more are in the JSON report.</p>`
}
