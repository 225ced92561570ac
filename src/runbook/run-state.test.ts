import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  accepted,
  advance,
  canBeginAgain,
  fold,
  isEnded,
  type RunEvent,
  type RunEventType,
  type RunState,
  type RunStatus,
} from './run-state.ts'

const at = '2026-01-01T00:00:00.000Z'
const later = '2026-01-01T00:00:01.000Z'
const steps = [
  { id: 'one', title: 'First', skippable: true },
  { id: 'two', title: 'Second', noReturn: true },
]
const error = { code: 'x', message: 'm', kind: 'permanent', hint: null } as const

const events: Record<RunEventType, RunEvent> = {
  begun: { type: 'begun', at: later },
  'step-began': { type: 'step-began', step: 'one', at: later },
  'step-intended': { type: 'step-intended', step: 'one', detail: 'd', at: later },
  'step-ended': { type: 'step-ended', step: 'one', result: 'done', detail: 'd', at: later },
  'wait-began': {
    type: 'wait-began',
    step: 'one',
    ...{
      for: 'approver',
      people: 2,
      reason: 'r',
      expiresAt: null,
      excluded: { id: 'asker', name: 'Asker' },
    },
    at: later,
  },
  approved: { type: 'approved', step: 'one', by: 'Ann', id: 'ann', reason: null, at: later },
  rejected: { type: 'rejected', step: 'one', by: 'Ann', id: 'ann', reason: null, at: later },
  'skip-requested': { type: 'skip-requested', step: 'one', by: 'ann', reason: 'r', at: later },
  'abort-requested': { type: 'abort-requested', by: 'ann', reason: 'r', at: later },
  'step-undone': { type: 'step-undone', step: 'one', detail: 'd', at: later },
  answered: { type: 'answered', by: 'me', at: later },
  paused: { type: 'paused', reason: 'r', at: later },
  'cancel-requested': { type: 'cancel-requested', by: 'me', at: later },
  finished: { type: 'finished', outcome: 'complete', at: later },
  failed: { type: 'failed', error, at: later },
}
const failedUnknown: RunEvent = {
  type: 'failed',
  error: { ...error, kind: 'unknown-outcome' },
  at: later,
}

const start = accepted(steps, at)
const states: Record<RunStatus, RunState> = {
  accepted: start,
  running: fold(start, [events.begun, events['step-began']]),
  waiting: fold(start, [events.begun, events['step-began'], events['wait-began']]),
  paused: fold(start, [events.begun, events['step-began'], events.paused]),
  done: fold(start, [events.begun, events.finished]),
  failed: fold(start, [events.begun, events['step-began'], events.failed]),
  unknown: fold(start, [events.begun, events['step-began'], failedUnknown]),
}

/** `same`: the event is refused and leaves the state untouched. */
type Expected = RunStatus | 'same'
const table: Record<RunStatus, Record<RunEventType, Expected>> = {
  accepted: {
    begun: 'running',
    'step-began': 'same',
    'step-intended': 'same',
    'step-ended': 'same',
    'wait-began': 'same',
    answered: 'same',
    paused: 'same',
    'cancel-requested': 'accepted',
    finished: 'same',
    approved: 'same',
    rejected: 'same',
    'skip-requested': 'accepted',
    'abort-requested': 'accepted',
    'step-undone': 'same',
    failed: 'failed',
  },
  running: {
    begun: 'running',
    'step-began': 'running',
    'step-intended': 'running',
    'step-ended': 'running',
    'wait-began': 'waiting',
    answered: 'same',
    paused: 'paused',
    'cancel-requested': 'running',
    finished: 'done',
    approved: 'same',
    rejected: 'same',
    'skip-requested': 'same',
    'abort-requested': 'running',
    'step-undone': 'running',
    failed: 'failed',
  },
  waiting: {
    begun: 'same',
    'step-began': 'same',
    'step-intended': 'same',
    'step-ended': 'running',
    'wait-began': 'same',
    answered: 'running',
    paused: 'paused',
    'cancel-requested': 'waiting',
    finished: 'same',
    approved: 'waiting',
    rejected: 'waiting',
    'skip-requested': 'waiting',
    'abort-requested': 'waiting',
    'step-undone': 'same',
    failed: 'failed',
  },
  paused: {
    begun: 'running',
    'step-began': 'same',
    'step-intended': 'same',
    'step-ended': 'same',
    'wait-began': 'same',
    answered: 'same',
    paused: 'same',
    'cancel-requested': 'paused',
    finished: 'done',
    approved: 'same',
    rejected: 'same',
    'skip-requested': 'same',
    'abort-requested': 'paused',
    'step-undone': 'same',
    failed: 'failed',
  },
  done: refuseAll(),
  failed: {
    ...refuseAll(),
    begun: 'running',
    'skip-requested': 'failed',
    'abort-requested': 'failed',
  },
  unknown: {
    ...refuseAll(),
    begun: 'running',
    'skip-requested': 'unknown',
    'abort-requested': 'unknown',
  },
}
function refuseAll(): Record<RunEventType, 'same'> {
  const types = Object.keys(events) as RunEventType[]
  return Object.fromEntries(types.map((type) => [type, 'same'])) as Record<RunEventType, 'same'>
}

describe('run state', () => {
  for (const [status, row] of Object.entries(table)) {
    for (const [type, expected] of Object.entries(row)) {
      it(`${status} + ${type} -> ${expected}`, () => {
        const before = states[status as RunStatus]
        const after = advance(before, events[type as RunEventType])
        if (expected === 'same') expect(after).toBe(before)
        else expect(after.status).toBe(expected)
      })
    }
  }

  it('has one example of every status', () => {
    for (const [status, state] of Object.entries(states)) expect(state.status).toBe(status)
  })

  it('refuses to abort once the point of no return has begun, and remembers an abort before it', () => {
    const begun = fold(start, [events.begun, { type: 'step-began', step: 'two', at: later }])
    expect(advance(begun, events['abort-requested'])).toBe(begun)
    const aborted = fold(start, [events['abort-requested'], events.begun, events.failed])
    expect(advance(aborted, events.begun)).toMatchObject({
      status: 'running',
      abort: { by: 'ann' },
    })
    const over = fold(aborted, [events.begun, { type: 'finished', outcome: 'aborted', at: later }])
    expect(canBeginAgain(over)).toBe(false)
  })

  it('refuses to skip what is not skippable, and what is under way or done', () => {
    const other = { ...events['skip-requested'], step: 'two' } as RunEvent
    expect(advance(start, other)).toBe(start)
    expect(advance(states.running, events['skip-requested'])).toBe(states.running)
    const done = advance(states.running, events['step-ended'])
    expect(advance(done, events['skip-requested'])).toBe(done)
  })

  describe('an approval', () => {
    const approve = (id: string, at = later): RunEvent =>
      ({ ...events.approved, id, at }) as RunEvent
    const waitOf = (state: RunState) => state.steps[0]?.wait
    const asked = (change: object) =>
      fold(start, [events.begun, { ...events['wait-began'], ...change } as RunEvent])

    it('counts one person once and the asker not at all', () => {
      const once = fold(states.waiting, [approve('ann'), approve('ann'), approve('asker')])
      expect(waitOf(once)?.approvals.map(({ id }) => id)).toEqual(['ann'])
      expect(waitOf(advance(once, approve('ben')))?.approvals).toHaveLength(2)
    })

    it('counts the asker where the plan says so', () => {
      const wait = waitOf(advance(asked({ excluded: null }), approve('asker')))
      expect(wait?.approvals).toHaveLength(1)
    })

    it('counts nobody after the expiry or a rejection', () => {
      const expiresAt = '2026-01-01T00:30:00.000Z'
      const late = asked({ expiresAt })
      expect(advance(late, approve('ann', expiresAt))).toBe(late)
      const refused = advance(states.waiting, events.rejected)
      expect(advance(refused, approve('ben'))).toBe(refused)
    })

    it('goes on after a crash with what it had, and begins anew after a failure', () => {
      const one = advance(states.waiting, approve('ann'))
      const resumed = fold(one, [events.paused, events.begun, events['wait-began']])
      expect(waitOf(resumed)?.approvals).toHaveLength(1)
      const again = fold(one, [events.failed, events.begun, events['wait-began']])
      expect(waitOf(again)?.approvals).toHaveLength(0)
    })
  })

  it('calls a failure of unknown outcome unknown, not failed (I8)', () => {
    expect(advance(states.running, failedUnknown).status).toBe('unknown')
  })

  it('keeps the times of a step that is only looked at again after a crash', () => {
    const done = fold(states.running, [events['step-ended'], { ...events.begun, at: '2027' }])
    const again = advance(done, { type: 'step-began', step: 'one', at: '2027' })
    expect(again.steps[0]).toMatchObject({ status: 'done', startedAt: later, endedAt: later })
  })

  it('begins again after a cancellation, without the old wish to cancel', () => {
    const cancelled = fold(states.running, [
      events['cancel-requested'],
      { type: 'finished', outcome: 'cancelled', at: later },
    ])
    expect(cancelled).toMatchObject({ status: 'done', outcome: 'cancelled', cancelRequested: true })
    expect(canBeginAgain(cancelled)).toBe(true)
    expect(advance(cancelled, events.begun)).toMatchObject({
      status: 'running',
      cancelRequested: false,
      endings: 1,
    })
  })

  it('reads any sequence of events, dropped, doubled or swapped, and never leaves a complete run', () => {
    const anyEvent = fc.constantFrom(...Object.values(events), failedUnknown)
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 40 }), (sequence) => {
        let state = start
        for (const event of sequence) {
          const next = advance(state, event)
          expect(next.steps.map((step) => step.id)).toEqual(['one', 'two'])
          if (isEnded(state) && !canBeginAgain(state)) expect(next).toBe(state)
          expect(next.endings).toBeGreaterThanOrEqual(state.endings)
          state = next
        }
      }),
    )
  })
})

describe('the times of a step', () => {
  const second = (n: number) => `2026-01-01T00:00:${String(n).padStart(2, '0')}.000Z`
  const lookedAt = (from: number, result: 'done' | 'skipped'): RunEvent[] => [
    { type: 'step-began', step: 'one', at: second(from) },
    { type: 'step-ended', step: 'one', result, detail: 'd', at: second(from + 1) },
  ]
  const timesAfter = (...runs: RunEvent[][]) => {
    const { startedAt, endedAt } =
      fold(start, [events.begun, ...runs.flat()]).steps.find(({ id }) => id === 'one') ?? {}
    return [startedAt, endedAt]
  }

  it('stay those of the work when it is only looked at again after a restart', () => {
    const times = timesAfter(lookedAt(10, 'done'), lookedAt(30, 'done'))
    expect(times).toEqual([second(10), second(11)])
  })

  it('are those of the last try when it was left out before', () => {
    const times = timesAfter(lookedAt(10, 'skipped'), lookedAt(30, 'skipped'))
    expect(times).toEqual([second(30), second(31)])
  })
})
