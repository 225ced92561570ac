import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memoryWorkspace } from '../workspace/memory/memory-workspace.ts'
import type { Workspace } from '../workspace/workspace.ts'
import { RunGroups } from './run-groups.ts'

function reading(runsPerRead: number): Workspace {
  const workspace = memoryWorkspace({ name: 'east' })
  const { capabilities } = workspace
  const limits = { ...capabilities.limits, runsPerRead }
  return { ...workspace, capabilities: { ...capabilities, limits } }
}

const groupsOf = (most: number) => new RunGroups(reading(most), reading(100))
const sizes = (groups: RunGroups, runs: number) =>
  [...groups.of(Array.from({ length: runs }))].map(({ length }) => length)

describe('groups of runs', () => {
  it('are large enough for requests that name many runs, where series are read one at a time', () => {
    const groups = groupsOf(1)
    groups.learn(2, 20)
    expect(sizes(groups, 60)).toEqual([25, 25, 10])
  })

  it('are as large as both services read at once, where series are short', () => {
    const groups = groupsOf(40)
    groups.learn(2, 2000)
    expect(sizes(groups, 100)).toEqual([40, 40, 20])
    groups.learn(40, 0)
    expect(sizes(groups, 100)).toEqual([40, 40, 20])
  })

  it('are as small as one run, where series are long', () => {
    const groups = groupsOf(100)
    groups.learn(2, 2 * 30_000)
    expect(sizes(groups, 7)).toEqual([3, 3, 1])
    groups.learn(3, 3 * 1_000_000)
    expect(sizes(groups, 3)).toEqual([1, 1, 1])
  })

  it('begin small, and follow what is learned meanwhile', () => {
    const groups = groupsOf(100)
    const cut = groups.of(Array.from({ length: 200 }))
    expect(cut.next().value).toHaveLength(2)
    expect(cut.next().value).toHaveLength(2)
    groups.learn(2, 20)
    expect(cut.next().value).toHaveLength(100)
    groups.learn(100, 100 * 40_000)
    expect(cut.next().value).toHaveLength(4)
  })

  it('learn nothing of no runs', () => {
    const groups = groupsOf(100)
    groups.learn(0, 0)
    expect(groups.size).toBe(2)
  })

  it('hold every run once, in order, whatever is learned when', () => {
    const lesson = fc.record({ runs: fc.nat(100), values: fc.nat(10_000_000) })
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.nat(300),
        fc.array(lesson, { minLength: 1 }),
        (most, count, lessons) => {
          const groups = groupsOf(most)
          const runs = Array.from({ length: count }, (_, i) => i)
          const seen: number[] = []
          let cuts = 0
          for (const group of groups.of(runs)) {
            expect(group.length).toBeGreaterThan(0)
            expect(group.length).toBeLessThanOrEqual(Math.max(25, most))
            seen.push(...group)
            const { runs: held = 0, values = 0 } = lessons[cuts++ % lessons.length] ?? {}
            groups.learn(held, values)
          }
          expect(seen).toEqual(runs)
        },
      ),
    )
  })
})
