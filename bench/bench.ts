/** One figure of a bench. */
export interface Figure {
  /** What was measured, e.g. `page of 100 runs, p99`. */
  readonly what: string
  readonly value: number
  readonly unit: 'ms' | 's' | 'kB' | 'MB' | '1/s' | 'x' | 'rows' | 'events' | 'requests' | 'shift'
  /** What it has to reach; a figure that misses it makes the run end with exit code 1. */
  readonly atMost?: number
  readonly atLeast?: number
  /** What stands beside it, measured in the same run, in the same unit. */
  readonly beside?: { readonly what: string; readonly value: number }
}

export interface BenchContext {
  /** The size the project promises, instead of one that takes seconds. */
  readonly full: boolean
  /** Only these shapes, of a bench that has several; empty: all. */
  readonly shapes: readonly string[]
  /** This many runs of each shape instead of what `full` says. */
  readonly runs?: number
  /**
   * A file that keeps each measurement as soon as it is made, and from which those that are there are
   * taken: a bench of hours goes on where it was broken off.
   */
  readonly resume?: string
  /** A folder of this bench's own; removed afterwards. */
  readonly dir: string
  /** Tells a watching human what happens now. */
  note(line: string): void
}

export interface Bench {
  readonly name: string
  /** One line for `--list`. */
  readonly what: string
  run(context: BenchContext): Promise<readonly Figure[]>
}

export const isMet = ({ value, atMost, atLeast }: Figure): boolean =>
  (atMost === undefined || value <= atMost) && (atLeast === undefined || value >= atLeast)
