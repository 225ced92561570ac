import { cancelledError, throwIfCancelled } from '../cancellation.ts'

export interface GateOptions {
  /** Calls at once at most. Default 16. */
  readonly max?: number
  /** At the start. Default: max. */
  readonly initial?: number
  /** Longest time for which a service that asks for it is left alone, in milliseconds. Default 120,000. */
  readonly maxHoldMs?: number
  /** Milliseconds of a clock that only goes forward. */
  readonly now?: () => number
  readonly after?: (ms: number, wake: () => void) => void
}

const notHeld = Number.NEGATIVE_INFINITY

/**
 * Bounds the calls in flight at one service. Throttling halves the bound, each success raises it a
 * little (AIMD, as TCP does), so that two replicators sharing one subscription settle beside each
 * other. While the service has asked to wait, nobody is admitted: one answer holds back all.
 */
export class Gate {
  #limit: number
  #inFlight = 0
  #heldUntil = notHeld
  /** Counts the halvings: calls that started before the last one say nothing new about the bound. */
  #era = 0
  readonly #max: number
  readonly #maxHoldMs: number
  readonly #now: () => number
  readonly #after: (ms: number, wake: () => void) => void
  readonly #waiting: (() => void)[] = []

  constructor(options: GateOptions = {}) {
    this.#max = options.max ?? 16
    this.#limit = options.initial ?? this.#max
    this.#maxHoldMs = options.maxHoldMs ?? 120_000
    this.#now = options.now ?? (() => performance.now())
    this.#after = options.after ?? ((ms, wake) => void setTimeout(wake, ms))
  }

  async enter(signal: AbortSignal | undefined): Promise<number> {
    throwIfCancelled(signal)
    if (this.#hasRoom() && this.#waiting.length === 0) this.#inFlight += 1
    else await this.#turn(signal)
    return this.#era
  }

  leave(): void {
    this.#inFlight -= 1
    this.#admit()
  }

  succeed(): void {
    this.#limit = Math.min(this.#max, this.#limit + 1 / this.#limit)
  }

  backOff(era: number, retryAfterMs = 0): void {
    this.#hold(Math.min(retryAfterMs, this.#maxHoldMs))
    if (era !== this.#era) return
    this.#era += 1
    this.#limit = Math.max(1, this.#limit / 2)
  }

  #hold(ms: number): void {
    const until = this.#now() + ms
    if (ms <= 0 || until <= this.#heldUntil) return
    this.#heldUntil = until
    // The alarm ends the hold, not the clock: an alarm may ring a little early, and rings once.
    this.#after(ms, () => this.#release(until))
  }

  #release(until: number): void {
    if (until !== this.#heldUntil) return
    this.#heldUntil = notHeld
    this.#admit()
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const admit = () => {
        signal?.removeEventListener('abort', cancel)
        resolve()
      }
      const cancel = () => {
        this.#waiting.splice(this.#waiting.indexOf(admit), 1)
        reject(cancelledError(signal))
      }
      signal?.addEventListener('abort', cancel, { once: true })
      this.#waiting.push(admit)
    })
  }

  #admit(): void {
    while (this.#hasRoom()) {
      const admit = this.#waiting.shift()
      if (admit === undefined) return
      // Counted here and not when the caller wakes up, or a newcomer could slip in between.
      this.#inFlight += 1
      admit()
    }
  }

  #hasRoom(): boolean {
    return this.#inFlight < Math.floor(this.#limit) && this.#heldUntil === notHeld
  }
}
