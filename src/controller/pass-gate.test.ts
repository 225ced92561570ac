import { describe, expect, it } from 'vitest'
import { createPassGate } from './pass-gate.ts'

const untilAborted = (signal: AbortSignal) =>
  new Promise<string>((resolve) =>
    signal.addEventListener('abort', () => resolve('ended early'), { once: true }),
  )
const turns = () => new Promise((resolve) => setImmediate(resolve))

describe('the gate of passes', () => {
  it('lets one pass run, and no second one beside it', async () => {
    const gate = createPassGate()
    const first = gate.tryBackground(untilAborted)
    await turns()
    expect(await gate.tryBackground(async () => 'second')).toBeUndefined()
    await gate.clear('over')
    expect(await first).toBe('ended early')
    expect(await gate.tryBackground(async () => 'third')).toBe('third')
  })

  it('ends a background pass for one that was asked for, which runs after its end', async () => {
    const gate = createPassGate()
    const order: string[] = []
    const background = gate.tryBackground(async (signal) => {
      await untilAborted(signal)
      order.push('background ended')
    })
    await turns()
    const { signal } = new AbortController()
    await gate.demand(signal, async () => order.push('asked for'))
    await background
    expect(order).toEqual(['background ended', 'asked for'])
  })

  it('does not end one that was asked for for another one', async () => {
    const gate = createPassGate()
    const caller = new AbortController()
    const first = gate.demand(caller.signal, untilAborted)
    await turns()
    const second = gate.demand(new AbortController().signal, async () => 'second')
    await turns()
    caller.abort()
    expect(await Promise.all([first, second])).toEqual(['ended early', 'second'])
  })

  it('goes on after work that failed', async () => {
    const gate = createPassGate()
    const { signal } = new AbortController()
    await expect(
      gate.demand(signal, async () => Promise.reject(new Error('broken'))),
    ).rejects.toThrow('broken')
    expect(await gate.demand(signal, async () => 'well')).toBe('well')
  })
})
