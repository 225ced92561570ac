const minute = 60_000

/** How long a step may act, in milliseconds, by what it does: several times what was ever seen. */
export const limits = {
  /** Reads and writes a handful of records. */
  brief: 5 * minute,
  /** Asks one side for each of many objects. */
  asking: 30 * minute,
  /** Waits for deployments, which take a quarter of an hour each on a bad day. */
  deploying: 120 * minute,
  /** Copies what may be terabytes. */
  copying: 24 * 60 * minute,
} as const
