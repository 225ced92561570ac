import { expect, it } from 'vitest'
import type { Readiness } from '../api/contract.ts'
import { observe, startOfDetection } from '../detection/detector.ts'
import { judge } from '../detection/verdict.ts'
import { groupStatus, type StatusParts } from './group-status.ts'
import type { ProtectedGroup } from './protected-group.ts'

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 3, 0, second))
const member = (name: string, role: string) => ({ name, role, workspace: `/${name}` })

/** A group that moved from east to west at second 10. */
const moved = {
  plan: { group: 'g', members: [member('east', 'primary'), member('west', 'secondary')] },
  records: {
    epochs: {
      current: async () => ({
        ...{ group: 'g', epoch: 2, primary: 'west', previous: 'east', begunBy: 'failover-g-e2' },
        since: at(10).toISOString(),
      }),
    },
    protection: { read: async () => undefined },
    ledger: { readPoint: async () => undefined, counts: async () => [] },
    batches: { workers: async () => [] },
  },
  clock: () => at(60),
} as unknown as ProtectedGroup

function seen(parts: { readonly lookedAt?: number; readonly west?: readonly boolean[] }) {
  const results = parts.west ?? [true]
  const state = results.reduce(
    (before, healthy, second) => {
      const result = { plane: 'arm' as const, healthy, latencyMs: 1, at: at(second).toISOString() }
      return observe(before, { west: [result] }, at(second))
    },
    startOfDetection(['west'], at(0)),
  )
  const readiness =
    parts.lookedAt === undefined
      ? null
      : ({ verdict: 'ready', at: at(parts.lookedAt).toISOString() } as Readiness)
  return groupStatus(moved, {
    ...{ regions: new Map(), operation: null, lastPass: null, findings: [], readiness },
    watch: {
      state: () => state,
      verdict: (primary: string) => ({ ...judge(state, primary), at: at(60).toISOString() }),
    },
  } as unknown as StatusParts)
}

it('shows no readiness from before the group moved (I8)', async () => {
  expect((await seen({ lookedAt: 9 })).readiness).toBeNull()
  expect((await seen({ lookedAt: 10 })).readiness).toMatchObject({ verdict: 'ready' })
})

it('says of a healthy member that its newest probes failed (I8)', async () => {
  const west = async (...results: boolean[]) =>
    (await seen({ west: results })).members.find(({ name }) => name === 'west')
  expect(await west(true)).toMatchObject({ health: 'healthy', reason: null })
  expect(await west(true, false)).toMatchObject({
    health: 'healthy',
    reason: expect.stringContaining('has not answered in the last probe'),
  })
  expect(await west(true, false, true)).toMatchObject({ health: 'healthy', reason: null })
})
