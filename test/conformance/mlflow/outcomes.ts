import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What the plugin noted of one test. */
export interface Outcome {
  readonly outcome: 'passed' | 'failed' | 'skipped'
  readonly why?: string
  /** Requests that reached the region; a test without any says nothing about it. */
  readonly calls?: number
}

interface Reason {
  readonly reason: string
  /** Names of test functions. */
  readonly tests: readonly string[]
}

const reasons = JSON.parse(
  readFileSync(join(import.meta.dirname, 'reasons.json'), 'utf8'),
) as Reason[]

const functionOf = (nodeId: string) => /::(\w+)/.exec(nodeId)?.[1] ?? nodeId

/**
 * Prints counts, and each failure under its reason. False when a test fails without a reason, or, in a
 * run of the whole suite, when a reason is given for a test that passes.
 */
export function report(
  outcomes: Readonly<Record<string, Outcome>>,
  isWhole: boolean,
  print: (line: string) => void,
): boolean {
  const all = Object.entries(outcomes).map(([id, outcome]) => ({ id, ...outcome }))
  const ofRegion = all.filter(({ calls = 0 }) => calls > 0)
  const failed = ofRegion.filter(({ outcome }) => outcome === 'failed')
  const reasonOf = new Map(
    reasons.flatMap(({ reason, tests }) => tests.map((test) => [test, reason])),
  )
  for (const { reason, tests } of reasons) {
    const those = failed.filter(({ id }) => tests.includes(functionOf(id)))
    if (those.length === 0) continue
    print(`\n${those.length} failed: ${reason}`)
    for (const { id } of those) print(`  ${id.split('::')[1]}`)
  }
  const unexplained = failed.filter(({ id }) => !reasonOf.has(functionOf(id)))
  for (const { id, why } of unexplained) print(`\nFAILED without a reason: ${id}\n  ${why}`)
  const failing = new Set(failed.map(({ id }) => functionOf(id)))
  const stale = isWhole ? [...reasonOf.keys()].filter((test) => !failing.has(test)) : []
  for (const test of stale) print(`\n${test} passes: take its reason away`)
  const count = (outcome: Outcome['outcome']) =>
    ofRegion.filter((one) => one.outcome === outcome).length
  print(`\n${all.length - ofRegion.length} tests of MLflow's own parts never asked the region.`)
  print(`${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`)
  return unexplained.length === 0 && stale.length === 0
}
