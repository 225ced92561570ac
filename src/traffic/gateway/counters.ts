/** What a gateway did for one endpoint or service since it started. */
export interface Counter {
  requests: number
  /** The caller got no answer of an upstream, or half of one. */
  failed: number
  /** Sent a second time. */
  retried: number
  /** Upstream answers of 500 and above that were passed on. */
  serverErrors: number
  /** Under way now. */
  inFlight: number
  lastAnswerFrom: string | undefined
  lastAnswerMs: number | undefined
}

export interface CounterView extends Omit<Counter, 'lastAnswerMs'> {
  readonly lastAnswerAt: string | undefined
}

/** Names come from the pointer's endpoints and services, so there is no end of memory in them. */
export class Counters {
  readonly #counters = new Map<string, Counter>()

  of(name: string): Counter {
    const known = this.#counters.get(name)
    if (known !== undefined) return known
    const made: Counter = {
      requests: 0,
      failed: 0,
      retried: 0,
      serverErrors: 0,
      inFlight: 0,
      lastAnswerFrom: undefined,
      lastAnswerMs: undefined,
    }
    this.#counters.set(name, made)
    return made
  }

  all(): Record<string, CounterView> {
    const views = [...this.#counters].map(([name, { lastAnswerMs, ...counter }]) => {
      const at = lastAnswerMs === undefined ? undefined : new Date(lastAnswerMs).toISOString()
      return [name, { ...counter, lastAnswerAt: at }]
    })
    return Object.fromEntries(views)
  }
}
