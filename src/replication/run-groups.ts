import pLimit, { type LimitFunction } from 'p-limit'
import type { Workspace } from '../workspace/workspace.ts'

/** Of the first groups of a pass, which are to tell how long the series are. */
const runsAtFirst = 2
/** Every service answers the documents of so many runs in one request. */
const documentsPerRead = 25
/** Enough that a read answers with thousands of values, and little enough that groups overlap. */
const valuesPerGroup = 100_000
/** Over all batches of a pass; each group may hold pages of some 25,000 values. */
const groupsAtOnce = 6
/** Over all runs of a pass: enough for a server far away, and few enough open streams. */
const artifactsAtOnce = 24

/**
 * How the runs of a pass are cut into groups that are copied and proven together: with short series in
 * large groups, so that few requests do, with long ones in small groups, so that one is read while
 * another is written and a third is proven.
 */
export class RunGroups {
  /** Groups under way at a time. */
  readonly limit: LimitFunction = pLimit(groupsAtOnce)
  /** Artifacts under way at a time. */
  readonly artifacts: LimitFunction = pLimit(artifactsAtOnce)
  readonly #most: number
  #perRun: number | undefined

  constructor(source: Workspace, target: Workspace) {
    const together = [source, target].map(({ capabilities }) => capabilities.limits.runsPerRead)
    this.#most = Math.max(documentsPerRead, Math.min(...together))
  }

  /** These runs held so many values: half the weight of what is known is the newest. */
  learn(runs: number, values: number): void {
    if (runs === 0) return
    const perRun = values / runs
    this.#perRun = this.#perRun === undefined ? perRun : (this.#perRun + perRun) / 2
  }

  get size(): number {
    if (this.#perRun === undefined) return runsAtFirst
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
