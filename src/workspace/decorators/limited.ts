import { isCode, isHoldfastError } from '../../model/errors.ts'
import { cancelledError, throwIfCancelled } from '../cancellation.ts'
import type { Workspace } from '../workspace.ts'
import { interceptWorkspace } from './intercept.ts'

export interface LimitOptions {
  /** Calls at once at most. Default 16. */
  readonly max?: number
  /** At the start. Default: max. */
  readonly initial?: number
}

/**
 * Bounds the calls in flight. Throttling halves the bound, each success raises it a little (AIMD, as
 * TCP does), so that two replicators sharing one subscription settle beside each other.
 */
export function limited(workspace: Workspace, options: LimitOptions = {}): Workspace {
  const gate = new Gate(options.max ?? 16, options.initial ?? options.max ?? 16)
  return interceptWorkspace(workspace, async (call, next) => {
    const era = await gate.enter(call.signal)
    try {
      const result = await next()
      gate.succeed()
      return result
    } catch (error) {
      if (isThrottling(error)) gate.backOff(era)
      throw error
    } finally {
      gate.leave()
    }
  })
}

function isThrottling(error: unknown): boolean {
  return (
    isCode(error, 'workspace.throttled') ||
    (isHoldfastError(error) && error.kind === 'transient' && error.retryAfterMs !== undefined)
  )
}

class Gate {
  #limit: number
  #inFlight = 0
  /** Counts the halvings: calls that started before the last one say nothing new about the bound. */
  #era = 0
  readonly #max: number
  readonly #waiting: (() => void)[] = []

  constructor(max: number, initial: number) {
    this.#max = max
    this.#limit = initial
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

  backOff(era: number): void {
    if (era !== this.#era) return
    this.#era += 1
    this.#limit = Math.max(1, this.#limit / 2)
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
    return this.#inFlight < Math.floor(this.#limit)
  }
}
