import type { Verdict } from './verdict.ts'

/**
 * Whether to fail over without a human, purely (D7, D9). Off unless the plan opts in; then a majority
 * of the vantage points that the plan names has to see the same outage without a break for the time
 * of grace, and after one automatic failover nothing happens by itself until a human acknowledged it.
 */
export interface View {
  readonly vantagePoint: string
  /** When the controller heard of it, by the controller's own clock. */
  readonly at: string
  readonly verdict: Verdict
}

export interface Votes {
  /** A majority of all vantage points, silent ones included, sees the primary down. */
  readonly agreed: boolean
  readonly sentence: string
}

/** A vantage point that was not heard of for this long has no vote, in milliseconds. */
export const freshMs = 30_000

/** A vantage point that is cut off itself, or was not heard of lately, has no vote. */
export function countVotes(
  vantagePoints: readonly string[],
  views: readonly View[],
  now: Date,
): Votes {
  const fresh = views.filter(
    ({ vantagePoint, at }) =>
      vantagePoints.includes(vantagePoint) && now.getTime() - Date.parse(at) <= freshMs,
  )
  const down = fresh.filter(
    ({ verdict }) => verdict.code === 'primary-down' && verdict.recommendation === 'failover',
  )
  const total = vantagePoints.length
  const names = down.map(({ vantagePoint }) => vantagePoint).join(', ')
  return {
    agreed: down.length * 2 > total,
    sentence: `${down.length} of ${total} vantage points see the primary down${names === '' ? '' : ` (${names})`}; ${total - fresh.length} are silent.`,
  }
}

/** The grace begins anew whenever the agreement breaks. */
export function agreementSince(before: string | null, votes: Votes, now: Date): string | null {
  return votes.agreed ? (before ?? now.toISOString()) : null
}

export interface DecisionFacts {
  readonly automatic: boolean
  readonly graceMs: number
  readonly cooldownMs: number
  readonly votes: Votes
  /** Since when the votes have agreed without a break; null: they do not. */
  readonly agreedSince: string | null
  /** Why a human paused decisions; null: nobody did. */
  readonly pausedFor: string | null
  /** The last automatic failover, if there was one. */
  readonly lastAutomatic: {
    readonly at: string
    readonly acknowledgedAt: string | null
  } | null
  /** An operation that is under way, by its id. */
  readonly underWay: string | null
  /** The other side is protected: there is something to fail over to. */
  readonly isProtected: boolean
  readonly now: Date
}

export interface Decision {
  readonly action: 'none' | 'recommend' | 'wait' | 'failover'
  readonly rule:
    | 'no-outage'
    | 'by-hand'
    | 'paused'
    | 'not-protected'
    | 'under-way'
    | 'not-acknowledged'
    | 'cooldown'
    | 'grace'
    | 'automatic'
  readonly sentence: string
}

/** The first rule that applies. */
export function decideFailover(facts: DecisionFacts): Decision {
  const { votes, agreedSince, now, lastAutomatic } = facts
  if (!votes.agreed || agreedSince === null) {
    return { action: 'none', rule: 'no-outage', sentence: votes.sentence }
  }
  const wait = (rule: Decision['rule'], sentence: string): Decision => ({
    action: 'wait',
    rule,
    sentence: `${votes.sentence} ${sentence}`,
  })
  if (!facts.automatic) {
    return {
      action: 'recommend',
      rule: 'by-hand',
      sentence: `${votes.sentence} The plan leaves the decision to a human: holdfast failover`,
    }
  }
  if (facts.pausedFor !== null) return wait('paused', `Decisions are paused: ${facts.pausedFor}`)
  if (facts.underWay !== null) return wait('under-way', `${facts.underWay} is under way.`)
  if (!facts.isProtected) return wait('not-protected', 'The other side is not protected.')
  if (lastAutomatic !== null && lastAutomatic.acknowledgedAt === null) {
    return wait(
      'not-acknowledged',
      `Nobody has acknowledged the automatic failover of ${lastAutomatic.at}: holdfast acknowledge`,
    )
  }
  const coolUntil = lastAutomatic === null ? 0 : Date.parse(lastAutomatic.at) + facts.cooldownMs
  if (now.getTime() < coolUntil) {
    return wait('cooldown', `The cooldown lasts until ${new Date(coolUntil).toISOString()}.`)
  }
  const due = Date.parse(agreedSince) + facts.graceMs
  if (now.getTime() < due) {
    return wait('grace', `Grace lasts until ${new Date(due).toISOString()}.`)
  }
  return {
    action: 'failover',
    rule: 'automatic',
    sentence: `${votes.sentence} They have agreed since ${agreedSince}, longer than the grace.`,
  }
}
