import type { ObjectId } from '../model/object-id.ts'
import type { ContinuityPlan } from './continuity-plan.ts'
import { matchesRule } from './strategy-of.ts'

type Plan = Pick<ContinuityPlan, 'priority'>

/** What no line of the plan names. */
export const last = Number.POSITIVE_INFINITY

/** 0 for what the first line of the plan names; `last` for what none names. */
export function priorityOf({ priority = [] }: Plan, id: ObjectId): number {
  const found = priority.findIndex((rule) => matchesRule(rule, id))
  return found === -1 ? last : found
}

/** As `priorityOf`; a line for its experiment holds for a run as well. */
export function priorityOfRun(
  plan: Plan,
  { runId, experimentName }: { readonly runId: string; readonly experimentName: string },
): number {
  return Math.min(
    priorityOf(plan, { kind: 'run', path: [runId] }),
    priorityOf(plan, { kind: 'experiment', path: [experimentName] }),
  )
}

/** What goes together, group after group; inside a group in the order given. */
export function inPriority<T>(items: readonly T[], rank: (item: T) => number): T[][] {
  const groups = new Map<number, T[]>()
  for (const item of items) {
    const group = groups.get(rank(item))
    if (group) group.push(item)
    else groups.set(rank(item), [item])
  }
  // Two infinities have no difference.
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group)
}

/** The part of a glob before anything in it that may stand for something else. */
export function literalStart(glob: string): string {
  return /^[^*?[\]{}()!+@|\\]*/.exec(glob)?.[0] ?? ''
}
