import { describe, expect, it } from 'vitest'
import { inPriority, last, literalStart, priorityOf, priorityOfRun } from './priority-of.ts'

const plan = {
  priority: [
    { kind: 'experiment', name: 'fraud-*' },
    { kind: 'model', name: 'm' },
    { kind: 'run' },
  ] as const,
}

describe('priorities of a plan', () => {
  it('are those of the first line that fits; parts belong to their whole', () => {
    expect(priorityOf(plan, { kind: 'model', path: ['m', '7'] })).toBe(1)
    expect(priorityOf(plan, { kind: 'model-container', path: ['m'] })).toBe(1)
    expect(priorityOf(plan, { kind: 'model', path: ['n', '7'] })).toBe(last)
    expect(priorityOf({}, { kind: 'model', path: ['m', '7'] })).toBe(last)
  })

  it('of a run are those of its experiment, too', () => {
    expect(priorityOfRun(plan, { runId: 'r', experimentName: 'fraud-1' })).toBe(0)
    expect(priorityOfRun(plan, { runId: 'r', experimentName: 'other' })).toBe(2)
  })

  it('put what goes first in front and leave the rest as it was', () => {
    const ranks = new Map([
      ['a', last],
      ['b', 1],
      ['c', last],
      ['d', 0],
      ['e', 1],
    ])
    const groups = inPriority([...ranks.keys()], (item) => ranks.get(item) ?? last)
    expect(groups).toEqual([['d'], ['b', 'e'], ['a', 'c']])
  })

  it.each([
    ['workspaceblobstore/models/**', 'workspaceblobstore/models/'],
    ['a/b', 'a/b'],
    ['!a', ''],
    ['{a,b}/c', ''],
    ['', ''],
  ])('of the glob %s a listing begins at %s', (glob, start) => {
    expect(literalStart(glob)).toBe(start)
  })
})
