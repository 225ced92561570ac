import type { Expectation } from '../api/contract.ts'
import type { Run } from './journal.ts'
import { isEnded, type RunState, type StepRecord } from './run-state.ts'

/** How long a step took before. */
interface Expected {
  readonly ms: number
  readonly runbook: string
  readonly runs: number
}

/** By id of the step; a step that never ran here is absent: nothing is made up. */
export type Expectations = ReadonlyMap<string, Expected>

/** Runs of a step that count, the newest ones. */
const counted = 10

/**
 * Pure: the median of each step over past runs of the same runbook, newest first. Where that one
 * never ran a step, another runbook's step of the same id does the same work, else the one that
 * `rehearsedAs` names does.
 */
export function expectationsFor(
  runbook: string,
  past: readonly Run[],
  rehearsedAs: ReadonlyMap<string, string> = new Map(),
): Expectations {
  const whole = past.filter(wentThrough)
  const others = [...new Set(whole.map(({ header }) => header.runbook))]
  const found = new Map<string, Expected>()
  for (const name of [runbook, ...others]) {
    const own = whole.filter(({ header }) => header.runbook === name)
    for (const [step, took] of durationsIn(own)) {
      const newest = took.slice(0, counted)
      if (!found.has(step))
        found.set(step, { ms: median(newest), runbook: name, runs: newest.length })
    }
  }
  for (const [step, rehearsal] of rehearsedAs) {
    const rehearsed = found.get(rehearsal)
    if (!found.has(step) && rehearsed !== undefined) found.set(step, rehearsed)
  }
  return found
}

/** One that failed and was gone on with says how long people slept, not how long its steps took. */
const wentThrough = ({ state }: Run): boolean =>
  state.status === 'done' && /^(complete|partial)$/.test(state.outcome) && state.endings === 0

function durationsIn(runs: readonly Run[]): Map<string, number[]> {
  const took = new Map<string, number[]>()
  for (const step of runs.flatMap(({ state }) => state.steps)) {
    const { id, status, startedAt, endedAt, wait } = step
    if (status !== 'done' || wait !== undefined || startedAt === null || endedAt === null) continue
    const ms = Math.max(0, Date.parse(endedAt) - Date.parse(startedAt))
    took.set(id, [...(took.get(id) ?? []), ms])
  }
  return took
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.slice((sorted.length - 1) >> 1, (sorted.length >> 1) + 1)
  return Math.round(middle.reduce((sum, each) => sum + each, 0) / middle.length)
}

type Planned = Pick<StepRecord, 'id' | 'waits'>

/** What steps together take, as far as it is known. */
export function expectationOf(steps: readonly Planned[], known: Expectations): Expectation {
  const acting = steps.filter(({ waits }) => waits !== true)
  const unknownSteps = acting.filter(({ id }) => !known.has(id)).map(({ id }) => id)
  const expected = acting.flatMap(({ id }) => known.get(id) ?? [])
  const knownMs = expected.reduce((sum, { ms }) => sum + ms, 0)
  const from = new Map<string, number>()
  for (const { runbook, runs } of expected)
    from.set(runbook, Math.max(runs, from.get(runbook) ?? 0))
  return {
    durationMs: unknownSteps.length === 0 ? knownMs : null,
    ...{ knownMs, unknownSteps, waits: acting.length < steps.length },
    from: [...from].map(([type, runs]) => ({ type, runs })),
  }
}

/**
 * When a run ends if each step takes as long as before; null: unknown, because a step never ran here,
 * people have to answer first, or the step under way takes longer than before.
 */
export function estimatedEnd(
  state: RunState,
  acceptedAt: string,
  known: Expectations,
  now: Date,
): string | null {
  if (isEnded(state) || state.status === 'waiting' || state.status === 'paused') return null
  if (state.cancelRequested || state.abort !== null) return null
  const left = state.steps.filter(({ endedAt, skip }) => endedAt === null && skip === undefined)
  const { durationMs, waits } = expectationOf(left, known)
  if (durationMs === null || waits) return null
  const running = left.find(({ startedAt }) => startedAt !== null)
  const lastEnd = state.steps
    .flatMap(({ endedAt }) => endedAt ?? [])
    .sort()
    .at(-1)
  const since = Date.parse(running?.startedAt ?? lastEnd ?? acceptedAt)
  const isLate = running !== undefined && now.getTime() > since + (known.get(running.id)?.ms ?? 0)
  return isLate ? null : new Date(since + durationMs).toISOString()
}
