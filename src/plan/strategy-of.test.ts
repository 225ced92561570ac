import { describe, expect, it } from 'vitest'
import { kinds } from '../model/kinds.ts'
import { parseObjectId } from '../model/object-id.ts'
import type { StrategyRule } from './continuity-plan.ts'
import { defaultStrategies, strategyOf } from './strategy-of.ts'

const withRules = (...rules: StrategyRule[]) => ({ strategies: [...defaultStrategies, ...rules] })
const of = (id: string, ...rules: StrategyRule[]) =>
  strategyOf(withRules(...rules), parseObjectId(id))

describe('the strategy of an object', () => {
  it('is the default of its kind when nothing else is said', () => {
    expect(of('online-endpoint/fraud')).toBe('hot-hot')
    expect(of('model/fraud/3')).toBe('hot-warm')
    expect(of('job/train')).toBe('hot-cold')
  })

  it('has a default for every kind', () => {
    for (const kind of kinds) {
      expect(strategyOf({ strategies: defaultStrategies }, { kind, path: ['x'] })).toBeDefined()
      expect(strategyOf(withRules({ kind, strategy: 'hot-cold' }), { kind, path: ['x'] })).toBe(
        'hot-cold',
      )
    }
  })

  it('follows the last rule that fits', () => {
    const broad: StrategyRule = { kind: 'model', strategy: 'hot-hot' }
    const narrow: StrategyRule = { kind: 'model', name: 'exp-*', strategy: 'hot-cold' }
    expect(of('model/exp-1/3', broad, narrow)).toBe('hot-cold')
    expect(of('model/exp-1/3', narrow, broad)).toBe('hot-hot')
    expect(of('model/fraud/3', broad, narrow)).toBe('hot-hot')
  })

  it('covers what belongs to the named kind, unless the part is named itself', () => {
    const endpoint: StrategyRule = { kind: 'online-endpoint', name: 'f*', strategy: 'hot-warm' }
    const part: StrategyRule = { kind: 'online-deployment', strategy: 'hot-cold' }
    expect(of('online-deployment/fraud/blue', endpoint)).toBe('hot-warm')
    expect(of('online-deployment/other/blue', endpoint)).toBe('hot-hot')
    expect(of('online-deployment/fraud/blue', endpoint, part)).toBe('hot-cold')
    expect(of('online-endpoint/fraud', endpoint, part)).toBe('hot-warm')
    expect(of('model-container/m', { kind: 'model', strategy: 'hot-hot' })).toBe('hot-hot')
  })
})
