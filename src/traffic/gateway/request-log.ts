import type { Counter } from './counters.ts'
import type { RoutedRequest } from './route.ts'

/** One line of the access log. No query, no header, no body: those may hold secrets (I9). */
export interface AccessEntry {
  readonly method: string
  readonly path: string
  /** Endpoint or service. */
  readonly to: string
  readonly epoch: number
  /** Who answered; absent: nobody. */
  readonly member?: string
  /** Absent: the caller hung up before there was an answer. */
  readonly status?: number
  readonly milliseconds: number
}

export interface RequestLogOptions {
  /** Requests under way at once; more are refused, so that an outage does not exhaust memory. */
  readonly mostInFlight: number
  readonly observe: (to: string, seconds: number) => void
  readonly access: ((entry: AccessEntry) => void) | undefined
}

export interface LoggedRequest {
  readonly method: string
  readonly target: string
  readonly routed: RoutedRequest
  readonly epoch: number
  readonly counter: Counter
}

/** Told once, when nothing more will come of the request. */
export type Finished = (outcome: { readonly member?: string; readonly status?: number }) => void

/** Admits requests, and knows what came of them; both lanes go through it. */
export class RequestLog {
  readonly #options: RequestLogOptions
  #inFlight = 0

  constructor(options: RequestLogOptions) {
    this.#options = options
  }

  get isFull(): boolean {
    return this.#inFlight >= this.#options.mostInFlight
  }

  get inFlight(): number {
    return this.#inFlight
  }

  begin({ method, target, routed, epoch, counter }: LoggedRequest): Finished {
    const { observe, access } = this.#options
    const start = performance.now()
    this.#inFlight++
    counter.requests++
    counter.inFlight++
    let isOver = false
    return (outcome) => {
      if (isOver) return
      isOver = true
      this.#inFlight--
      counter.inFlight--
      const milliseconds = performance.now() - start
      observe(routed.counter, milliseconds / 1000)
      const path = access && (target.split('?', 1)[0] ?? '')
      if (path !== undefined) {
        access?.({ method, path, to: routed.counter, epoch, ...outcome, milliseconds })
      }
    }
  }
}
