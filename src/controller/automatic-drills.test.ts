import { describe, expect, it } from 'vitest'
import type { GroupStatus, Operation } from '../api/contract.ts'
import { HoldfastError } from '../model/errors.ts'
import { isInWindow, parseDrillWindow } from '../plan/drill-window.ts'
import { automaticDrills, heldUpDrill, whyNoDrill } from './automatic-drills.ts'

// A Saturday.
const now = new Date('2026-01-31T03:30:00Z')
const plan = {
  group: 'g',
  drill: {
    ...{ everyMs: 1, jobs: 'none' as const, automatic: true },
    window: parseDrillWindow('Sat 03:00-05:00 UTC') ?? null,
  },
}
const due = {
  ...{ group: 'g', epoch: 3, protection: 'protected', readiness: { verdict: 'degraded' } },
  drill: { overdue: true, lastAt: '2025-01-01T00:00:00Z' },
  ...{ decision: { pausedFor: null }, members: [{ health: 'healthy' }] },
} as unknown as GroupStatus
const open = { id: 'sync-1', endedAt: null } as Operation

describe('a drill by itself', () => {
  it('begins when it is due, in its window, with everything in order', () => {
    expect(whyNoDrill(plan.drill, due, [], now)).toBeNull()
  })

  const reasons: readonly [string, Partial<GroupStatus> | object, Operation[]?, Date?][] = [
    ['none is due', { drill: { ...due.drill, overdue: false } }],
    ['the time', {}, [], new Date('2026-01-31T05:00:00Z')],
    ['less than a day', { drill: { ...due.drill, lastAt: '2026-01-30T12:00:00Z' } }],
    ['paused: maintenance', { decision: { pausedFor: 'maintenance' } }],
    ['sync-1 is under way', {}, [open]],
    ['not every member is well', { members: [{ health: 'healthy' }, { health: 'unknown' }] }],
    ['not protected', { protection: 'unprotected' }],
    ['nobody has looked', { readiness: null }],
    ['would not work', { readiness: { verdict: 'not-ready' } }],
  ]
  it.each(reasons)('does not begin: %s', (why, change, operations = [], at = now) => {
    const status = { ...due, ...change } as GroupStatus
    expect(whyNoDrill(plan.drill, status, operations, at)).toContain(why)
  })

  it('is off unless the plan says so', () => {
    expect(whyNoDrill({ ...plan.drill, automatic: false }, due, [], now)).not.toBeNull()
  })

  const scene = (operations: readonly Operation[], refusal?: HoldfastError) => {
    const asked: unknown[] = []
    const said: string[] = []
    const log = { info: () => undefined, warn: (_: object, message: string) => said.push(message) }
    const held = heldUpDrill('g', log, () => undefined)
    const { look } = automaticDrills({
      ...{ plan, held, clock: () => now },
      service: {
        operations: async () => ({ items: [...operations], cursor: null }),
        start: async (...args) => {
          asked.push(args)
          if (refusal !== undefined) throw refusal
          return open
        },
      },
    })
    return { look, held, asked, said }
  }

  it('is asked for once by controllers that find it due together', async () => {
    const [one, other] = [scene([]), scene([])]
    await one.look(due)
    await other.look(due)
    expect(one.asked).toEqual(other.asked)
    expect(one.asked[0]).toMatchObject(['g', 'drill', { expectedEpoch: 3 }, { by: 'controller' }])
    expect(one.held.findings()).toEqual([])
  })

  it('is a finding while something holds it up, and said once', async () => {
    const busy = new HoldfastError('operation.busy', 'A move is under way.', { kind: 'operator' })
    const refused = scene([], busy)
    await refused.look(due)
    await refused.look(due)
    expect(refused.held.findings()).toMatchObject([
      { rule: 'drill-held-up', evidence: ['A move is under way'] },
    ])
    expect(refused.said).toHaveLength(1)
    await refused.look({ ...due, drill: { ...due.drill, overdue: false } })
    expect(refused.held.findings()).toEqual([])
    const paused = scene([])
    await paused.look({ ...due, decision: { pausedFor: 'maintenance' } } as GroupStatus)
    expect(paused.held.findings()[0]?.sentence).toContain('paused: maintenance')
    // The end of another operation needs nobody.
    const waits = scene([open])
    await waits.look(due)
    expect([waits.asked, waits.held.findings()]).toEqual([[], []])
  })
})

describe('the window', () => {
  it('is a day or all of them, in UTC, and may go past midnight', () => {
    const at = (text: string) => new Date(`2026-01-${text}:00Z`)
    const inside = (window: string, text: string) => {
      const parsed = parseDrillWindow(window)
      return parsed !== undefined && isInWindow(parsed, at(text))
    }
    expect(inside('Sat 03:00-05:00 UTC', '31T03:00')).toBe(true)
    expect(inside('Sat 03:00-05:00 UTC', '30T03:00')).toBe(false)
    expect(inside('daily 23:00-01:00 UTC', '30T00:59')).toBe(true)
    expect(inside('Fri 23:00-01:00 UTC', '31T00:30')).toBe(true)
    expect(inside('Fri 23:00-01:00 UTC', '30T00:30')).toBe(false)
    for (const text of ['Sat 3:00-5:00 UTC', 'Sat 03:00-05:00', 'Sat 03:00-03:00 UTC', ''])
      expect(parseDrillWindow(text)).toBeUndefined()
  })
})
