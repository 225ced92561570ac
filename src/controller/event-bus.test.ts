import { describe, expect, it } from 'vitest'
import type { Event } from '../api/contract.ts'
import { createEventBus, type PublishedEvent } from './event-bus.ts'

const event = (version: string): Event => ({
  ...{ type: 'status', at: '2026-01-01T00:00:00.000Z' },
  data: { version, now: '2026-01-01T00:00:00.000Z', groups: [] },
})
const told = (all: readonly PublishedEvent[] | undefined) =>
  all?.map(({ frame }) => /"version":"(\w+)"/.exec(frame.toString())?.[1])

describe('the event bus', () => {
  it('gives back what came after any event that it still keeps, and only that', () => {
    const bus = createEventBus({ runId: 'a-run', keep: 3 })
    const before = bus.newestId()
    const ids = ['one', 'two', 'three', 'four'].map((version) => {
      bus.publish(event(version))
      return bus.newestId()
    })
    // `one` was forgotten, so whoever read nothing before it missed something.
    expect(bus.after(before)).toBeUndefined()
    expect(ids.map((id) => told(bus.after(id)))).toEqual([
      ['two', 'three', 'four'],
      ['three', 'four'],
      ['four'],
      [],
    ])
    for (const unknown of ['a-run-5', 'another-1', 'a-run-', 'nonsense', ''])
      expect(bus.after(unknown)).toBeUndefined()
  })

  it('has nothing to add for whoever read the status before the first event', () => {
    const bus = createEventBus({ runId: 'r' })
    const id = bus.newestId()
    expect(bus.after(id)).toEqual([])
    bus.publish(event('one'))
    expect(told(bus.after(id))).toEqual(['one'])
  })

  it('writes each event once for all that listen', () => {
    const bus = createEventBus({ runId: 'r' })
    const frames: Buffer[] = []
    bus.subscribe(({ frame }) => frames.push(frame))
    const leave = bus.subscribe(({ frame }) => frames.push(frame))
    bus.publish(event('one'))
    expect(frames[0]).toBe(frames[1])
    expect(String(frames[0])).toMatch(/^id: r-1\nevent: status\ndata: \{.*\}\n\n$/)
    leave()
    bus.publish(event('two'))
    expect(frames.length).toBe(3)
  })
})
