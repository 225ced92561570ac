import { describe, expect, it } from 'vitest'
import type { Caller, Role } from '../api/roles.ts'
import type { Run } from '../runbook/journal.ts'
import { accepted, fold, type RunEvent } from '../runbook/run-state.ts'
import { againAs, refuseAbort, refuseAnswer, refuseSkip } from './demands.ts'

const at = '2026-01-01T12:00:00.000Z'
const now = new Date(at)
const steps = [
  { id: 'before' },
  { id: 'ok' },
  { id: 'raise-epoch', noReturn: true },
  { id: 'traffic', skippable: true },
].map((each) => ({ title: each.id, ...each }))
const caller = (name: string, role: Role = 'approver'): Caller => ({
  ...{ id: name, name, via: 'sign-in' },
  roles: { g: role },
})

function runAfter(events: readonly object[], id = 'failover-g-e2', runbook = 'failover'): Run {
  const dated = events.map((event) => ({ at, ...event }) as RunEvent)
  return {
    header: {
      ...{
        id,
        runbook,
        group: 'g',
        input: { epoch: 1 },
        steps,
        acceptedAt: at,
        askedBy: { id: 'ann', name: 'ann' },
      },
    },
    state: fold(accepted(steps, at), dated),
  }
}
const begun = { type: 'begun' }
const began = (step: string) => ({ type: 'step-began', step })
const failed = {
  type: 'failed',
  error: { code: 'x', message: 'm', kind: 'permanent', hint: null },
}
const waits = {
  ...{ type: 'wait-began', step: 'ok', for: 'approver', people: 2, reason: 'r' },
  ...{ expiresAt: '2026-01-01T12:30:00.000Z', excluded: { id: 'ann', name: 'ann' } },
}
const waiting = (...more: object[]) => runAfter([begun, began('ok'), waits, ...more])
const codeOf = (work: () => unknown): string | undefined => {
  try {
    work()
  } catch (error) {
    return (error as { code?: string }).code
  }
  return undefined
}

describe('an answer', () => {
  const answer = (run: Run, who: Caller, when = now) =>
    codeOf(() => refuseAnswer(run, {}, who, 'approved', when))

  it('is taken of another person with the role, once', () => {
    expect(answer(waiting(), caller('ben'))).toBeUndefined()
    expect(answer(waiting(), caller('ben', 'admin'))).toBeUndefined()
    expect(answer(waiting(), caller('ann'))).toBe('approval.not-counted')
    const once = waiting({ type: 'approved', step: 'ok', by: 'ben', id: 'ben', reason: null })
    expect(answer(once, caller('ben'))).toBe('approval.not-counted')
    expect(answer(once, caller('cyd'))).toBeUndefined()
    // Another name of the same person is the same person.
    expect(answer(once, { ...caller('ben'), name: 'cyd' })).toBe('approval.not-counted')
  })

  it('is refused without the role, after the expiry, and where nothing waits', () => {
    expect(answer(waiting(), caller('ben', 'operator'))).toBe('approval.wrong-role')
    const late = new Date('2026-01-01T12:30:00.000Z')
    expect(answer(waiting(), caller('ben'), late)).toBe('approval.expired')
    expect(answer(runAfter([begun]), caller('ben'))).toBe('approval.not-wanted')
    expect(answer(waiting(failed), caller('ben'))).toBe('approval.not-wanted')
  })

  it('may be a no of the one who asked', () => {
    expect(codeOf(() => refuseAnswer(waiting(), {}, caller('ann'), 'rejected', now))).toBe(
      undefined,
    )
  })
})

describe('a skip', () => {
  const skip = (run: Run, step: string) => codeOf(() => refuseSkip(run, step))

  it('is taken of a step that may be left out and does not act', () => {
    expect(skip(runAfter([begun]), 'traffic')).toBeUndefined()
    expect(skip(runAfter([begun, began('traffic'), failed]), 'traffic')).toBeUndefined()
  })

  it('is refused of anything else', () => {
    expect(skip(runAfter([begun]), 'raise-epoch')).toBe('step.not-skippable')
    expect(skip(runAfter([begun]), 'nothing')).toBe('step.not-found')
    expect(skip(runAfter([begun, began('traffic')]), 'traffic')).toBe('step.under-way')
    const done = { type: 'step-ended', step: 'traffic', result: 'done', detail: '' }
    expect(skip(runAfter([begun, began('traffic'), done]), 'traffic')).toBe('step.over')
    const over = runAfter([begun, { type: 'finished', outcome: 'complete' }])
    expect(skip(over, 'traffic')).toBe('operation.over')
  })
})

describe('an abort', () => {
  const abort = (run: Run, isPast = false) => codeOf(() => refuseAbort(run, isPast))

  it('is taken before the point of no return, of a failed run as well', () => {
    expect(abort(runAfter([begun, began('before')]))).toBeUndefined()
    expect(abort(runAfter([begun, began('before'), failed]))).toBeUndefined()
  })

  it('is refused from there on, whether the journal or the register says so', () => {
    expect(abort(runAfter([begun, began('raise-epoch')]))).toBe('operation.past-no-return')
    const half = runAfter([begun, began('raise-epoch'), failed])
    expect(abort(half)).toBeUndefined()
    expect(abort(half, true)).toBe('operation.past-no-return')
  })
})

describe('a retry', () => {
  const known = (runs: Run[], change: object = {}) => ({
    ...{ runs, epoch: 1, begunBy: null, now },
    ...change,
  })
  const broken = runAfter([begun, began('before'), failed])
  const retry = (run: Run, change: object = {}, others: Run[] = []) =>
    codeOf(() => againAs(run, known([...others, run], change)))

  it('is the same run again', () => {
    expect(againAs(broken, known([broken]))).toMatchObject({
      ...{ id: 'failover-g-e2', runbook: 'failover', input: { epoch: 1 }, failed: 'source' },
    })
    expect(retry(broken, { epoch: 2, begunBy: 'failover-g-e2' })).toBeUndefined()
  })

  it('is refused where something else is true by now', () => {
    expect(retry(runAfter([begun]))).toBe('operation.not-ended')
    expect(retry(runAfter([begun, { type: 'finished', outcome: 'complete' }]))).toBe(
      'operation.over',
    )
    expect(retry(runAfter([begun, failed], 'sync-1', 'sync'))).toBe('operation.not-retryable')
    expect(retry(broken, {}, [runAfter([begun], 'x', 'sync')])).toBe('operation.busy')
    const newer = runAfter([begun, { type: 'finished', outcome: 'complete' }], 'y', 'reprotect')
    expect(retry(broken, {}, [newer])).toBe('operation.superseded')
    expect(retry(broken, { epoch: 2, begunBy: 'other' })).toBe('epoch.changed')
    const later = { now: new Date('2026-01-01T13:30:00.000Z') }
    expect(retry(broken, later)).toBe('operation.grown-old')
  })
})
