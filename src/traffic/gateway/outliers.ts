/**
 * Passive health: what real requests met, by member and origin (scoring may be down where the data
 * plane is not). One that cannot be reached is put aside for a second, then for longer, up to half a
 * minute; one answer brings it back.
 */
export interface Outliers {
  failed(candidate: Upstream): void
  succeeded(candidate: Upstream): void
  isAside(candidate: Upstream): boolean
  /** Until when anything of a member is put aside, epoch milliseconds. */
  asideUntil(member: string): number | undefined
  /** A new pointer is a new judgement: what was known of the members is forgotten. */
  reset(): void
}

export interface Upstream {
  readonly member: string
  readonly origin: string
}

const firstMs = 1000
const longestMs = 30_000

export function createOutliers(now: () => number): Outliers {
  const aside = new Map<string, { until: number; lastMs: number }>()
  const until = (key: string): number | undefined => {
    const entry = aside.get(key)
    return entry !== undefined && now() < entry.until ? entry.until : undefined
  }
  const keyOf = ({ member, origin }: Upstream): string => `${origin} ${member}`
  return {
    failed(candidate) {
      const key = keyOf(candidate)
      // Requests that were under way when it went down are one failure, not hundreds.
      if (until(key) !== undefined) return
      const last = aside.get(key)?.lastMs
      const lastMs = last === undefined ? firstMs : Math.min(last * 2, longestMs)
      aside.set(key, { until: now() + lastMs, lastMs })
    },
    succeeded(candidate) {
      if (aside.size > 0) aside.delete(keyOf(candidate))
    },
    isAside: (candidate) => aside.size > 0 && until(keyOf(candidate)) !== undefined,
    asideUntil(member) {
      const ends = [...aside.keys()]
        .filter((key) => key.slice(key.indexOf(' ') + 1) === member)
        .map((key) => until(key) ?? 0)
      const end = Math.max(0, ...ends)
      return end === 0 ? undefined : end
    },
    reset: () => aside.clear(),
  }
}

/**
 * How many requests may be sent a second time: a reserve for the moment a region goes down, refilled
 * by a share of the traffic, so that retries never multiply the load on what is left.
 */
export interface RetryBudget {
  earn(): void
  /** False: no retry now. */
  spend(): boolean
}

export function createRetryBudget(options: {
  readonly reserve: number
  readonly perRequest: number
}): RetryBudget {
  let tokens = options.reserve
  return {
    earn() {
      tokens = Math.min(options.reserve, tokens + options.perRequest)
    },
    spend() {
      if (tokens < 1) return false
      tokens -= 1
      return true
    },
  }
}
