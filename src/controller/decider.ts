import type { DecisionStatus, VantageReport } from '../api/contract.ts'
import {
  agreementSince,
  countVotes,
  type Decision,
  decideFailover,
  type View,
} from '../detection/decision.ts'
import type { DecisionStore } from '../detection/decision-store.ts'
import type { DetectionState } from '../detection/detector.ts'
import { judge, judgeHealths } from '../detection/verdict.ts'
import { HoldfastError } from '../model/errors.ts'
import { isEnded } from '../runbook/run-state.ts'
import type { Runner } from '../runbook/runner.ts'
import { courseNow, type ProtectedGroup } from './protected-group.ts'

/** The controller's own name among the vantage points. */
export const ownVantagePoint = 'controller'

export interface Decider {
  /** What another vantage point sees; it probes by itself and reports. */
  view(report: VantageReport): Promise<void>
  /** Looks at all views and acts on them; called after each round of probes. */
  decide(own: DetectionState): Promise<void>
  status(): Promise<DecisionStatus>
}

export function createDecider(options: {
  readonly group: ProtectedGroup
  readonly store: DecisionStore
  readonly runner: Runner
  readonly startFailover: () => Promise<string>
}): Decider {
  const { group, store, runner } = options
  const { plan, clock } = group
  const vantagePoints = [ownVantagePoint, ...plan.decide.vantagePoints]
  const views = new Map<string, View>()
  let agreedSince: string | null = null
  let latest: Decision | null = null
  let deciding = false

  const see = async (vantagePoint: string, state: DetectionState): Promise<void> => {
    const { primary } = await courseNow(group)
    const at = clock().toISOString()
    views.set(vantagePoint, { vantagePoint, at, verdict: judge(state, primary) })
  }

  const act = async (decision: Decision): Promise<void> => {
    const changed = decision.action !== latest?.action || decision.rule !== latest.rule
    latest = decision
    if (!changed) return
    let result: string | null = null
    if (decision.action === 'failover') {
      // Noted first: a controller that dies in between must not do it twice without a human.
      await store.noteAutomatic(plan.group, clock().toISOString())
      result = await options.startFailover()
    }
    await store.log({
      ...{ group: plan.group, at: clock().toISOString(), actor: ownVantagePoint },
      ...{ action: decision.action, rule: decision.rule, signal: decision.sentence, result },
    })
  }

  return {
    view: async ({ vantagePoint, members }) => {
      if (!plan.decide.vantagePoints.includes(vantagePoint)) throw unknownPoint(vantagePoint)
      const { primary } = await courseNow(group)
      const verdict = judgeHealths(members, primary)
      views.set(vantagePoint, { vantagePoint, at: clock().toISOString(), verdict })
    },
    decide: async (own) => {
      if (deciding) return
      deciding = true
      try {
        await see(ownVantagePoint, own)
        const now = clock()
        const votes = countVotes(vantagePoints, [...views.values()], now)
        agreedSince = agreementSince(agreedSince, votes, now)
        const mode = await store.read(plan.group)
        const runs = await runner.list({ group: plan.group, limit: 10 })
        const open = runs.find(({ header, state }) => header.runbook !== 'sync' && !isEnded(state))
        await act(
          decideFailover({
            ...plan.decide,
            votes,
            agreedSince,
            pausedFor: mode.pausedFor,
            lastAutomatic:
              mode.lastAutomaticAt === null
                ? null
                : { at: mode.lastAutomaticAt, acknowledgedAt: mode.acknowledgedAt },
            underWay: open?.header.id ?? null,
            isProtected: (await courseNow(group)).replicates,
            now,
          }),
        )
      } finally {
        deciding = false
      }
    },
    status: async () => {
      const mode = await store.read(plan.group)
      return {
        automatic: plan.decide.automatic,
        action: latest?.action ?? null,
        rule: latest?.rule ?? null,
        sentence: latest?.sentence ?? null,
        pausedFor: mode.pausedFor,
        unacknowledgedSince: mode.acknowledgedAt === null ? mode.lastAutomaticAt : null,
        vantagePoints: vantagePoints.map((name) => ({
          name,
          sentence: views.get(name)?.verdict.sentence ?? null,
          at: views.get(name)?.at ?? null,
        })),
      }
    },
  }
}

function unknownPoint(name: string): HoldfastError {
  return new HoldfastError('vantage.unknown', `The plan names no vantage point '${name}'.`, {
    kind: 'operator',
    hint: 'Add it below `decide`: vantagePoints: [north, south].',
  })
}
