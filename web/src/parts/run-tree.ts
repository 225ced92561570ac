import type { RunSummary } from '../../../src/api/detail-contract.ts'

/** Newest first, each followed by its children; a child whose parent was not read stands alone. */
export function runTree(runs: readonly RunSummary[]): { run: RunSummary; depth: number }[] {
  const known = new Set(runs.map(({ run }) => run))
  const children = new Map<string | null, RunSummary[]>()
  for (const run of runs) {
    const parent = run.parent !== null && known.has(run.parent) ? run.parent : null
    children.set(parent, [...(children.get(parent) ?? []), run])
  }
  const when = ({ startedAt, modifiedAt }: RunSummary) => startedAt ?? modifiedAt
  const below = (parent: string | null, depth: number): { run: RunSummary; depth: number }[] =>
    (children.get(parent) ?? [])
      .sort((a, b) => (when(a) < when(b) ? 1 : -1))
      .flatMap((run) => [{ run, depth }, ...below(run.run, depth + 1)])
  return below(null, 0)
}
