import { describe, expect, it } from 'vitest'
import { isHopeless } from './early-termination.ts'

const best = [0.5, 0.7, 0.9]
const middle = [0.5, 0.6, 0.7]
const worst = [0.1, 0.1, 0.2]
const all = [best, middle, worst]
const ended = (policy: object, goal: 'maximize' | 'minimize' = 'maximize') =>
  all.filter((own) => isHopeless({ ...policy }, goal, own, all))

describe('a policy of early termination', () => {
  it('of bandits ends trials that fall behind the best by more than their slack', () => {
    expect(ended({ policyType: 'Bandit', slackAmount: 0.15 })).toEqual([middle, worst])
    expect(ended({ policyType: 'Bandit', slackFactor: 0.5 })).toEqual([worst])
  })
  it('of medians ends the lower half', () => {
    expect(ended({ policyType: 'MedianStopping' })).toEqual([worst])
  })
  it('of truncation ends the lowest share', () => {
    const policy = { policyType: 'TruncationSelection', truncationPercentage: 34 }
    expect(ended(policy)).toEqual([worst])
    expect(ended({ ...policy, truncationPercentage: 10 })).toEqual([])
  })
  it('judges losses the other way round', () => {
    expect(ended({ policyType: 'Bandit', slackAmount: 0.15 }, 'minimize')).toEqual([best, middle])
  })
  it('waits for its delay and its interval', () => {
    for (const policy of [{ delayEvaluation: 4 }, { evaluationInterval: 4 }])
      expect(ended({ policyType: 'Bandit', slackAmount: 0.1, ...policy })).toEqual([])
    expect(isHopeless({ policyType: 'Bandit', slackAmount: 0.1 }, 'maximize', [], all)).toBe(false)
  })
})
