import { describe, expect, it } from 'vitest'
import type { GroupStatus, Operation } from '../api/contract.ts'
import { observe, type Seen } from './observe.ts'

type Health = GroupStatus['members'][number]['health']
const status = (change: {
  readonly east?: Health
  readonly recommendation?: 'none' | 'failover' | 'wait'
  readonly primary?: string
  readonly lagMs?: number | null
  readonly readiness?: 'ready' | 'not-ready'
  readonly action?: 'none' | 'recommend' | 'failover'
  readonly overdue?: boolean
  readonly heldUp?: boolean
}): GroupStatus =>
  ({
    ...{ group: 'g', effectivePrimary: change.primary ?? 'east' },
    members: [
      { name: 'east', health: change.east ?? 'healthy', reason: null },
      { name: 'west', health: 'healthy', reason: null },
    ],
    verdict: { recommendation: change.recommendation ?? 'none', sentence: 'Because.', at: '' },
    lagMs: change.lagMs === undefined ? 1 : change.lagMs,
    ...{ replicationPoint: 'p', objectives: { rtoMs: 10, rpoMs: 10 } },
    decision: { action: change.action ?? 'none', sentence: 'Why.' },
    readiness: { verdict: change.readiness ?? 'ready', findings: [] },
    drill: { overdue: change.overdue ?? false },
    findings: change.heldUp ? [{ rule: 'drill-held-up', sentence: 'It is.', remedy: 'Do.' }] : [],
  }) as unknown as GroupStatus
const operation = (id: string, state: Operation['status'], more: object = {}): Operation =>
  ({
    ...{ id, type: id.split('-')[0], status: state, outcome: null, waitingFor: null },
    ...{ error: null, by: 'alice', ...more },
  }) as unknown as Operation

/** Events of each look, one after the other. */
function walk(...looks: [GroupStatus, Operation[]?][]): string[][] {
  let seen: Seen | null = null
  return looks.map(([now, operations = []]) => {
    const found = observe(seen, now, operations)
    // It is kept as JSON between two looks.
    seen = JSON.parse(JSON.stringify(found.seen))
    return found.news.map(({ event }) => event)
  })
}

describe('what is news', () => {
  it('tells an outage when it is suspected, confirmed and over, each once', () => {
    const down = { east: 'unreachable' as const, recommendation: 'failover' as const }
    expect(
      walk(
        [status({})],
        [status({ east: 'degraded' })],
        [status({ east: 'degraded' })],
        [status(down)],
        [status({ ...down, action: 'recommend' })],
        [status({ east: 'unreachable', primary: 'west' })],
        [status({ east: 'unknown', primary: 'west' })],
        [status({ primary: 'west' })],
      ),
    ).toEqual([
      ...[[], ['outage-suspected'], [], ['outage-confirmed'], ['failover-recommended']],
      ...[[], [], ['outage-over']],
    ])
  })

  it('tells an operation from start to end, waiting included, and not what was over before', () => {
    const old = operation('drill-0', 'done', { outcome: 'complete' })
    const waiting = operation('switchover-1', 'waiting', { waitingFor: 'approver' })
    const ended = operation('switchover-1', 'done', { outcome: 'complete' })
    const quick = operation('drill-2', 'failed', { outcome: 'failed' })
    expect(
      walk(
        [status({}), [old]],
        [status({}), [operation('switchover-1', 'running'), old]],
        [status({}), [waiting, old]],
        [status({}), [waiting, old]],
        [status({}), [quick, ended, old]],
        [status({}), [operation('sync-3', 'running'), quick, ended, old]],
      ),
    ).toEqual([
      ...[[], ['operation-started'], ['operation-waiting'], []],
      ...[['operation-ended', 'operation-started', 'operation-ended'], []],
    ])
  })

  it('tells when RPO, readiness and drills leave what the plan wants, and when they are back', () => {
    expect(
      walk(
        [status({})],
        [status({ lagMs: 11, readiness: 'not-ready' })],
        [status({ lagMs: null, overdue: true, readiness: 'not-ready' })],
        [status({ overdue: true })],
        [status({ overdue: true, heldUp: true })],
        [status({ overdue: true, heldUp: true })],
      ),
    ).toEqual([
      ...[[], ['rpo-exceeded', 'readiness-lost'], ['drill-overdue']],
      ...[['rpo-recovered', 'readiness-regained'], ['drill-held-up'], []],
    ])
  })
})
