import { describe, expect, it } from 'vitest'
import type { GroupStatus, Operation } from '../api/contract.ts'
import { isInWindow, parseDrillWindow } from '../plan/drill-window.ts'
import { automaticDrills, whyNoDrill } from './automatic-drills.ts'

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

  it('is asked for once by controllers that find it due together, and refusals are said once', async () => {
    const asked: unknown[] = []
    const said: string[] = []
    const drills = (operations: readonly Operation[]) =>
      automaticDrills({
        plan,
        service: {
          operations: async () => ({ items: [...operations], cursor: null }),
          start: async (...args) => {
            asked.push(args)
            return open
          },
        },
        clock: () => now,
        log: { info: () => undefined, warn: (_fields, message) => said.push(message) },
      })
    for (const each of [drills([]), drills([])]) await each.look(due)
    expect(asked[0]).toEqual(asked[1])
    expect(asked[0]).toMatchObject(['g', 'drill', { expectedEpoch: 3 }, { by: 'controller' }])
    const busy = drills([open])
    await busy.look(due)
    await busy.look(due)
    expect([asked.length, said.length]).toEqual([2, 1])
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
