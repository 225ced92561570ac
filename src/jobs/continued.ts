import type { JsonObject } from '../model/json.ts'

/** A pipeline or a sweep without what it need not do again. */
export interface Continued {
  readonly body: JsonObject
  /** Null: it begins anew. */
  readonly progress: Progress | null
}

export interface Progress {
  /** What it goes on after, for operators: `prepare, train` or `3 of 20 trials`. */
  readonly after: string
  /** Nothing is left to do. */
  readonly isComplete: boolean
}
