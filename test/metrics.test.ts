import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { group } from '../src/cli/testing/scripted-controller.ts'
import { missingPrograms } from '../src/cli/testing/terminal.ts'
import { createMetrics } from '../src/controller/http/metrics.ts'

const alerts = join(import.meta.dirname, '..', 'deploy', 'prometheus', 'alerts.yaml')

const dashboard = join(import.meta.dirname, '..', 'deploy', 'grafana', 'holdfast.json')

const busy = {
  ...group,
  lastPass: null,
  counts: [
    {
      kind: 'model',
      inScope: 1,
      proven: 0,
      pending: 0,
      failed: 0,
      conflict: 1,
      apart: 0,
      bytes: 0,
    },
  ],
  readiness: { group: 'fraud', at: '', verdict: 'not-ready' as const, findings: [], rules: [] },
}
const calls = {
  labels: { member: 'east', service: 'arm', result: 'workspace.throttled' },
  value: 3,
}
const traffic = () => ({ calls: [calls], circuits: new Map([['east', true]]) })
const text = () =>
  createMetrics(async () => ({ version: '0', now: '', groups: [busy] }), traffic).text()

it('says what the status says, and nothing of what is unknown', async () => {
  const lines = (await text()).split('\n')
  expect(lines).toEqual(
    expect.arrayContaining([
      'holdfast_replication_lag_seconds{group="fraud"} 90',
      'holdfast_objective_rpo_seconds{group="fraud"} 300',
      'holdfast_verdict{group="fraud",recommendation="failover"} 1',
      'holdfast_verdict{group="fraud",recommendation="wait"} 0',
      'holdfast_protection{group="fraud",state="partial"} 1',
      'holdfast_objects{group="fraud",kind="model",state="conflict"} 1',
      'holdfast_workspace_calls_total{member="east",service="arm",result="workspace.throttled"} 3',
      'holdfast_workspace_circuit_open{member="east"} 1',
    ]),
  )
  expect(lines.filter((line) => line.startsWith('holdfast_last_pass'))).toEqual([])
})

it('has every metric and label value that the alert rules ask for', async () => {
  const { groups } = parse(readFileSync(alerts, 'utf8')) as {
    groups: { rules: { alert: string; expr: string; annotations: { remedy: string } }[] }[]
  }
  const shown = await text()
  const rules = groups.flatMap(({ rules: all }) => all)
  expect(rules.length).toBeGreaterThan(0)
  for (const { alert, expr, annotations } of rules) {
    expect(annotations.remedy, alert).toContain('holdfast ')
    for (const [, name = '', , label, values = ''] of expr.matchAll(
      /(holdfast_\w+)(\{(\w+)=~?"([^"]+)"\})?/g,
    )) {
      expect(shown, alert).toContain(`\n${name}{`)
      for (const value of label === undefined ? [] : values.split('|'))
        expect(shown, alert).toMatch(new RegExp(`^${name}\\{.*${label}="${value}"`, 'm'))
    }
  }
})

it('has every metric that the dashboard of Grafana shows', async () => {
  const { panels } = JSON.parse(readFileSync(dashboard, 'utf8')) as {
    panels: { title: string; targets: { expr: string }[] }[]
  }
  const known = [...(await text()).matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name]) => name)
  for (const { title, targets } of panels) {
    const asked = targets.flatMap(({ expr }) => expr.match(/holdfast_\w+/g) ?? [])
    expect(asked.length, title).toBeGreaterThan(0)
    for (const name of asked) expect(known, title).toContain(name)
  }
})

const missing = missingPrograms('ALERT RULES WITH PROMTOOL', ['promtool'])

it.skipIf(missing.length > 0)('has alert rules that Prometheus takes', () => {
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', alerts], {
    encoding: 'utf8',
  })
  expect(status, `${stdout}${stderr}`).toBe(0)
})
