import type { Html } from './html.ts'

export const reportStyle: Html = {
  text: `
:root { --ink: #1a1d21; --paper: #fff; --faint: #5c6570; --line: #d9dee3;
  --good: #0b6b3a; --part: #8a5200; --bad: #a81c1c; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eaed; --paper: #16181c; --faint: #a3abb5; --line: #383d45;
    --good: #5fd08f; --part: #f0b45a; --bad: #ff8a80; }
}
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: var(--paper);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', sans-serif; }
main { max-width: 70rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.7rem; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
p { margin: .25rem 0 .75rem; }
.lead { font-size: 1.1rem; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 1rem 0; }
.facts dt { color: var(--faint); }
.facts dd { margin: 0; }
section { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
thead th { color: var(--faint); font-weight: 600; font-size: .85rem; overflow-wrap: normal; }
.short { white-space: nowrap; }
tbody th { font-weight: 500; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
code { font: .9em ui-monospace, 'SF Mono', Consolas, monospace; color: inherit; }
th code { color: var(--faint); }
.complete, .done { color: var(--good); }
.proof { color: var(--faint); font-size: .9rem; margin-top: 1.5rem; }
.partial, .skipped { color: var(--part); }
.failed { color: var(--bad); }
@page { size: A4; margin: 16mm 14mm; }
@media print {
  :root { --ink: #000; --paper: #fff; --faint: #444; --line: #bbb;
    --good: #000; --part: #000; --bad: #000; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  section { overflow: visible; }
  .summary { break-after: page; }
  thead { display: table-header-group; }
  tr, h2, h3 { break-inside: avoid; break-after: avoid-page; }
  tr { break-after: auto; }
}
`,
}
