import type { Event } from '../api/contract.ts'

export interface PublishedEvent {
  /** `<run of the controller>-<number>`: a number of another run must not be mistaken for ours. */
  readonly id: string
  readonly event: Event
}

/** Events for the console and the CLI; the newest are kept so that a broken connection loses none. */
export interface EventBus {
  publish(event: Event): void
  /** Calls back for every event from now on, synchronously; returns how to end it. */
  subscribe(listener: (published: PublishedEvent) => void): () => void
  /** What came after that event; undefined when it is not known any more. */
  after(id: string): readonly PublishedEvent[] | undefined
}

export function createEventBus(options: {
  readonly runId: string
  readonly keep?: number
}): EventBus {
  const keep = options.keep ?? 512
  const listeners = new Set<(published: PublishedEvent) => void>()
  const ring: PublishedEvent[] = []
  let count = 0
  return {
    publish: (event) => {
      count += 1
      const published = { id: `${options.runId}-${count}`, event }
      ring.push(published)
      if (ring.length > keep) ring.shift()
      for (const listener of listeners) listener(published)
    },
    subscribe: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    after: (id) => {
      if (id === `${options.runId}-${count}`) return []
      const index = ring.findIndex((published) => published.id === id)
      return index < 0 ? undefined : ring.slice(index + 1)
    },
  }
}
