import { Agent, request } from 'undici'

export interface TrafficSummary {
  readonly sent: number
  readonly answered: number
  readonly failed: number
  readonly perMember: Readonly<Record<string, number>>
  /** Longest time between two good answers, in milliseconds. */
  readonly longestGapMs: number
  readonly firstAnswerFrom: Readonly<Record<string, number>>
  /** p50 and p99 of good answers, in milliseconds. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly errors: Readonly<Record<string, number>>
}

/**
 * Steady scoring traffic at a fixed rate (open loop: a slow answer does not slow the next request),
 * against one stable address. Counts every request; nothing is retried here.
 */
export class ScoringTraffic {
  readonly #agent = new Agent({ connections: 64, pipelining: 1 })
  #timer: NodeJS.Timeout | undefined
  #sent = 0
  #answered = 0
  #failed = 0
  #lastGoodAt: number | undefined
  #longestGapMs = 0
  readonly #perMember: Record<string, number> = {}
  readonly #firstAnswerFrom: Record<string, number> = {}
  readonly #latencies: number[] = []
  readonly #errors: Record<string, number> = {}
  readonly #pending = new Set<Promise<void>>()

  readonly #url: string
  readonly #key: string
  readonly #payload: string

  constructor(url: string, key: string, payload: string) {
    this.#url = url
    this.#key = key
    this.#payload = payload
  }

  start(perSecond: number): void {
    const started = performance.now()
    let due = 0
    this.#timer = setInterval(() => {
      const target = ((performance.now() - started) / 1000) * perSecond
      while (due < target) {
        due += 1
        const one = this.#send().finally(() => this.#pending.delete(one))
        this.#pending.add(one)
      }
    }, 5)
  }

  async stop(): Promise<TrafficSummary> {
    clearInterval(this.#timer)
    await Promise.allSettled([...this.#pending])
    await this.#agent.destroy()
    return this.summary()
  }

  summary(): TrafficSummary {
    const sorted = [...this.#latencies].sort((a, b) => a - b)
    const quantile = (q: number) =>
      Math.round((sorted[Math.floor(q * (sorted.length - 1))] ?? 0) * 10) / 10
    return {
      sent: this.#sent,
      answered: this.#answered,
      failed: this.#failed,
      perMember: { ...this.#perMember },
      longestGapMs: Math.round(this.#longestGapMs),
      firstAnswerFrom: { ...this.#firstAnswerFrom },
      p50Ms: quantile(0.5),
      p99Ms: quantile(0.99),
      errors: { ...this.#errors },
    }
  }

  async #send(): Promise<void> {
    this.#sent += 1
    const started = performance.now()
    try {
      const answer = await request(this.#url, {
        method: 'POST',
        body: this.#payload,
        headers: { 'content-type': 'application/json', authorization: `Bearer ${this.#key}` },
        dispatcher: this.#agent,
        headersTimeout: 10_000,
        bodyTimeout: 10_000,
      })
      await answer.body.dump()
      if (answer.statusCode !== 200) throw new Error(`HTTP ${answer.statusCode}`)
      this.#good(
        String(answer.headers['x-holdfast-member'] ?? 'unknown'),
        performance.now() - started,
      )
    } catch (error) {
      this.#failed += 1
      const cause =
        error instanceof Error
          ? ((error as { code?: string }).code ?? error.message)
          : String(error)
      this.#errors[cause] = (this.#errors[cause] ?? 0) + 1
    }
  }

  #good(member: string, latencyMs: number): void {
    const now = performance.now()
    this.#answered += 1
    this.#latencies.push(latencyMs)
    this.#perMember[member] = (this.#perMember[member] ?? 0) + 1
    this.#firstAnswerFrom[member] ??= Date.now()
    if (this.#lastGoodAt !== undefined)
      this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#lastGoodAt)
    this.#lastGoodAt = now
  }
}
