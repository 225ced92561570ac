import { type Direction, directionKey } from './ledger.ts'

/** What the database holds of these objects; absent ones are missing from the map. */
export type ReadObjects<T> = (
  direction: Direction,
  objects: readonly string[],
) => Promise<Map<string, T>>

interface Ask<T> {
  readonly objects: readonly string[]
  readonly resolve: (rows: Map<string, T>) => void
  readonly reject: (error: unknown) => void
}

/** Objects of one query, so that none grows with the number of readers. */
const mostObjects = 2000

/**
 * What is asked for while a query is under way goes into the next one together: a pass looks at
 * hundreds of short lists side by side, and a query costs nearly the same for one row as for a
 * thousand. Rows are as young as if each had been asked for alone, for the query begins afterwards.
 */
export function gatheredReads<T>(read: ReadObjects<T>): ReadObjects<T> {
  const queues = new Map<string, Queue<T>>()
  return (direction, objects) => {
    const key = directionKey(direction)
    const queue = queues.get(key) ?? new Queue<T>((all) => read(direction, all))
    queues.set(key, queue)
    return queue.ask(objects)
  }
}

class Queue<T> {
  readonly #read: (objects: readonly string[]) => Promise<Map<string, T>>
  readonly #waiting: Ask<T>[] = []
  #isReading = false

  constructor(read: (objects: readonly string[]) => Promise<Map<string, T>>) {
    this.#read = read
  }

  ask(objects: readonly string[]): Promise<Map<string, T>> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ objects, resolve, reject })
      if (!this.#isReading) void this.#readAll()
    })
  }

  async #readAll(): Promise<void> {
    this.#isReading = true
    for (let asks = this.#next(); asks.length > 0; asks = this.#next()) await this.#answer(asks)
    this.#isReading = false
  }

  async #answer(asks: readonly Ask<T>[]): Promise<void> {
    try {
      const rows = await this.#read([...new Set(asks.flatMap(({ objects }) => objects))])
      for (const { objects, resolve } of asks) resolve(only(objects, rows))
    } catch (error) {
      for (const { reject } of asks) reject(error)
    }
  }

  /** As many as fit into one query, and at least one. */
  #next(): Ask<T>[] {
    let objects = 0
    const tooMany = this.#waiting.findIndex((ask, i) => {
      objects += ask.objects.length
      return i > 0 && objects > mostObjects
    })
    return this.#waiting.splice(0, tooMany === -1 ? this.#waiting.length : tooMany)
  }
}

function only<T>(objects: readonly string[], rows: ReadonlyMap<string, T>): Map<string, T> {
  return new Map(
    objects.flatMap((object) => {
      const row = rows.get(object)
      return row === undefined ? [] : [[object, row] as const]
    }),
  )
}
