import { HoldfastError } from '../model/errors.ts'
import {
  type BatchBoard,
  type BatchResult,
  type BoardMember,
  type Claim,
  claimKey,
} from './batch-board.ts'
import { Bell } from './bell.ts'

/** That a batch is still ours; asked before each of its effects. */
export interface Lease {
  /** Aborted when it is not, or when the executor is to stop at once. */
  readonly signal: AbortSignal
  /** Throws `batch.lost` (cancelled). */
  check(): void
}

export interface ExecutorOptions {
  readonly board: BatchBoard
  readonly by: string
  readonly as: BoardMember
  /** Batches at a time. */
  readonly most: number
  readonly perform: (claim: Claim, lease: Lease) => Promise<BatchResult>
  /** After each batch that is settled. */
  readonly onSettled?: () => void
  /**
   * A batch, or the board itself, failed; the batch is given back before. Resolves when the next one
   * may be tried; when it rejects, the executor ends.
   */
  readonly onFailure: (error: unknown) => Promise<void>
}

interface Running {
  readonly claim: Claim
  readonly abort: AbortController
  /** Milliseconds of a clock that only goes forward. */
  readonly since: number
}

/**
 * Takes batches from a board and performs them: the process of a pass does, and every worker. One
 * that stands still for longer than the board waits finds out before its next effect, by its own
 * clocks, and lets go: by then others may have the batch.
 */
export class BatchExecutor {
  readonly #options: ExecutorOptions
  readonly #running = new Map<string, Running>()
  readonly #bell = new Bell()
  readonly #beats = new Bell()
  readonly #stopped = new AbortController()
  #heard = instant()
  #workers = 0
  #ended: Promise<void> | undefined

  constructor(options: ExecutorOptions) {
    this.#options = options
  }

  /** Of other processes, as of the last beat. */
  get workers(): number {
    return this.#workers
  }

  /** Says that it is there before it takes anything. */
  async start(): Promise<void> {
    await this.#beat()
    this.#ended = Promise.all([this.#work(), this.#beatOn()]).then(() => undefined)
    // Whoever stops it hears of a failure; until then nobody listens.
    this.#ended.catch(() => undefined)
  }

  /** There may be something to do. */
  wake(): void {
    this.#bell.ring()
  }

  /** Takes nothing more, and gives up what is under way. */
  abort(reason: unknown): void {
    this.#stopped.abort()
    this.#bell.ring()
    for (const { abort } of this.#running.values()) abort.abort(reason)
  }

  /** Takes nothing more, and resolves when nothing is under way. Rejects with what ended it. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    this.#bell.ring()
    await this.#ended
  }

  async #work(): Promise<void> {
    const { board, by, as, most } = this.#options
    const pass = 'coordinates' in as ? as.coordinates : undefined
    const under = new Set<Promise<void>>()
    let failed: { readonly by: unknown } | undefined
    const begin = (claim: Claim): void => {
      const one: Promise<void> = this.#perform(claim)
        .catch((error: unknown) => {
          failed ??= { by: error }
          this.#stopped.abort()
        })
        .finally(() => {
          under.delete(one)
          this.#bell.ring()
        })
      under.add(one)
    }
    try {
      while (!this.#stopped.signal.aborted) {
        const claim = under.size < most ? await this.#claim(() => board.claim(by, pass)) : undefined
        if (claim === undefined) await this.#bell.heard(board.rhythm?.pollMs)
        else if (this.#stopped.signal.aborted) await board.release(claim)
        else begin(claim)
      }
    } finally {
      this.#stopped.abort()
      await Promise.all(under)
      this.#beats.ring()
    }
    if (failed !== undefined) throw failed.by
  }

  async #claim(claim: () => Promise<Claim | undefined>): Promise<Claim | undefined> {
    try {
      return await claim()
    } catch (error) {
      await this.#options.onFailure(error)
      return undefined
    }
  }

  async #perform(claim: Claim): Promise<void> {
    const { board, perform, onSettled, onFailure } = this.#options
    const abort = new AbortController()
    const running = { claim, abort, since: performance.now() }
    this.#running.set(claimKey(claim), running)
    try {
      const result = await perform(claim, this.#leaseOf(running))
      if (await board.settle(claim, result)) onSettled?.()
    } catch (error) {
      // Somebody else has it, or will: what is done by then is found and not done again (I2).
      await board.release(claim).catch(() => undefined)
      if (!isLost(abort.signal)) await onFailure(error)
    } finally {
      this.#running.delete(claimKey(claim))
    }
  }

  /** Nobody will ever perform what is left on the board: whoever waits for it must not wait for ever. */
  async #end(error: HoldfastError): Promise<void> {
    this.abort(error)
    await this.#options.onFailure(error).catch(() => undefined)
  }

  #leaseOf({ claim, abort }: Running): Lease {
    const { board } = this.#options
    return {
      signal: abort.signal,
      check: () => {
        const { rhythm } = board
        // A beat on its way counts for nothing: only an answer shows that nobody else took over.
        if (rhythm !== undefined && sinceMs(this.#heard) > rhythm.ttlMs / 2)
          abort.abort(lost(claim))
        if (isLost(abort.signal)) throw abort.signal.reason
      },
    }
  }

  async #beatOn(): Promise<void> {
    const { board } = this.#options
    if (board.rhythm === undefined) return
    const { beatMs } = board.rhythm
    // To the very end: what is still under way is still held.
    while (!this.#stopped.signal.aborted || this.#running.size > 0) {
      await this.#beats.heard(beatMs)
      // A beat that fails is seen by its absence: without one nothing more is written.
      await this.#beat().catch(() => undefined)
    }
  }

  async #beat(): Promise<void> {
    const { board, by, as } = this.#options
    const began = instant()
    const { standing, workers, isOver } = await board.beat(by, as)
    if (isOver && !this.#stopped.signal.aborted) await this.#end(overtaken())
    this.#heard = began
    this.#workers = workers
    for (const [key, { claim, abort, since }] of this.#running)
      if (since < began.steady && !standing.has(key)) abort.abort(lost(claim))
  }
}

/** Two clocks: one stands still while a machine sleeps, and the other may be set. */
const instant = () => ({ steady: performance.now(), wall: Date.now() })
const sinceMs = ({ steady, wall }: ReturnType<typeof instant>): number =>
  Math.max(performance.now() - steady, Date.now() - wall)

const overtaken = (): HoldfastError =>
  new HoldfastError(
    'pass.overtaken',
    'this process was silent for so long that another one ended its pass',
    { kind: 'transient', hint: 'The next pass does what this one left.' },
  )

const lostCode = 'batch.lost'

function lost({ pass, number }: Claim): HoldfastError {
  return new HoldfastError(lostCode, `batch ${number} is somebody else's by now`, {
    kind: 'cancelled',
    place: pass,
  })
}

function isLost({ reason }: AbortSignal): boolean {
  return reason instanceof HoldfastError && reason.code === lostCode
}
