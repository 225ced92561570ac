import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { StepState } from '../api/contract.ts'
import { type StepLinesView, stepLines } from './step-lines.ts'
import { at, doneSteps, operationOf } from './testing/scripted-controller.ts'

const step = (id: string, change: Partial<StepState>): StepState => ({
  ...{ id, title: `Do the ${id} thing, which takes a long sentence to tell`, status: 'pending' },
  ...{ startedAt: null, endedAt: null, detail: null, progress: null },
  ...change,
})
const running = step('second', {
  ...{ status: 'running', startedAt: at(2), expectedMs: 10_000 },
  progress: { done: 3, total: 10, bytes: null },
})
const toCome = (count: number) =>
  Array.from({ length: count }, (_, i) => step(`later${i}`, { expectedMs: 4000 }))
const view: StepLinesView = {
  ...{ columns: 100, rows: 30, now: new Date(at(6)), startedAt: new Date(at(0)) },
  ...{ beganAt: () => new Date(at(2)), hint: 'Ctrl-C leaves it to the controller' },
}
const operation = operationOf('failover', {
  steps: [...doneSteps, running, ...toCome(3)],
  estimatedEndAt: at(26),
})

describe('the steps of an operation in a terminal', () => {
  it('say what was done, how long the one under way takes, and what is to come', () => {
    expect(stepLines(operation, view)).toEqual([
      '✔ Do the first thing (2.0 s)',
      '    It stands.',
      expect.stringMatching(/^[⠋-⠿] Do the second thing, .* \(4\.0 s, 10\.0 s before\)$/),
      '    3 of 10 objects',
      ...[0, 1, 2].map((i) => expect.stringMatching(`^· Do the later${i} .* \\(about 4\\.0 s\\)$`)),
      'failover for 6.0 s, ends in about 20.0 s; Ctrl-C leaves it to the controller',
    ])
  })

  it('fit any terminal, and the step under way is among them', () => {
    const long = { ...operation, steps: [...doneSteps, ...doneSteps, running, ...toCome(20)] }
    fc.assert(
      fc.property(
        fc.integer({ min: 20, max: 200 }),
        fc.integer({ min: 4, max: 60 }),
        (columns, rows) => {
          const lines = stepLines(long, { ...view, columns, rows })
          expect(lines.length).toBeLessThan(rows)
          for (const line of lines) expect(line.length).toBeLessThan(columns)
          if (rows >= 8) expect(lines.some((line) => /^[⠋-⠿]/.test(line))).toBe(true)
        },
      ),
    )
  })

  it('name whom a step waits for and how one answers', () => {
    const waiting = operationOf('failover', {
      ...{ status: 'waiting', waitingFor: 'operator' },
      steps: [step('four-eyes', { status: 'waiting', startedAt: at(1) })],
    })
    expect(stepLines(waiting, view).join('\n')).toContain('waiting for operator')
  })
})
