import pLimit, { type LimitFunction } from 'p-limit'
import type { Workspace } from '../workspace/workspace.ts'

/** Of the first groups of a pass, which are to tell how long the series are. */
const runsAtFirst = 2
/** Enough that a read answers with thousands of values, and little enough that groups overlap. */
const valuesPerGroup = 100_000
/** Of runs that are read one at a time. */
const singlesAtOnce = 16
/** Where many runs are read together each group holds pages of some 25,000 values. */
const groupsAtOnce = 6

/**
 * How the runs of a pass are cut into groups whose values are read together: short series in large
 * groups, so that few requests do, long ones in small groups, so that one group is read while another
 * is written and a third is proven.
 */
export class RunGroups {
  /** Groups under way at a time, over all batches. */
  readonly limit: LimitFunction
  /** What both services read at once. */
  readonly #most: number
  #perRun: number | undefined

  constructor(source: Workspace, target: Workspace) {
    this.#most = Math.min(
      source.capabilities.limits.runsPerRead,
      target.capabilities.limits.runsPerRead,
    )
    this.limit = pLimit(this.#most === 1 ? singlesAtOnce : groupsAtOnce)
  }

  /** These runs held so many values: half the weight of what is known is the newest. */
  learn(runs: number, values: number): void {
    if (runs === 0) return
    const perRun = values / runs
    this.#perRun = this.#perRun === undefined ? perRun : (this.#perRun + perRun) / 2
  }

  get size(): number {
    if (this.#perRun === undefined) return Math.min(this.#most, runsAtFirst)
    const fitting = Math.floor(valuesPerGroup / Math.max(1, this.#perRun))
    return Math.max(1, Math.min(this.#most, fitting))
  }

  /** Each group is cut when it is asked for, as large as by then is right. */
  *of<T>(runs: readonly T[]): Generator<readonly T[]> {
    for (let from = 0; from < runs.length; ) {
      const group = runs.slice(from, from + this.size)
      from += group.length
      yield group
    }
  }
}
