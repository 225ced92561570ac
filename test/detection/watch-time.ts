import {
  agreementSince,
  countVotes,
  type Decision,
  decideFailover,
  type View,
  type Votes,
} from '../../src/detection/decision.ts'
import {
  type DetectionState,
  observe,
  type ProbeResults,
  startOfDetection,
} from '../../src/detection/detector.ts'
import { probedPlanes, probeTimeoutMs, wasStopped } from '../../src/detection/prober.ts'
import { judge, type Verdict } from '../../src/detection/verdict.ts'
import type { ProbeResult } from '../../src/workspace/workspace.ts'
import type { Random } from '../simulation/random.ts'
import { type Fate, members, type Trouble, type VantagePoint, vantagePoints } from './troubles.ts'

/** What the controller thinks after one of its own rounds. */
export interface Look {
  readonly at: number
  readonly verdict: Verdict
  readonly votes: Votes
  readonly decision: Decision
}

export interface WatchOptions {
  /** Ordered by `from`. */
  readonly troubles: readonly Trouble[]
  readonly untilMs: number
  readonly random: Random
  readonly graceMs: number
  readonly everyMs: number
  readonly onLook: (look: Look) => void
}

interface Watcher {
  readonly name: VantagePoint
  nextAt: number
  state: DetectionState
}

const answerMs = 120
const startedAt = Date.UTC(2026, 0, 1)
const dateOf = (ms: number) => new Date(startedAt + ms)

/**
 * Lets time pass: three vantage points probe two members through the given troubles. Prober's rules of
 * time, detector, verdict, votes and decision are the product's own; only the answers are made up.
 * Stretches in which nothing is wrong and nothing is remembered are leapt over.
 */
export function watchTime(options: WatchOptions): void {
  const { troubles, untilMs, random, everyMs, graceMs, onLook } = options
  const watchers: Watcher[] = vantagePoints.map((name) => ({
    name,
    nextAt: random.below(everyMs),
    state: startOfDetection(members, dateOf(0)),
  }))
  const views = new Map<VantagePoint, View>()
  let agreedSince: string | null = null
  let upcoming = 0
  let active: Trouble[] = []

  const see = (watcher: Watcher, at: number) => {
    const verdict = judge(watcher.state, 'east')
    views.set(watcher.name, {
      ...{ vantagePoint: watcher.name, verdict, at: dateOf(at).toISOString() },
    })
    return verdict
  }

  const decide = (verdict: Verdict, at: number) => {
    const now = dateOf(at)
    const votes = countVotes(vantagePoints, [...views.values()], now)
    agreedSince = agreementSince(agreedSince, votes, now)
    const decision = decideFailover({
      ...{ automatic: true, graceMs, cooldownMs: 0, votes, agreedSince, now },
      ...{ pausedFor: null, lastAutomatic: null, underWay: null, isProtected: true },
    })
    onLook({ at, verdict, votes, decision })
  }

  const leap = () => {
    const next = troubles[upcoming]?.from ?? untilMs
    const land = next - 3 * everyMs
    if (watchers.some(({ nextAt }) => nextAt > land)) return
    for (const watcher of watchers) {
      watcher.nextAt = land + random.below(everyMs)
      see(watcher, land)
    }
  }

  for (;;) {
    const watcher = watchers.reduce((one, other) => (other.nextAt < one.nextAt ? other : one))
    const at = watcher.nextAt
    if (at >= untilMs) return
    active = active.filter(({ until }) => until > at)
    for (let next = troubles[upcoming]; next && next.from <= at; next = troubles[++upcoming]) {
      if (next.until > at) active.push(next)
    }
    if (active.length === 0 && agreedSince === null && watchers.every(isQuiet)) {
      leap()
      if (watcher.nextAt !== at) continue
    }
    const stop = stopOf(watcher, at, active, troubles[upcoming])
    const { results, took } = probeRound(watcher.name, at, active, random, stop)
    const endedAt = at + took
    watcher.nextAt = endedAt + everyMs
    if (wasStopped(took, probeTimeoutMs)) continue
    watcher.state = observe(watcher.state, results, dateOf(endedAt))
    if (active.some(({ mutes }) => mutes?.includes(watcher.name))) continue
    const verdict = see(watcher, endedAt)
    if (watcher.name === 'controller') decide(verdict, endedAt)
  }
}

/** Until when the controller stands still, if it does so during its round that begins at `at`. */
function stopOf(
  { name }: Watcher,
  at: number,
  active: readonly Trouble[],
  next: Trouble | undefined,
): number | undefined {
  if (name !== 'controller') return undefined
  const begun = active.find(({ stops }) => stops)
  if (begun !== undefined) return begun.until
  return next?.stops && next.from < at + answerMs ? next.until : undefined
}

/** A process that goes on again sees its timers first: whatever was open counts as silent. */
function probeRound(
  by: VantagePoint,
  at: number,
  active: readonly Trouble[],
  random: Random,
  stoppedUntil: number | undefined,
): { readonly results: ProbeResults; readonly took: number } {
  let took = stoppedUntil === undefined ? answerMs : Math.max(answerMs, stoppedUntil - at)
  const isLate = took >= probeTimeoutMs
  const results: Record<string, ProbeResult[]> = {}
  for (const member of members) {
    results[member] = probedPlanes.map((plane) => {
      let fate: Fate | undefined = isLate ? 'silent' : undefined
      for (const trouble of active) fate ??= trouble.fate({ at, by, member, plane }, random)
      if (fate === 'silent') took = Math.max(took, probeTimeoutMs)
      return resultOf(plane, fate)
    })
  }
  return { results, took }
}

const answers = Object.fromEntries(
  probedPlanes.map((plane) => [plane, { plane, healthy: true, latencyMs: answerMs, at: '' }]),
) as Record<ProbeResult['plane'], ProbeResult>

const reasons: Readonly<Record<Fate, string>> = {
  refused: 'workspace.unreachable',
  silent: 'no answer within 2000 ms',
  denied: 'workspace.throttled',
}

function resultOf(plane: ProbeResult['plane'], fate: Fate | undefined): ProbeResult {
  if (fate === undefined) return answers[plane]
  return {
    ...{ plane, healthy: false, latencyMs: answerMs, at: '', reason: reasons[fate] },
    ...(fate === 'denied' && { refused: true }),
  }
}

function isQuiet({ state }: Watcher): boolean {
  return Object.values(state.members).every(
    ({ health, planes }) =>
      health === 'healthy' &&
      Object.values(planes).every(({ failuresInRow }) => failuresInRow === 0),
  )
}
