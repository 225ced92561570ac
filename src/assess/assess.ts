import type { Finding, Readiness } from '../api/contract.ts'
import type { Inventory } from './inventory.ts'
import { rules } from './rules.ts'

/** Could we fail over now? Pure (D7). */
export function assess(inventory: Inventory): Pick<Readiness, 'verdict' | 'findings' | 'rules'> {
  const findings: Finding[] = Object.entries(rules).flatMap(([rule, look]) =>
    look(inventory).map((finding) => ({ ...finding, rule })),
  )
  return { verdict: verdictOf(findings), findings, rules: Object.keys(rules) }
}

function verdictOf(findings: readonly Finding[]): Readiness['verdict'] {
  if (findings.some(({ level }) => level === 'not-ready')) return 'not-ready'
  return findings.length > 0 ? 'degraded' : 'ready'
}
