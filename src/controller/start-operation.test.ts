import { describe, expect, it } from 'vitest'
import { observe, startOfDetection } from '../detection/detector.ts'
import type { Run } from '../runbook/journal.ts'
import { accepted, fold, type RunEvent } from '../runbook/run-state.ts'
import type { ProtectionRow } from '../runbooks/ports.ts'
import { courseOf } from './course.ts'
import { type Asked, runFor, runsInTheWay } from './start-operation.ts'

const at = '2026-01-01T00:00:00.000Z'
const plan = {
  group: 'g',
  members: ['east', 'west'].map((name) => ({
    name,
    workspace: `/${name}`,
    role: name === 'east' ? ('primary' as const) : ('secondary' as const),
    cloud: 'AzureCloud',
  })),
}
const error = { code: 'x', message: 'x', kind: 'transient' as const, hint: null }
const endings: Record<string, readonly RunEvent[]> = {
  open: [{ type: 'begun', at }],
  complete: [
    { type: 'begun', at },
    { type: 'finished', outcome: 'complete', at },
  ],
  partial: [
    { type: 'begun', at },
    { type: 'finished', outcome: 'partial', at },
  ],
  failed: [
    { type: 'begun', at },
    { type: 'failed', error, at },
  ],
}
const run = (id: string, ending: keyof typeof endings, input = { first: true }): Run => ({
  header: { id, runbook: id.split('-')[0] ?? '', group: 'g', input, steps: [], acceptedAt: at },
  state: fold(accepted([], at), endings[ending] ?? []),
})
const health = (value: 'healthy' | 'unreachable', of = ['east', 'west']) => {
  const { members } = startOfDetection(['east', 'west'], new Date(at))
  return {
    members: Object.fromEntries(
      Object.entries(members).map(([name, member]) => [
        name,
        of.includes(name) ? { ...member, health: value } : member,
      ]),
    ),
  }
}

function asked(
  change: Partial<Asked> & {
    epoch?: number
    protectedIn?: number
    as?: ProtectionRow['state']
  },
): Asked {
  const epoch = change.epoch ?? 1
  const primary = epoch % 2 === 1 ? 'east' : 'west'
  const row =
    change.protectedIn === undefined
      ? undefined
      : { group: 'g', epoch: change.protectedIn, state: change.as ?? 'reversed', at }
  return {
    type: 'failover',
    request: { dryRun: false, force: false },
    course: courseOf(plan, { epoch, primary }, row),
    begunBy: epoch === 1 ? null : `failover-g-e${epoch}`,
    runs: [],
    detection: health('unreachable', [primary]),
    home: 'east',
    now: new Date(at),
    by: 'ann',
    ...change,
  }
}

const refusal = (value: Asked) => {
  try {
    return runFor(value).id
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('a failover of a primary that counts as healthy', () => {
  const probed = (...healthy: boolean[]) =>
    healthy.reduce(
      (state, each) => {
        const plane = { plane: 'arm' as const, healthy: each, latencyMs: 1, at }
        return observe(state, { east: [plane] }, new Date(at))
      },
      startOfDetection(['east', 'west'], new Date(at)),
    )
  const said = (...healthy: boolean[]) => {
    try {
      return runFor(asked({ detection: probed(...healthy) })).id
    } catch (error) {
      return (error as Error).message
    }
  }
  it('is refused with what is known, not with an answer that did not come (I8)', () => {
    expect(said(true)).toMatch(/^east answers on every plane/)
    expect(said(true, false)).toMatch(/^'east' has not answered in the last probe/)
    expect(said(true, false, true)).toMatch(/^east answers on every plane/)
    expect(said(true, false, false, false)).toBe('failover-g-e2')
  })
})

describe('what an operation that is asked for becomes', () => {
  const table: readonly [string, Asked, string][] = [
    ['failover of a dead primary', asked({}), 'failover-g-e2'],
    [
      'failover of one that answers',
      asked({ detection: health('healthy') }),
      'failover.source-answers',
    ],
    [
      '… by force',
      asked({ detection: health('healthy'), request: { dryRun: false, force: true } }),
      'failover-g-e2',
    ],
    [
      'to a member that does not answer, either',
      asked({ detection: health('unreachable') }),
      'failover.target-silent',
    ],
    [
      '… by force',
      asked({ detection: health('unreachable'), request: { dryRun: false, force: true } }),
      'failover.target-silent',
    ],
    [
      'in an epoch nobody looked at',
      asked({ request: { dryRun: false, force: false, expectedEpoch: 2 } }),
      'epoch.changed',
    ],
    ['twice at once', asked({ runs: [run('failover-g-e2', 'open')] }), 'failover-g-e2'],
    [
      'twice at once, the epoch raised between',
      asked({ epoch: 2, runs: [run('failover-g-e2', 'open')] }),
      'failover-g-e2',
    ],
    [
      'back again, twice at once',
      asked({ epoch: 2, runs: [run('failover-g-e3', 'open'), run('failover-g-e2', 'complete')] }),
      'failover-g-e3',
    ],
    [
      'after one that failed half way',
      asked({ epoch: 2, runs: [run('failover-g-e2', 'failed')] }),
      'failover-g-e2',
    ],
    [
      'after one that went through',
      asked({ epoch: 2, runs: [run('failover-g-e2', 'complete')] }),
      'failover-g-e3',
    ],
    [
      'after one that failed before it did anything',
      asked({ runs: [run('failover-g-e2', 'failed')] }),
      'failover-g-e2-2',
    ],
    [
      'twice at once after such a one',
      asked({ runs: [run('failover-g-e2-2', 'open'), run('failover-g-e2', 'failed')] }),
      'failover-g-e2-2',
    ],
    [
      'switchover after one that failed before it moved anything',
      asked({ type: 'switchover', runs: [run('switchover-g-e2', 'failed')] }),
      'switchover-g-e2',
    ],
    ['during a sync', asked({ runs: [run('sync-1', 'open')] }), 'failover-g-e2'],
    ['during re-protection', asked({ runs: [run('reprotect-g-e1', 'open')] }), 'operation.busy'],
    [
      'sync during a sync',
      asked({ type: 'sync', runs: [run('sync-1', 'open')] }),
      'operation.busy',
    ],
    ['sync before re-protection', asked({ type: 'sync', epoch: 2 }), 'group.not-protected'],
    ['switchover', asked({ type: 'switchover' }), 'switchover-g-e2'],
    [
      'switchover before re-protection',
      asked({ type: 'switchover', epoch: 2 }),
      'group.not-protected',
    ],
    ['failback', asked({ type: 'failback', epoch: 2, protectedIn: 2 }), 'failback-g-e3'],
    ['failback from where the plan starts', asked({ type: 'failback' }), 'failback.at-home'],
    [
      'failover after a switchover that failed half way',
      asked({ epoch: 2, begunBy: 'switchover-g-e2', runs: [run('switchover-g-e2', 'failed')] }),
      'switchover-g-e2',
    ],
    [
      'failover after a switchover that failed before it moved anything',
      asked({ runs: [run('switchover-g-e2', 'failed')] }),
      'failover-g-e2',
    ],
    [
      'failover during a switchover',
      asked({ runs: [run('switchover-g-e2', 'open')] }),
      'operation.busy',
    ],
    ['re-protection without failover', asked({ type: 'reprotect' }), 'reprotect.not-needed'],
    ['re-protection', asked({ type: 'reprotect', epoch: 2 }), 'reprotect-g-e2'],
    [
      're-protection after a failover that failed half way (I7)',
      asked({ type: 'reprotect', epoch: 2, runs: [run('failover-g-e2', 'failed')] }),
      'reprotect.move-unfinished',
    ],
    [
      're-protection after a failover that went through',
      asked({ type: 'reprotect', epoch: 2, runs: [run('failover-g-e2', 'partial')] }),
      'reprotect-g-e2',
    ],
    [
      're-protection after a switchover, which did it',
      asked({ type: 'reprotect', epoch: 2, protectedIn: 2 }),
      'reprotect.not-needed',
    ],
    [
      're-protection after a switchover that could not bring everything over (I7)',
      asked({ type: 'reprotect', epoch: 2, protectedIn: 2, as: 'unsalvaged' }),
      'reprotect-g-e2',
    ],
    [
      'again after it was partial',
      asked({
        type: 'reprotect',
        epoch: 2,
        protectedIn: 2,
        runs: [run('reprotect-g-e2', 'partial')],
      }),
      'reprotect-g-e2-2',
    ],
    [
      'again after it was complete, when something went on at the old primary (I7)',
      asked({
        ...{ type: 'reprotect', epoch: 2, protectedIn: 2, conflicts: 1 },
        runs: [run('reprotect-g-e2', 'complete')],
      }),
      'reprotect-g-e2-2',
    ],
    [
      'again after it was complete',
      asked({
        type: 'reprotect',
        epoch: 2,
        protectedIn: 2,
        runs: [run('reprotect-g-e2', 'complete')],
      }),
      'reprotect.not-needed',
    ],
  ]
  it.each(table)('%s', (_name, value, expected) => {
    expect(refusal(value)).toBe(expected)
  })

  it('goes on with what was decided first', () => {
    const value = asked({ epoch: 2, runs: [run('failover-g-e2', 'failed')] })
    expect(runFor(value)).toMatchObject({ input: { first: true }, failed: 'source' })
  })

  it('ends syncs for a failover, and only for that', () => {
    const runs = [run('sync-1', 'open'), run('sync-0', 'complete')]
    expect(runsInTheWay({ type: 'failover', runs }).map(({ header }) => header.id)).toEqual([
      'sync-1',
    ])
    expect(runsInTheWay({ type: 'reprotect', runs })).toEqual([])
  })

  it('lets a drill go beside syncs, out of the way of a failover, and alone otherwise', () => {
    const drilling = [run('drill-1', 'open')]
    expect(runFor(asked({ type: 'drill', runs: [run('sync-1', 'open')] })).runbook).toBe('drill')
    expect(runFor(asked({ type: 'sync', runs: drilling })).runbook).toBe('sync')
    expect(runFor(asked({ type: 'failover', runs: drilling })).runbook).toBe('failover')
    expect(runsInTheWay({ type: 'failover', runs: drilling })).toEqual(drilling)
    const busy = expect.objectContaining({ code: 'operation.busy' })
    for (const type of ['drill', 'switchover', 'reprotect'] as const) {
      expect(() => runFor(asked({ type, runs: drilling }))).toThrow(busy)
    }
    expect(() => runFor(asked({ type: 'drill', runs: [run('failover-1', 'open')] }))).toThrow(busy)
    expect(() => runFor(asked({ type: 'drill', epoch: 2 }))).toThrow(
      expect.objectContaining({ code: 'group.not-protected' }),
    )
  })
})

it('counts an outage from the first probe without an answer, and says whether it may be older', () => {
  const silent = (whole: boolean) => {
    const { members } = health('unreachable', ['east'])
    const contact = {
      ...{ answeredAt: '2026-01-01T11:00:00.000Z', silentSince: '2026-01-01T11:00:05.000Z' },
      ...{ rounds: 300, whole, probedAt: at },
    }
    return { members: { ...members, east: { ...members.east, contact } } } as Asked['detection']
  }
  for (const whole of [true, false]) {
    expect(runFor(asked({ detection: silent(whole) })).input).toMatchObject({
      detectedAt: '2026-01-01T11:00:05.000Z',
      outage: { isWhole: whole, answeredAt: '2026-01-01T11:00:00.000Z' },
    })
  }
})

it('goes on with the same pass that a dead process left, and names the way to go on with another', () => {
  const runs = [run('sync-1', 'open', { epoch: 1, full: false } as never)]
  const left = new Set(['sync-1'])
  const again = asked({ type: 'sync', runs, left })
  expect(runFor(again).id).toBe('sync-1')
  const full = asked({
    type: 'sync',
    runs,
    left,
    request: { dryRun: false, force: false, full: true },
  })
  expect(() => runFor(full)).toThrow('sync-1 is under way')
  expect(() => runFor(asked({ type: 'sync', runs }))).toThrow('sync-1 is under way')
})
