import { digestJson } from '../model/canonical.ts'
import type { ObjectId } from '../model/object-id.ts'
import type { Run } from '../workspace/workspace.ts'
import type { Outcome } from './pass-state.ts'
import type { DecidedUpdate } from './resolve-conflict.ts'
import type { RunContent } from './run-content.ts'

/** A run to be written, with what is known of it. */
export interface WantedRun {
  readonly run: Run
  readonly id: ObjectId
  readonly moved: Run
  /** Of the run's document alone. */
  readonly digest: string
  /** What the target holds of it; undefined: nothing. */
  readonly standing: Pick<Outcome, 'targetDigest' | 'targetVersion'> | undefined
  /** It was in conflict, and this side was decided to stand. */
  readonly update?: DecidedUpdate | undefined
}

export function wholeDigest(run: string, { series, artifacts }: RunContent): string {
  return digestJson({ run, series, ...(artifacts === undefined ? {} : { artifacts }) })
}
