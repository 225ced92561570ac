import { describe, expect, it } from 'vitest'
import { estimatedEnd, expectationOf, expectationsFor } from './estimate.ts'
import type { Run } from './journal.ts'
import { accepted, fold, type RunEvent, type StepOutline } from './run-state.ts'

const at = (second: number) => new Date(second * 1000).toISOString()

/** A run whose steps took so many seconds, one after the other. */
function ran(runbook: string, took: Readonly<Record<string, number>>, more: RunEvent[] = []): Run {
  let now = 0
  const events = Object.entries(took).flatMap(([step, seconds]): RunEvent[] => {
    const began = at(now)
    now += seconds
    return [
      { type: 'step-began', step, at: began },
      { type: 'step-ended', step, result: 'done', detail: '', at: at(now) },
    ]
  })
  const steps = Object.keys(took).map((id) => ({ id, title: id }))
  return run(runbook, steps, [
    { type: 'begun', at: at(0) },
    ...more,
    ...events,
    { type: 'finished', outcome: 'complete', at: at(now) },
  ])
}

function run(runbook: string, steps: StepOutline[], events: RunEvent[]): Run {
  const header = { id: 'r', runbook, group: 'g', input: {}, steps, acceptedAt: at(0) }
  return { header, state: fold(accepted(steps, at(0)), events) }
}

const msOf = (runbook: string, past: Run[]) =>
  Object.fromEntries([...expectationsFor(runbook, past)].map(([id, { ms }]) => [id, ms]))

describe('what a step is expected to take', () => {
  it('is the median of what it took', () => {
    const past = [3, 100, 1, 4].map((seconds) => ran('failover', { a: seconds }))
    expect(msOf('failover', past)).toEqual({ a: 3500 })
  })

  it('is what the same runbook took, else what a step of the same id took elsewhere', () => {
    const past = [ran('drill', { a: 9, b: 8 }), ran('failover', { a: 2 })]
    expect(msOf('failover', past)).toEqual({ a: 2000, b: 8000 })
    expect(expectationsFor('failover', past).get('b')).toMatchObject({ runbook: 'drill', runs: 1 })
  })

  it('is what its rehearsal took, where no move went through here', () => {
    const rehearsed = new Map([['warm', 'warm-copies']])
    const drill = ran('drill', { 'warm-copies': 7 })
    const after = (past: Run[]) => expectationsFor('failover', past, rehearsed).get('warm')
    expect(after([drill])).toEqual({ ms: 7000, runbook: 'drill', runs: 1 })
    expect(after([drill, ran('failover', { warm: 2 })])).toMatchObject({ runbook: 'failover' })
    expect(after([])).toBeUndefined()
  })

  it('is unknown without history, and of a run that failed or still works', () => {
    const steps = [{ id: 'a', title: 'a' }]
    const done = { type: 'step-ended', step: 'a', result: 'done', detail: '', at: at(5) } as const
    const begun: RunEvent[] = [
      { type: 'begun', at: at(0) },
      { type: 'step-began', step: 'a', at: at(0) },
      done,
    ]
    const error = { code: 'x', message: 'x', kind: 'transient', hint: null } as const
    const failed: RunEvent = { type: 'failed', error, at: at(6) }
    const finished: RunEvent = { type: 'finished', outcome: 'complete', at: at(9) }
    const goneOnWith = [...begun, failed, { type: 'begun', at: at(8) } as const, finished]
    expect(msOf('failover', [])).toEqual({})
    for (const events of [begun, [...begun, failed], goneOnWith])
      expect(msOf('failover', [run('failover', steps, events)])).toEqual({})
  })

  it('forgets old runs', () => {
    const past = [...Array(10).fill(1), ...Array(10).fill(99)]
    expect(
      msOf(
        'drill',
        past.map((s: number) => ran('drill', { a: s })),
      ),
    ).toEqual({ a: 1000 })
  })
})

describe('what a whole run is expected to take', () => {
  const known = expectationsFor('failover', [ran('failover', { a: 10, b: 20 })])
  const a = { id: 'a', title: 'a' }
  const b = { id: 'b', title: 'b' }

  it('is the sum, and says where it comes from', () => {
    expect(expectationOf([a, b], known)).toEqual({
      ...{ durationMs: 30_000, knownMs: 30_000, unknownSteps: [], waits: false },
      from: [{ type: 'failover', runs: 1 }],
    })
  })

  it('is unknown where a step never ran, and says what is known', () => {
    expect(expectationOf([a, { id: 'new' }], known)).toMatchObject({
      ...{ durationMs: null, knownMs: 10_000, unknownSteps: ['new'] },
    })
  })

  it('leaves out what people take', () => {
    expect(expectationOf([a, { id: 'ok', waits: true }], known)).toMatchObject({
      ...{ durationMs: 10_000, waits: true, unknownSteps: [] },
    })
  })

  const endOf = (steps: StepOutline[], events: RunEvent[], second: number) =>
    estimatedEnd(run('failover', steps, events).state, at(0), known, new Date(at(second)))
  const began = (step: string, second: number): RunEvent[] => [
    { type: 'begun', at: at(0) },
    { type: 'step-began', step, at: at(second) },
  ]
  const ended = (step: string, second: number): RunEvent => ({
    ...{ type: 'step-ended', step, result: 'done', detail: '', at: at(second) },
  })

  it('ends when the step under way and those to come have taken as long as before', () => {
    expect(endOf([a, b], [], 0)).toBe(at(30))
    expect(endOf([a, b], began('a', 5), 7)).toBe(at(35))
    expect(endOf([a, b], [...began('a', 5), ended('a', 6)], 7)).toBe(at(26))
  })

  it('ends nobody knows when: a step is late, never ran, or people have to answer', () => {
    expect(endOf([a, b], began('a', 0), 11)).toBeNull()
    expect(endOf([a, { id: 'new', title: '' }], began('a', 0), 1)).toBeNull()
    expect(endOf([a, { id: 'ok', title: '', waits: true }], began('a', 0), 1)).toBeNull()
    expect(
      endOf([a], [...began('a', 0), { type: 'cancel-requested', by: 'x', at: at(1) }], 2),
    ).toBe(null)
  })
})
