import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { at, doneSteps, group, operationOf } from '../testing/scripted-controller.ts'
import { type WatchState, watchLines } from './watch-view.ts'

const state: WatchState = {
  status: { version: '0', now: at(60), groups: [group] },
  ...{ lostSince: undefined, heardAt: new Date(at(60)), overlay: undefined, scroll: 0 },
  now: new Date(at(60)),
}

describe('the screen of status --watch', () => {
  it('fits any size, whatever it shows', () => {
    const operation = operationOf('failover', { steps: [...doneSteps, ...doneSteps] })
    const states: WatchState[] = [
      state,
      { ...state, lostSince: new Date(at(30)) },
      { ...state, overlay: { shows: 'help' } },
      { ...state, overlay: { shows: 'preview', operation } },
      { ...state, status: undefined },
    ]
    fc.assert(
      fc.property(
        fc.constantFrom(...states),
        fc.integer({ min: 20, max: 200 }),
        fc.integer({ min: 3, max: 60 }),
        fc.nat(100),
        (shown, columns, rows, scroll) => {
          const lines = watchLines({ ...shown, scroll }, { columns, rows })
          expect(lines).toHaveLength(rows)
          for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns)
        },
      ),
    )
  })

  it('says that what it shows is old when the controller is gone (I8)', () => {
    const lines = watchLines(
      { ...state, lostSince: new Date(at(50)), now: new Date(at(57)) },
      { columns: 100, rows: 30 },
    )
    expect(lines[0]).toContain('has not answered for 7.0 s')
    expect(lines[1]).toContain(`was true at ${at(60)}`)
    expect(lines.join('\n')).toContain('effective primary')
  })

  it('keeps the steps and leaves out the counts where both have no room', () => {
    const busy = {
      ...group,
      operation: operationOf('failover', {
        steps: Array.from({ length: 8 }, () => doneSteps).flat(),
      }),
    }
    const status = { version: '0', now: at(60), groups: [busy] }
    const text = (rows: number) =>
      watchLines({ ...state, status }, { columns: 100, rows }).join('\n')
    expect(text(40)).toContain('IN SCOPE')
    expect(text(22)).not.toContain('IN SCOPE')
    expect(text(22)).toContain('Do the first thing')
  })
})
