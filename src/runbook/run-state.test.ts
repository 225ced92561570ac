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
  { id: 'one', title: 'First' },
  { id: 'two', title: 'Second' },
]
const error = { code: 'x', message: 'm', kind: 'permanent', hint: null } as const

const events: Record<RunEventType, RunEvent> = {
  begun: { type: 'begun', at: later },
  'step-began': { type: 'step-began', step: 'one', at: later },
  'step-intended': { type: 'step-intended', step: 'one', detail: 'd', at: later },
  'step-ended': { type: 'step-ended', step: 'one', result: 'done', detail: 'd', at: later },
  'wait-began': { type: 'wait-began', step: 'one', reason: 'r', at: later },
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
    failed: 'failed',
  },
  waiting: {
    begun: 'same',
    'step-began': 'same',
    'step-intended': 'same',
    'step-ended': 'same',
    'wait-began': 'same',
    answered: 'running',
    paused: 'paused',
    'cancel-requested': 'waiting',
    finished: 'same',
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
    finished: 'same',
    failed: 'failed',
  },
  done: refuseAll(),
  failed: { ...refuseAll(), begun: 'running' },
  unknown: { ...refuseAll(), begun: 'running' },
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
