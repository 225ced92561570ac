import type { Event } from '../api/contract.ts'

export interface PublishedEvent {
  /** `<run of the controller>-<number>`: a number of another run must not be mistaken for ours. */
  readonly id: string
  /** As it goes over the wire: made once, and held once, however many read it and however slowly. */
  readonly frame: Buffer
}

/** Events for the console and the CLI; the newest are kept so that a broken connection loses none. */
export interface EventBus {
  publish(event: Event): void
  /** Calls back for every event from now on, synchronously; returns how to end it. */
  subscribe(listener: (published: PublishedEvent) => void): () => void
  /** Of the newest event; where a reader stands who has read the status since. */
  newestId(): string
  /** What came after that event; undefined when it is not known any more. */
  after(id: string): readonly PublishedEvent[] | undefined
}

/** One message of a `text/event-stream`. */
export function frameOf(id: string, event: Event): Buffer {
  return Buffer.from(`id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
}

export function createEventBus(options: {
  readonly runId: string
  readonly keep?: number
}): EventBus {
  const { runId, keep = 512 } = options
  const listeners = new Set<(published: PublishedEvent) => void>()
  const kept: PublishedEvent[] = []
  let count = 0
  return {
    publish: (event) => {
      count += 1
      const id = `${runId}-${count}`
      const published = { id, frame: frameOf(id, event) }
      kept.push(published)
      if (kept.length > keep) kept.shift()
      for (const listener of listeners) listener(published)
    },
    subscribe: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    newestId: () => `${runId}-${count}`,
    after: (id) => {
      const [, run, number] = /^(.*)-(\d+)$/.exec(id) ?? []
      const read = Number(number)
      const forgotten = count - kept.length
      if (run !== runId || read > count || read < forgotten) return undefined
      return kept.slice(read - forgotten)
    },
  }
}
