import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countVotes, type DecisionFacts, decideFailover, type View } from './decision.ts'

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds))
const points = ['controller', 'north', 'south']
const view = (vantagePoint: string, code: View['verdict']['code'], seconds = 100): View => ({
  vantagePoint,
  at: at(seconds).toISOString(),
  verdict: {
    code,
    recommendation: code === 'primary-down' ? 'failover' : 'wait',
    sentence: code,
  },
})

describe('votes of vantage points', () => {
  const table: readonly [string, readonly View[], boolean][] = [
    ['nobody was heard of', [], false],
    ['one of three', [view('controller', 'primary-down')], false],
    ['two of three', [view('controller', 'primary-down'), view('north', 'primary-down')], true],
    [
      'two, of which one is not named in the plan',
      [view('controller', 'primary-down'), view('stranger', 'primary-down')],
      false,
    ],
    [
      'two, of which one was last heard of long ago',
      [view('controller', 'primary-down'), view('north', 'primary-down', 60)],
      false,
    ],
    [
      'two that are cut off themselves',
      [view('controller', 'cut-off'), view('north', 'cut-off'), view('south', 'primary-down')],
      false,
    ],
    [
      'the controller sees an outage that the others do not',
      [view('controller', 'primary-down'), view('north', 'all-well'), view('south', 'all-well')],
      false,
    ],
  ]
  it.each(table)('%s', (_name, views, agreed) => {
    expect(countVotes(points, views, at(100)).agreed).toBe(agreed)
  })
})

const facts = (change: Partial<DecisionFacts> = {}): DecisionFacts => ({
  automatic: true,
  graceMs: 60_000,
  cooldownMs: 3_600_000,
  votes: { agreed: true, sentence: 'All see it.' },
  agreedSince: at(0).toISOString(),
  pausedFor: null,
  lastAutomatic: null,
  underWay: null,
  isProtected: true,
  now: at(61),
  ...change,
})

describe('the decision', () => {
  const earlier = at(-10).toISOString()
  const table: readonly [string, Partial<DecisionFacts>, string][] = [
    ['all say so for long enough', {}, 'automatic'],
    ['grace is not over', { now: at(59) }, 'grace'],
    ['the plan leaves it to humans', { automatic: false }, 'by-hand'],
    ['no majority', { votes: { agreed: false, sentence: '' }, agreedSince: null }, 'no-outage'],
    ['paused', { pausedFor: 'deployment' }, 'paused'],
    ['something is under way', { underWay: 'sync-1' }, 'under-way'],
    ['nothing to fail over to', { isProtected: false }, 'not-protected'],
    [
      'the last one is not acknowledged',
      { lastAutomatic: { at: at(-86_400).toISOString(), acknowledgedAt: null } },
      'not-acknowledged',
    ],
    [
      'acknowledged, but the cooldown lasts',
      { lastAutomatic: { at: earlier, acknowledgedAt: earlier } },
      'cooldown',
    ],
    [
      'acknowledged, and the cooldown is over',
      { lastAutomatic: { at: at(-7200).toISOString(), acknowledgedAt: earlier } },
      'automatic',
    ],
  ]
  it.each(table)('%s: %s', (_name, change, rule) => {
    expect(decideFailover(facts(change)).rule).toBe(rule)
  })

  it('never acts where any single safeguard speaks against it', () => {
    const safeguards: Partial<DecisionFacts>[] = [
      { automatic: false },
      { votes: { agreed: false, sentence: '' } },
      { agreedSince: null },
      { pausedFor: 'x' },
      { underWay: 'x' },
      { isProtected: false },
      { lastAutomatic: { at: earlier, acknowledgedAt: null } },
      { now: at(1) },
    ]
    fc.assert(
      fc.property(fc.subarray(safeguards, { minLength: 1 }), (chosen) => {
        expect(decideFailover(facts(Object.assign({}, ...chosen))).action).not.toBe('failover')
      }),
    )
  })
})
