export interface NamedMetric {
  readonly name: string
  readonly metric: number
}

export interface KnownMetrics {
  /** The numbers of a run's scalar metrics by name, as far as they are remembered. */
  of(run: number): ReadonlyMap<string, number> | undefined
  learn(run: number, metrics: readonly NamedMetric[]): void
}

/**
 * Remembers the numbers of the scalar metrics of the runs that were logged to last: a metric keeps
 * its number, its schema and its column as long as its run lives, and no number is given twice. Learn
 * only what is committed: a rollback gives the number to another metric.
 */
export function knownMetrics(most = 100_000): KnownMetrics {
  const runs = new Map<number, Map<string, number>>()
  let size = 0
  const forgetOldest = () => {
    for (const [run, names] of runs) {
      if (size <= most) return
      runs.delete(run)
      size -= names.size
    }
  }
  return {
    of: (run) => runs.get(run),
    learn(run, metrics) {
      const names = runs.get(run) ?? new Map<string, number>()
      size -= names.size
      for (const { name, metric } of metrics) names.set(name, metric)
      size += names.size
      // Last in the map is what was learnt last.
      runs.delete(run)
      runs.set(run, names)
      forgetOldest()
    },
  }
}
