import type { MetricValue } from '../workspace.ts'

/** Series remembered at a time; a long one is written in many calls. */
const seriesKept = 32

/**
 * What a run holds already of the series that are about to be written. Logging a value a second time
 * is slow at every server, and where the series holds NaN some releases refuse the whole call.
 */
export class StandingValues {
  readonly #read: (runId: string, key: string) => AsyncIterable<readonly MetricValue[]>
  readonly #known = new Map<string, Promise<Set<string>>>()

  constructor(read: (runId: string, key: string) => AsyncIterable<readonly MetricValue[]>) {
    this.#read = read
  }

  /** The values that are not there; they count as there from now on. */
  async missing(runId: string, values: readonly MetricValue[]): Promise<MetricValue[]> {
    const missing: MetricValue[] = []
    for (const value of values) {
      const held = await this.#held(runId, value.name)
      const identity = identityOf(value)
      if (held.has(identity)) continue
      held.add(identity)
      missing.push(value)
    }
    return missing
  }

  /** After a write that may not have happened. */
  forget(): void {
    this.#known.clear()
  }

  #held(runId: string, key: string): Promise<Set<string>> {
    const name = `${runId} ${key}`
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const [oldest] = this.#known.keys()
    if (this.#known.size >= seriesKept && oldest !== undefined) this.#known.delete(oldest)
    const asked = this.#collect(runId, key)
    this.#known.set(name, asked)
    asked.catch(() => this.#known.delete(name))
    return asked
  }

  async #collect(runId: string, key: string): Promise<Set<string>> {
    const held = new Set<string>()
    for await (const values of this.#read(runId, key))
      for (const value of values) held.add(identityOf(value))
    return held
  }
}

function identityOf({ createdUtc, step = 0, data, name }: MetricValue): string {
  return `${createdUtc} ${step} ${String(data[name])}`
}
