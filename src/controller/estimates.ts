import { type Expectations, expectationsFor } from '../runbook/estimate.ts'
import type { Journal, Run } from '../runbook/journal.ts'
import { rehearsedAs } from '../runbooks/drill.ts'

export interface Estimates {
  /** As of the last refresh; nothing before the first one. */
  of(runbook: string): Expectations
  /** Reads the journal again: what has ended since counts from now on. */
  refresh(): Promise<void>
}

/** Passes have one step each, and their progress says more. */
const runbooks = ['failover', 'switchover', 'failback', 'reprotect', 'drill'] as const

/** Runs of each runbook that are looked at. */
const looked = 20

export function estimates(journal: Pick<Journal, 'list'>, group: string): Estimates {
  let known: ReadonlyMap<string, Expectations> = new Map()
  return {
    of: (runbook) => known.get(runbook) ?? new Map(),
    refresh: async () => {
      const past: Run[] = []
      for (const runbook of runbooks)
        past.push(...(await journal.list({ group, runbook, limit: looked })))
      known = new Map(
        runbooks.map((runbook) => [runbook, expectationsFor(runbook, past, rehearsedAs)]),
      )
    },
  }
}
