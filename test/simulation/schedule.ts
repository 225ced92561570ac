import { cancelledError } from '../../src/workspace/cancellation.ts'

/**
 * Simulated time. It moves only from one event to the next; between two events every promise that
 * can go on goes on, so the order of everything follows from the order of events.
 */
export interface Schedule {
  now(): number
  at(ms: number, work: () => void): void
  /** Rejects when the signal fires before. */
  wait(ms: number, signal?: AbortSignal): Promise<void>
  log(line: string): void
  /** What happened, as one word: two runs of a seed have the same. */
  digest(): string
  /** Events so far. */
  count(): number
  readonly lines: readonly string[]
  /** Runs events until `until` or until `isOver`. */
  run(until: number, isOver: () => boolean): Promise<void>
}

interface Entry {
  readonly ms: number
  readonly order: number
  readonly work: () => void
}

export const startMs = Date.parse('2026-01-01T12:00:00.000Z')

export function createSchedule(options: { readonly trace: boolean }): Schedule {
  const queue: Entry[] = []
  const lines: string[] = []
  let now = startMs
  let order = 0
  let counted = 0
  let hash = 0x811c9dc5

  const at = (ms: number, work: () => void): void => {
    push(queue, { ms: Math.max(ms, now), order: order++, work })
  }
  const wait = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(cancelledError(signal))
      const cancel = () => reject(cancelledError(signal))
      signal?.addEventListener('abort', cancel, { once: true })
      at(now + ms, () => {
        signal?.removeEventListener('abort', cancel)
        resolve()
      })
    })
  return {
    now: () => now,
    at,
    wait,
    log: (line) => {
      const text = `${now - startMs} ${line}`
      for (let i = 0; i < text.length; i += 1)
        hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
      if (options.trace) lines.push(text)
    },
    digest: () => (hash >>> 0).toString(16).padStart(8, '0'),
    lines,
    count: () => counted,
    run: async (until, isOver) => {
      for (let next = queue[0]; next !== undefined && next.ms <= until; next = queue[0]) {
        pop(queue)
        now = next.ms
        counted += 1
        next.work()
        await settled(counted)
        if (isOver()) return
      }
      now = Math.max(now, until)
    },
  }
}

/** How many events may pass before the process gets to do what is not simulated. */
const breath = 256

/** Everything that waits for nothing but promises has gone on: a tick comes after them, and cheaply. */
function settled(event: number): Promise<void> {
  if (event % breath === 0) return new Promise((resolve) => setImmediate(resolve))
  return new Promise((resolve) => process.nextTick(resolve))
}

const isBefore = (a: Entry, b: Entry): boolean =>
  a.ms < b.ms || (a.ms === b.ms && a.order < b.order)

function push(heap: Entry[], entry: Entry): void {
  let place = heap.push(entry) - 1
  while (place > 0) {
    const parent = (place - 1) >> 1
    if (!isBefore(entry, heap[parent] as Entry)) break
    heap[place] = heap[parent] as Entry
    place = parent
  }
  heap[place] = entry
}

function pop(heap: Entry[]): void {
  const last = heap.pop() as Entry
  if (heap.length === 0) return
  let place = 0
  for (;;) {
    let child = 2 * place + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child + 1] as Entry, heap[child] as Entry))
      child += 1
    if (!isBefore(heap[child] as Entry, last)) break
    heap[place] = heap[child] as Entry
    place = child
  }
  heap[place] = last
}
